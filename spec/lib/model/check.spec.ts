import { expect } from 'chai';
import { checkFor, checkReader, serviceBlock } from '../../../lib/model/check.ts';
import { readInstance } from '../../../lib/model/instance.ts';
import type { Job, JobCheck, JobService, Registration } from '../../../lib/model/events.ts';
import { job, jobCheck, registration, tagged } from '../../support/given.ts';

describe('serviceBlock', () => {
  const block = (over: Partial<JobService>): JobService => job({}, over).services[0]!;
  const blocks = job({
    services: [
      block({ name: 'web', portLabel: 'http' }),
      block({ name: 'web', portLabel: 'admin' }),
      block({ name: 'web', portLabel: 'http', task: 'sidecar' }),
      block({ name: '${NOMAD_TASK}-x', portLabel: 'metrics', task: 'exporter' }),
      block({ name: 'bare', portLabel: '' }),
    ],
  });
  const idOf = (owner: string, service: string, label: string) =>
    registration({ service, alloc: 'a-1', id: `_nomad-task-a-1-${owner}-${service}-${label}` });

  const found: readonly (readonly [what: string, of: Registration, index: number])[] = [
    ['a group service', idOf('group-web', 'web', 'http'), 0],
    ['the same service on another port', idOf('group-web', 'web', 'admin'), 1],
    ['a task service', idOf('sidecar', 'web', 'http'), 2],
    ['a service whose name the client filled in', idOf('exporter', 'exporter-x', 'metrics'), 3],
    ['a service without a port label', idOf('group-web', 'bare', ''), 4],
  ];
  for (const [what, of, index] of found) {
    it(`finds the block of ${what}`, () => {
      expect(serviceBlock(blocks, of)).to.equal(blocks.services[index]);
    });
  }

  it('finds none in a job that has no such service any more', () => {
    expect(serviceBlock(job({ services: [] }), registration())).to.equal(undefined);
    expect(serviceBlock(blocks, idOf('other', 'web', 'http'))).to.equal(undefined);
  });
});

describe('checkReader', () => {
  it('is the check of one instance by its own tags, else by its job', () => {
    const of = job({}, { checks: [jobCheck()] });
    const checkOf = checkReader('haproxy');
    const check = (one: Registration, by?: Job) => checkOf(one, by).check;
    expect(check(tagged('haproxy.check.path=/tag'), of)).to.deep.include({ kind: 'http', path: '/tag' });
    expect(check(registration(), of)).to.deep.include({ kind: 'http', path: '/health' });
    expect(check(registration())).to.deep.equal({ kind: 'tcp', intervalMs: 2000 });
  });

  it('reads a long list of tags once for each registration, and its job each time', () => {
    const checkOf = checkReader('haproxy');
    const one = tagged('haproxy.check.type=http', ...Array.from({ length: 60 }, (_, n) => `haproxy.x${n}=1`));
    let reads = 0;
    const list = new Proxy(one.tags, {
      get(target, name) {
        if (name === Symbol.iterator) reads += 1;
        return Reflect.get(target, name) as unknown;
      },
    });
    const asked = { ...one, tags: list };
    expect(checkOf(asked, undefined).check).to.deep.include({ path: '/' });
    expect(checkOf(asked, job({}, { checks: [jobCheck()] })).check).to.deep.include({ path: '/health' });
    expect(reads).to.equal(1);
    checkOf({ ...asked }, undefined);
    expect(reads).to.equal(2);
  });
});

describe('checkFor', () => {
  const cases: readonly (readonly [tags: readonly string[], checks: readonly JobCheck[], source: string])[] = [
    [[], [], 'default'],
    [[], [jobCheck()], 'job'],
    [[], [jobCheck({ type: 'tcp' })], 'job'],
    [[], [jobCheck({ protocol: 'https' })], 'default'],
    [['haproxy.check.path=/tag'], [jobCheck()], 'tags'],
    [['haproxy.check.type=tcp'], [jobCheck()], 'tags'],
    [['haproxy.check.type=http'], [], 'tags'],
    [['haproxy.check.disabled=true'], [jobCheck()], 'tags'],
    [['haproxy.check.host=a.example.com'], [jobCheck()], 'job'],
  ];
  for (const [tags, checks, source] of cases) {
    const given = checks.map(({ type, protocol }) => `a ${type} check by ${protocol}`).join() || 'no check';
    it(`comes from ${source} with ${tags.join() || 'no tag'} and ${given} of the job`, () => {
      const one = tagged(...tags);
      const { settings } = readInstance(one, false, 'haproxy');
      expect(checkFor(settings, one, job({}, { checks })).source).to.equal(source);
    });
  }

  const patience: readonly (readonly [timeoutMs: number | undefined, answerMs: number])[] = [
    [undefined, 1000],
    [0, 1000],
    [800, 1000],
    [2500.4, 2500],
    [30_000, 10_000],
  ];
  for (const [timeoutMs, answerMs] of patience) {
    const given = timeoutMs === undefined ? 'no check' : `a timeout of ${timeoutMs} ms`;
    it(`waits ${answerMs} ms for an answer with ${given} of the job, and tells HAProxy nothing of it`, () => {
      const checks = timeoutMs === undefined ? [] : [jobCheck({ timeoutMs })];
      const one = tagged('haproxy.check.path=/tag');
      const { settings } = readInstance(one, false, 'haproxy');
      const chosen = checkFor(settings, one, job({}, { checks }));
      expect(chosen.answerMs).to.equal(answerMs);
      expect(chosen.check).to.have.all.keys('kind', 'method', 'path', 'intervalMs');
    });
  }
});
