import { expect } from 'chai';
import {
  endpoint,
  isManaged,
  mergeChanges,
  movesInstances,
  problemsOf,
  type ServiceChange,
} from '../../../lib/model/service.ts';
import { appears, becomes, goes, registration, serving, starting, stays, tagged } from '../../support/given.ts';

const web = serving(registration());
const two = serving(registration(), registration({ port: 8002 }));
const plain = serving(registration({ tags: [] }));
const moved = serving(registration({ address: '10.0.0.2' }));
const reborn = serving(registration({ alloc: 'next' }));
const misspelt = serving(registration({ tags: ['haproxy.enabel=true'] }));

describe('isManaged', () => {
  const cases: readonly (readonly [what: string, change: ServiceChange, managed: boolean])[] = [
    ['a managed service appears', appears(web), true],
    ['a managed service goes', goes(web), true],
    ['tags are added', becomes(plain, web), true],
    ['tags are removed', becomes(web, plain), true],
    ['nothing of it was ever ours', becomes(plain, plain), false],
    ['a tag is misspelt', appears(misspelt), true],
    ['there is nothing before and after', { key: 'default/web' }, false],
  ];
  for (const [what, change, managed] of cases) {
    it(`is ${String(managed)} when ${what}`, () => {
      expect(isManaged(change)).to.equal(managed);
    });
  }
});

describe('problemsOf', () => {
  it('lists what is wrong with the tags, then what another service holds', () => {
    const denials = [{ claim: 'exact domain a.com', holder: 'default/first' as const }];
    const lost = { subject: 'exact domain a.com', text: 'is held by default/first, which was there first' };
    expect(problemsOf(web)).to.deep.equal([]);
    expect(problemsOf({ ...web, denials })).to.deep.equal([lost]);
    expect(problemsOf({ ...misspelt, denials })).to.deep.equal([...misspelt.problems, lost]);
  });
});

describe('movesInstances', () => {
  const cases: readonly (readonly [what: string, change: ServiceChange, moves: boolean])[] = [
    ['an instance is admitted', becomes(starting(registration()), web), true],
    ['another one comes', becomes(web, two), true],
    ['one goes', becomes(two, web), true],
    ['one goes to another address', becomes(web, moved), true],
    ['the service goes', goes(web), true],
    ['the service is no longer managed', becomes(web, plain), true],
    ['an instance is registered and not admitted', appears(starting(registration())), false],
    ['another allocation serves at the same address', becomes(web, reborn), false],
    ['only settings change', becomes(web, serving(tagged('haproxy.weight=1'))), false],
    ['nothing changes', stays(web), false],
  ];
  for (const [what, change, moves] of cases) {
    it(`is ${String(moves)} when ${what}`, () => {
      expect(movesInstances(change)).to.equal(moves);
    });
  }
});

describe('mergeChanges', () => {
  it('keeps the first before and the last after', () => {
    expect(mergeChanges(becomes(plain, web), becomes(web, two))).to.deep.equal(becomes(plain, two));
    expect(mergeChanges(appears(web), goes(web))).to.deep.equal({ key: 'default/web' });
    expect(mergeChanges(goes(web), appears(two))).to.deep.equal(becomes(web, two));
  });

  it('stays part of a snapshot only where both are', () => {
    const of = (change: ServiceChange) => ({ ...change, snapshot: true }) as const;
    expect(mergeChanges(of(appears(web)), of(stays(web))).snapshot).to.equal(true);
    expect(mergeChanges(of(appears(web)), stays(web))).not.to.have.property('snapshot');
  });

  it('remembers that HAProxy has moved', () => {
    const asked = { ...stays(web), moved: true } as const;
    expect(mergeChanges(asked, stays(web)).moved).to.equal(true);
    expect(mergeChanges(stays(web), asked).moved).to.equal(true);
    expect(mergeChanges(stays(web), stays(web))).not.to.have.property('moved');
  });
});

describe('endpoint', () => {
  it('puts an IPv6 address into brackets', () => {
    expect(endpoint({ address: '2001:db8::1', port: 80 })).to.equal('[2001:db8::1]:80');
    expect(endpoint({ address: '10.0.0.1', port: 80 })).to.equal('10.0.0.1:80');
    expect(endpoint({ address: 'app.internal', port: 80 })).to.equal('app.internal:80');
  });
});
