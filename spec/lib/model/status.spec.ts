import { expect } from 'chai';
import fc from 'fast-check';
import type { Failure } from '../../../lib/model/failure.ts';
import type { Notice } from '../../../lib/model/notice.ts';
import {
  createStatus,
  foldStatus,
  keptLatencies,
  keptReloads,
  keptWarnings,
  type Status,
} from '../../../lib/model/status.ts';
import type { Step } from '../../../lib/model/step.ts';

const service = 'default/web';
const failure: Failure = { kind: 'unreachable', message: 'refused', where: 'h:1', hint: 'start it' };
const other: Failure = { ...failure, message: 'timeout' };
const problem = { subject: 'haproxy.weight', text: 'is not a number' };
const held = { namespaces: [], why: 'it is so', confirmInMs: 15_000 };
const drain: Step = { service, kind: 'drain-slot', backend: 'web', slot: 'nomad01' };
const create: Step = {
  service,
  kind: 'create-backend',
  backend: 'web',
  slots: [],
  settings: { from: '', mode: 'http', balance: 'roundrobin', check: { kind: 'none' } },
  slotSettings: { check: { kind: 'none' }, backup: false, maxconn: 0 },
};

function reload(over: Partial<Extract<Notice, { kind: 'applied' }>> = {}): Notice {
  return { kind: 'applied', lane: 'commit', steps: [create], reloaded: true, tookMs: 35, ...over };
}

/** The status after these notices, a second apart. */
function after(...notices: readonly Notice[]): Status {
  const status = createStatus(0);
  notices.forEach((notice, n) => foldStatus(status, notice, (n + 1) * 1000));
  return status;
}

