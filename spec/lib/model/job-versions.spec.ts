import { expect } from 'chai';
import type { Job } from '../../../lib/model/events.ts';
import { newestOf, servingVersion, succeed, versionFor, versionsOf } from '../../../lib/model/job-versions.ts';
import { job, registration } from '../../support/given.ts';

const version = (modifyIndex: number, over: Partial<Job> = {}) => job({ modifyIndex, stable: false, ...over });
const [v1, v2, v3] = [version(10, { stable: true }), version(20), version(30)];
const made = (createIndex: number) => registration({ port: createIndex, createIndex });
const indexOf = ({ modifyIndex }: Job) => modifyIndex;
const indexes = (newest: Job) => versionsOf(newest).map(indexOf);

describe('succeed', () => {
  it('keeps the versions that were replaced, down to one that is stable', () => {
    const second = succeed(v1, v2);
    expect(second).to.deep.equal({ ...v2, earlier: [v1] });
    const third = succeed(second, v3);
    expect(third).to.deep.equal({ ...v3, earlier: [v2, v1] });
    expect(succeed({ ...third, stable: true }, version(40)).earlier?.map(indexOf)).to.deep.equal([30]);
  });

  it('forgets them with a version that is stable', () => {
    expect(succeed(succeed(v1, v2), { ...v2, stable: true })).to.deep.equal({ ...v2, stable: true });
  });

  it('keeps them where a version is told again, and goes by what comes with it', () => {
    expect(succeed(succeed(v1, v2), v2)).to.deep.equal({ ...v2, earlier: [v1] });
    const told = { ...v3, earlier: [v2] };
    expect(succeed(v1, told)).to.equal(told);
  });

  it('follows on nothing that is not known, was purged, or is of after a backup', () => {
    expect(succeed(undefined, v2)).to.equal(v2);
    expect(succeed(v1, version(20, { createIndex: 15 }))).to.not.have.property('earlier');
    expect(succeed(v3, v2)).to.not.have.property('earlier');
  });

  it('keeps as many as Nomad does, the oldest among them', () => {
    const all = Array.from({ length: 9 }, (_, n) => version(20 + n));
    const newest = all.reduce<Job>(succeed, v1);
    expect(indexes(newest)).to.deep.equal([10, 24, 25, 26, 27, 28]);
  });
});

describe('newestOf', () => {
  it('is the newest of versions in any order, with those before it', () => {
    expect(newestOf([v2, v3, v1])).to.deep.equal({ ...v3, earlier: [v2, v1] });
    expect(newestOf([v1])).to.deep.equal(v1);
    expect(newestOf([])).to.equal(undefined);
  });

  it('is told by its versions', () => {
    expect(versionsOf({ ...v3, earlier: [v2, v1] })).to.deep.equal([v1, v2, v3]);
  });
});

describe('versionFor', () => {
  const newest = { ...v3, earlier: [v2, v1] };

  for (const [what, createdAt, expected] of [
    ['the newest version', 31, 30],
    ['the one in the middle', 21, 20],
    ['the oldest', 11, 10],
    ['one that is not known any more', 9, 10],
  ] as const) {
    it(`is the version by which an instance was made: ${what}`, () => {
      expect(indexOf(versionFor(newest, made(createdAt)))).to.equal(expected);
    });
  }

  it('is one that is stable for whatever is older: it was updated in place', () => {
    const after = { ...v3, earlier: [{ ...v2, stable: true }] };
    expect(indexOf(versionFor(after, made(9)))).to.equal(20);
    expect(indexOf(versionFor({ ...v3, stable: true }, made(9)))).to.equal(30);
  });
});

describe('servingVersion', () => {
  const newest = { ...v3, earlier: [v2, v1] };

  for (const [what, createdAt, expected] of [
    ['that of most of what serves', [11, 12, 31], 10],
    ['that before, while there are as many of both', [11, 31], 10],
    ['the one in the middle where what is older is less than half', [11, 21, 31], 20],
    ['the newest once most of what serves is of it', [11, 31, 32], 30],
    ['the newest while nothing serves', [], 30],
  ] as const) {
    it(`is ${what}`, () => {
      expect(indexOf(servingVersion(newest, createdAt.map(made)))).to.equal(expected);
    });
  }

  it('is the newest where no other is known', () => {
    expect(servingVersion(v3, [made(1)])).to.equal(v3);
  });
});
