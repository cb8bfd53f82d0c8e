import { expect } from 'chai';
import type { Failure } from '../../lib/model/failure.ts';
import type { Notice } from '../../lib/model/notice.ts';
import { foldReadiness, readiness, startReadiness, type Tick } from '../../lib/readiness.ts';

const failure: Failure = { kind: 'unreachable', message: 'refused', where: 'h:1', hint: 'start it' };
const snapshot: Notice = { kind: 'snapshot-read', index: 1, services: 1, registrations: 1, reason: 'start' };
const firstPass: Notice = { kind: 'first-pass-done' };
const nomadLost: Notice = { kind: 'nomad-lost', failure, retryInMs: 500 };
const nomadConnected: Notice = { kind: 'nomad-connected', address: 'http://n' };
const haproxyLost: Notice = { kind: 'haproxy-lost', failure };
const haproxyConnected: Notice = {
  kind: 'haproxy-connected',
  haproxy: '3.4.0',
  dataplane: '3.4.0',
};
const serviceFailed: Notice = { kind: 'service-failed', service: 'default/web', failure };

function at(seconds: number): Tick {
  return { kind: 'tick', now: seconds * 1000 };
}

function reasons(...events: readonly (Notice | Tick)[]): readonly string[] {
  const state = events.reduce(foldReadiness, startReadiness(0));
  const result = readiness(state);
  expect(result.ready).to.equal(result.reasons.length === 0);
  return result.reasons;
}

describe('readiness', () => {
  const unread = "Nomad's services have not been read yet";
  const untried = "not every service of Nomad's first snapshot has been tried yet";
  const cases: readonly (readonly [string, readonly (Notice | Tick)[], readonly string[]])[] = [
    ['at the start', [], [unread]],
    ['before the snapshot', [nomadConnected, haproxyConnected], [unread]],
    [
      'where HAProxy refuses the password at the start',
      [{ kind: 'haproxy-lost', failure: { ...failure, kind: 'unauthorized' } }, at(2)],
      [unread, 'waits for HAProxy: unauthorized'],
    ],
    [
      'where neither end answers at the start',
      [haproxyLost, at(1), nomadLost, at(31)],
      [unread, 'waits for Nomad: unreachable', 'waits for HAProxy: unreachable'],
    ],
    ['when an end is there before the snapshot', [haproxyLost, nomadLost, haproxyConnected, nomadConnected], [unread]],
    ['before every service was tried', [nomadConnected, snapshot, serviceFailed], [untried]],
    ['once every service was tried', [nomadConnected, snapshot, firstPass], []],
    ['where a service failed', [snapshot, serviceFailed, firstPass, serviceFailed], []],
    ['at a later snapshot', [snapshot, firstPass, snapshot], []],
    ['just after Nomad went', [snapshot, firstPass, at(100), nomadLost, at(129)], []],
    [
      '30 s after Nomad went',
      [snapshot, firstPass, at(100), nomadLost, at(130)],
      ['Nomad has been unreachable for 30 s'],
    ],
    [
      'while every new attempt fails',
      [snapshot, firstPass, at(100), nomadLost, at(120), nomadLost, at(145), nomadLost],
      ['Nomad has been unreachable for 45 s'],
    ],
    ['when Nomad is back', [snapshot, firstPass, at(100), nomadLost, at(150), nomadConnected, at(200)], []],
    ['when Nomad goes again', [snapshot, firstPass, at(1), nomadLost, nomadConnected, at(20), nomadLost, at(49)], []],
    [
      '30 s after both went',
      [snapshot, firstPass, at(1), nomadLost, at(2), haproxyLost, at(32)],
      ['Nomad has been unreachable for 31 s', 'HAProxy has been unreachable for 30 s'],
    ],
    ['when HAProxy is back', [snapshot, firstPass, haproxyLost, at(90), haproxyConnected], []],
    [
      'where HAProxy never was',
      [haproxyLost, nomadConnected, snapshot, at(60)],
      [untried, 'HAProxy has been unreachable for 60 s'],
    ],
    [
      'whatever else is said',
      [
        snapshot,
        firstPass,
        { kind: 'nomad-input-skipped', what: 'a line', why: 'not JSON' },
        { kind: 'service-problems', service: 'default/web', problems: [] },
        { kind: 'applied', lane: 'maps', steps: [], reloaded: false, tookMs: 1 },
        { kind: 'settled', service: 'default/web' },
        { kind: 'haproxy-moved', what: 'version' },
        { kind: 'drift-found', where: 'map', what: 'rows', differs: 'few', repair: 'mended' },
        { kind: 'health-seen', backend: 'web', services: ['default/web'], servers: { nomad01: 'down' } },
        { kind: 'haproxy-warning', text: 'no frontend', hint: 'write one' },
      ],
      [],
    ],
  ];
  it('is given while services are held, and says which and why', () => {
    const services = Array.from({ length: 30 }, (_, n) => `default/web-${n}` as const);
    const held: Notice = { kind: 'losses-held', services, namespaces: [], why: 'so', confirmInMs: 1 };
    const after = (...events: readonly Notice[]) =>
      readiness([snapshot, firstPass, ...events].reduce(foldReadiness, startReadiness(0)));
    expect(after(held)).to.deep.equal({
      ready: true,
      reasons: [],
      held: { why: 'so', services: services.slice(0, 20), servicesInAll: 30 },
    });
    const rest = after(held, { kind: 'losses-released', services: services.slice(1), by: 'return' });
    expect(rest.held).to.deep.include({ services: services.slice(0, 1), servicesInAll: 1 });
    expect(after(held, { kind: 'losses-released', services, by: 'snapshot' })).to.deep.equal({
      ready: true,
      reasons: [],
    });
  });

  for (const [when, events, expected] of cases) {
    it(`${expected.length === 0 ? 'is given' : 'is not given'} ${when}`, () => {
      expect(reasons(...events)).to.deep.equal(expected);
    });
  }
});