describe('The status', () => {
  const cases: readonly (readonly [what: string, notices: readonly Notice[], expected: Partial<Status>])[] = [
    [
      'knows neither end at first',
      [],
      { nomad: { connected: false, since: 0 }, haproxy: { connected: false, since: 0 } },
    ],
    ['sees Nomad come', [{ kind: 'nomad-connected', address: 'n' }], { nomad: { connected: true, since: 1000 } }],
    [
      'counts the time away from the first failure in a row, and shows the last',
      [
        { kind: 'nomad-connected', address: 'n' },
        { kind: 'nomad-lost', failure, retryInMs: 1 },
        { kind: 'nomad-lost', failure: other, retryInMs: 1 },
      ],
      { nomad: { connected: false, since: 2000, failure: other } },
    ],
    [
      'remembers which HAProxy it was that is away',
      [
        { kind: 'haproxy-connected', haproxy: '3.4.7', dataplane: '3.4.2' },
        { kind: 'haproxy-lost', failure },
      ],
      { haproxy: { connected: false, since: 2000, failure, haproxy: '3.4.7', dataplane: '3.4.2' } },
    ],
    [
      'shows the last snapshot',
      [{ kind: 'snapshot-read', index: 7, services: 2, registrations: 5, reason: 'gap' }],
      { snapshot: { at: 1000, reason: 'gap', index: 7, services: 2, registrations: 5 } },
    ],
    [
      'keeps what is held until it is let go, and when that is decided',
      [
        { kind: 'losses-held', services: [service, 'default/db'], ...held },
        { kind: 'losses-released', services: ['default/db'], by: 'return' },
      ],
      { held: { kind: 'losses-held', ...held, services: [service], confirmAt: 16_000 } as Status['held'] & object },
    ],
    [
      'forgets what is held no more',
      [
        { kind: 'losses-held', services: [service], ...held },
        { kind: 'losses-released', services: [service], by: 'operator' },
      ],
      { held: undefined },
    ],
    [
      'writes every reload down with its cause',
      [reload(), reload({ steps: [], unasked: 'repair', tookMs: 80 })],
      {
        reloads: [
          { at: 2000, cause: 'repair', services: [], servicesInAll: 0, tookMs: 80 },
          { at: 1000, cause: 'new-backend', services: [service], servicesInAll: 1, tookMs: 35 },
        ],
      },
    ],
    [
      'knows the last write for each service, by the kinds of its steps',
      [
        reload({ steps: [create, { ...create, service: 'default/db' }, create] }),
        reload({ lane: 'runtime', reloaded: false, steps: [{ ...create, service: 'default/db' }] }),
      ],
      {
        writes: new Map([
          [service, { at: 1000, lane: 'commit', steps: ['create-backend'] }],
          ['default/db', { at: 2000, lane: 'runtime', steps: ['create-backend'] }],
        ]),
      },
    ],
    [
      'shows how long instances took, the newest first',
      [
        reload({ ready: [{ service, toldMs: 40, admittedMs: 4 }] }),
        reload({ ready: [{ service, toldMs: 50, admittedMs: 5 }] }),
      ],
      {
        latency: [
          { at: 2000, service, toldMs: 50, admittedMs: 5 },
          { at: 1000, service, toldMs: 40, admittedMs: 4 },
        ],
      },
    ],
    [
      'shows warnings, the newest first',
      [{ kind: 'haproxy-warning', text: 'no frontend', hint: 'write one' }],
      { warnings: [{ at: 1000, text: 'no frontend', hint: 'write one' }] },
    ],
    [
      'shows problems until there are none',
      [
        { kind: 'service-problems', service, problems: [problem] },
        { kind: 'service-problems', service: 'default/db', problems: [problem] },
        { kind: 'service-problems', service: 'default/db', problems: [] },
      ],
      { problems: new Map([[service, [problem]]]) },
    ],
    [
      'shows a failure with its next try',
      [{ kind: 'service-failed', service, failure, retryInMs: 500.4 }],
      { failures: new Map([[service, { at: 1000, failure, retryAt: 1500 }]]) },
    ],
    [
      'forgets a failure when the service is in place',
      [
        { kind: 'service-failed', service, failure },
        { kind: 'settled', service },
      ],
      { failures: new Map() },
    ],
    [
      'shows the health of servers until another instance takes the slot',
      [
        { kind: 'health-seen', backend: 'web', services: [service], servers: { nomad01: 'down', nomad02: 'up' } },
        { kind: 'health-seen', backend: 'db', services: ['default/db'], servers: { nomad01: 'up' } },
        { kind: 'health-seen', backend: 'db', services: ['default/db'], servers: {} },
        reload({ lane: 'runtime', steps: [drain], reloaded: false }),
      ],
      { health: new Map([['web', { nomad02: 'up' }]]) },
    ],
  ];
  for (const [what, notices, expected] of cases) {
    it(what, () => {
      expect(after(...notices)).to.deep.include(expected);
    });
  }

  it('counts writes by lane, steps, reloads, moves, repairs and what was skipped', () => {
    const drift = { kind: 'drift-found', where: 'web/nomad01', what: 'state', differs: 'maint' } as const;
    const { counts } = after(
      reload(),
      reload({ lane: 'runtime', steps: [drain, drain], reloaded: false }),
      { kind: 'haproxy-moved', what: 'version' },
      { ...drift, repair: 'planned' },
      { ...drift, repair: 'none' },
      { kind: 'nomad-input-skipped', what: 'a line', why: 'not JSON' },
    );
    expect(counts).to.deep.equal({
      events: 0,
      changes: 0,
      batches: 0,
      steps: 3,
      reloads: 1,
      moves: 1,
      drifts: 1,
      skipped: 1,
      writes: { commit: 1, slots: 0, runtime: 1, maps: 0 },
    });
  });

  it('says which services a notice concerns', () => {
    const status = createStatus(0);
    const touched = (notice: Notice) => foldStatus(status, notice, 0);
    expect(touched(reload({ steps: [drain, create] }))).to.deep.equal([service]);
    expect(touched({ kind: 'settled', service })).to.deep.equal([service]);
    expect(touched({ kind: 'health-seen', backend: 'web', services: [service], servers: {} })).to.deep.equal([service]);
    expect(touched({ kind: 'losses-held', services: [service], ...held })).to.deep.equal([service]);
    expect(touched({ kind: 'first-pass-done' })).to.deep.equal([]);
  });

  it('grows with services and backends, and with nothing else', () => {
    const name = fc.constantFrom('default/a', 'default/b', 'shop/c');
    const told = fc.array(
      fc.record({
        service: name,
        tookMs: fc.nat(),
        ready: fc.array(fc.record({ service: name, toldMs: fc.nat(), admittedMs: fc.nat() }), { maxLength: 300 }),
      }),
      { minLength: 100, maxLength: 150 },
    );
    fc.assert(
      fc.property(told, (all) => {
        const status = after(
          ...all.flatMap((one): readonly Notice[] => [
            reload({ steps: [{ ...create, service: one.service }], tookMs: one.tookMs, ready: one.ready }),
            { kind: 'haproxy-warning', text: String(one.tookMs), hint: '' },
            { kind: 'service-failed', service: one.service, failure },
            { kind: 'service-problems', service: one.service, problems: [problem] },
          ]),
        );
        expect(status.reloads).to.have.length(keptReloads);
        expect(status.warnings).to.have.length(keptWarnings);
        expect(status.latency.length).to.be.at.most(keptLatencies);
        expect(status.problems.size + status.failures.size).to.be.at.most(6);
      }),
      { numRuns: 20 },
    );
  });

  it('names few of the services that one reload was for', () => {
    const steps = Array.from({ length: 100 }, (_, n): Step => ({ ...create, service: `default/s${n}` }));
    const [first] = after(reload({ steps })).reloads;
    expect(first).to.deep.include({ servicesInAll: 100 });
    expect(first?.services).to.have.length(5);
  });
});
