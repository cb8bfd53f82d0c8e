import { expect } from 'chai';
import { loadConfig } from '../../lib/config.ts';
import type { Kept } from '../../lib/model/kept.ts';
import type { Notice } from '../../lib/model/notice.ts';
import { createStartUp } from '../../lib/start-up.ts';

const env = { HAPROXY_USERNAME: 'u', HAPROXY_PASSWORD: 'p', HAPROXY_FRONTEND: 'www', NOMAD_NAMESPACE: 'web,shop' };
const failure = { kind: 'rejected', message: 'no', where: 'here', hint: 'do' } as const;

function startUp(entries: Partial<Record<Kept, number>> = {}, dryRun = false) {
  const loaded = loadConfig({ env });
  if ('errors' in loaded) throw new Error('the configuration is wrong');
  let now = 0;
  const told = createStartUp({
    config: loaded.config,
    versions: { version: '1.2.3', node: 'v24.2.0' },
    kept: (what) => entries[what] ?? 0,
    dryRun,
    now: () => now,
  });
  return {
    ...told,
    observe: (...notices: readonly Notice[]) => notices.map(told.observe).at(-1),
    pass: (ms: number) => {
      now += ms;
    },
  };
}

const connected: Notice = { kind: 'haproxy-connected', haproxy: '3.4.7', dataplane: 'v3.4.2' };
const snapshotRead: Notice = { kind: 'snapshot-read', index: 7, services: 5, registrations: 9, reason: 'start' };
const applied = { kind: 'applied', lane: 'commit', steps: [], tookMs: 1 } as const;

describe('the start in the log', () => {
  it('ends with what the connector works with and has done', () => {
    const { observe, pass } = startUp();
    pass(1234.5);
    const line = observe(
      connected,
      snapshotRead,
      { kind: 'service-problems', service: 'web/a', problems: [{ subject: 'haproxy.x', text: 'is not a tag' }] },
      { kind: 'service-problems', service: 'web/b', problems: [] },
      { kind: 'service-failed', service: 'web/a', failure },
      { kind: 'service-failed', service: 'web/b', failure },
      { kind: 'settled', service: 'web/b' },
      { ...applied, reloaded: true },
      { ...applied, reloaded: false },
      { kind: 'first-pass-done' },
    );
    expect(line).to.deep.equal({
      level: 'info',
      message: 'started',
      fields: {
        version: '1.2.3',
        node: 'v24.2.0',
        dryRun: false,
        haproxy: '3.4.7',
        dataplane: 'v3.4.2',
        capabilities: ['runtimeAddress'],
        nomad: 'http://127.0.0.1:4646',
        namespaces: ['web', 'shop'],
        frontends: ['www'],
        owner: 'nomad',
        tags: ['haproxy'],
        services: 5,
        registrations: 9,
        failed: 1,
        withProblems: 1,
        reloads: 1,
        tookMs: 1235,
      },
    });
  });

  it('names no capability of a Data Plane API that has none', () => {
    const old: Notice = { kind: 'haproxy-connected', haproxy: '3.0.11', dataplane: 'v3.0.23' };
    expect(startUp().observe(old, snapshotRead, { kind: 'first-pass-done' })?.fields['capabilities']).to.deep.equal([]);
  });

  it('waits for what was read and for HAProxy, in whatever order they are told', () => {
    const parts = [connected, snapshotRead, { kind: 'first-pass-done' }] as const;
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const { observe } = startUp();
      const lines = order.map((n) => observe(parts[n]!));
      expect(lines.slice(0, 2)).to.deep.equal([undefined, undefined]);
      expect(lines[2]?.fields).to.include({ services: 5, haproxy: '3.4.7' });
    }
  });

  it('does not wait for a HAProxy that is the twin', () => {
    const line = startUp({}, true).observe({ kind: 'first-pass-done' }, snapshotRead);
    expect(line).to.have.property('message', 'started');
    expect(line?.fields).to.include({ dryRun: true });
  });

  it('is said once', () => {
    const { observe, progress } = startUp();
    expect(observe(connected, snapshotRead, { kind: 'first-pass-done' })).to.have.property('message', 'started');
    expect(observe({ kind: 'first-pass-done' })).to.equal(undefined);
    expect(progress()).to.equal(undefined);
  });

  it('counts the services that wait, once there is a snapshot, and is silent where nothing moves', () => {
    const kept: Partial<Record<Kept, number>> = { runtime_lane: 1, writer_lane: 3, probes: 2 };
    const { observe, progress } = startUp(kept);
    expect(progress()).to.equal(undefined);
    observe(snapshotRead);
    expect(progress()).to.deep.equal({
      level: 'info',
      message: 'bringing services to HAProxy',
      fields: { waiting: 4, of: 5, probing: 2 },
    });
    expect(progress()).to.equal(undefined);
    kept.writer_lane = 1;
    expect(progress()?.fields).to.deep.equal({ waiting: 2, of: 5, probing: 2 });
  });
});
