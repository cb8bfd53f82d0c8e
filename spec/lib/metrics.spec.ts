import { expect } from 'chai';
import { createMetrics } from '../../lib/metrics.ts';
import type { Failure } from '../../lib/model/failure.ts';
import type { Notice } from '../../lib/model/notice.ts';

const failure: Failure = { kind: 'unreachable', message: 'refused', where: 'h:1', hint: 'start it' };
const service = 'default/web';
const held = { namespaces: [], why: 'it is so', confirmInMs: 1 };

async function page(...notices: readonly Notice[]): Promise<string> {
  const metrics = createMetrics();
  notices.forEach(metrics.observe);
  return metrics.text();
}

describe('metrics', () => {
  const cases: readonly (readonly [readonly Notice[], readonly string[]])[] = [
    [[], ['nomad_connected 0', 'haproxy_connected 0', 'reloads_total{cause="rows"} 0', 'inputs_skipped_total 0']],
    [[{ kind: 'nomad-connected', address: 'http://n' }], ['nomad_connected 1']],
    [
      [
        { kind: 'nomad-connected', address: 'http://n' },
        { kind: 'nomad-lost', failure, retryInMs: 1 },
      ],
      ['nomad_connected 0', 'failures_total{scope="nomad",kind="unreachable"} 1'],
    ],
    [[{ kind: 'haproxy-connected', haproxy: '3.4', dataplane: '3.4' }], ['haproxy_connected 1']],
    [
      [
        { kind: 'haproxy-connected', haproxy: '3.4', dataplane: '3.4' },
        { kind: 'haproxy-lost', failure },
      ],
      ['haproxy_connected 0', 'failures_total{scope="haproxy",kind="unreachable"} 1'],
    ],
    [
      [{ kind: 'service-failed', service, failure: { ...failure, kind: 'rejected' } }],
      ['failures_total{scope="service",kind="rejected"} 1', 'failures_total{scope="service",kind="unreachable"} 0'],
    ],
    [
      [{ kind: 'snapshot-read', index: 1, services: 1, registrations: 1, reason: 'gap' }],
      ['snapshots_total{reason="gap"} 1', 'snapshots_total{reason="audit"} 0'],
    ],
    [
      [{ kind: 'ghosts-ignored', ghosts: [{ namespace: 'default', id: 'web-1', service: 'web', createIndex: 7 }] }],
      ['ghosts 1'],
    ],
    [[{ kind: 'losses-held', services: [service, 'default/db'], ...held }], ['services_held 2']],
    [
      [
        { kind: 'losses-held', services: [service, 'default/db'], ...held },
        { kind: 'losses-released', services: [service], by: 'operator' },
      ],
      ['services_held 1'],
    ],
    [[{ kind: 'nomad-input-skipped', what: 'a line', why: 'not JSON' }], ['inputs_skipped_total 1']],
    [
      [
        {
          kind: 'service-problems',
          service,
          problems: [
            { subject: 'a', text: 'b' },
            { subject: 'c', text: 'd' },
          ],
        },
        { kind: 'service-problems', service, problems: [] },
      ],
      ['service_problems_total 2'],
    ],
    [
      [
        {
          kind: 'applied',
          lane: 'commit',
          steps: [
            { service, kind: 'drain-slot', backend: 'web', slot: 'nomad01' },
            { service, kind: 'drain-slot', backend: 'web', slot: 'nomad02' },
            { service, kind: 'install-routing', frontend: 'http' },
          ],
          reloaded: true,
          tookMs: 35,
        },
        { kind: 'applied', lane: 'runtime', steps: [], reloaded: false, tookMs: 2 },
      ],
      [
        'steps_applied_total{kind="drain-slot"} 2',
        'steps_applied_total{kind="install-routing"} 1',
        'steps_applied_total{kind="fill-slot"} 0',
        'writes_total{lane="commit"} 1',
        'writes_total{lane="runtime"} 1',
        'writes_total{lane="maps"} 0',
        'reloads_total{cause="routing-rule"} 1',
        'reloads_total{cause="repair"} 0',
        'write_duration_seconds_bucket{le="0.025",lane="commit"} 0',
        'write_duration_seconds_bucket{le="0.05",lane="commit"} 1',
        'write_duration_seconds_sum{lane="commit"} 0.035',
        'write_duration_seconds_count{lane="maps"} 0',
      ],
    ],
    [
      [
        {
          kind: 'applied',
          lane: 'runtime',
          steps: [],
          reloaded: false,
          tookMs: 2,
          ready: [
            { service, toldMs: 400, admittedMs: 6 },
            { service, toldMs: 40, admittedMs: 4 },
          ],
        },
      ],
      [
        'event_to_ready_seconds_bucket{le="0.05",since="told"} 1',
        'event_to_ready_seconds_sum{since="told"} 0.44',
        'event_to_ready_seconds_bucket{le="0.005",since="admitted"} 1',
        'event_to_ready_seconds_bucket{le="0.01",since="admitted"} 2',
      ],
    ],
    [[{ kind: 'haproxy-moved', what: 'version' }], ['haproxy_moves_total 1']],
    [
      [
        { kind: 'drift-found', service, where: 'web/nomad01', what: 'state', differs: 'maint', repair: 'planned' },
        { kind: 'drift-found', service, where: 'web/nomad02', what: 'state', differs: 'maint', repair: 'none' },
      ],
      ['drift_repairs_total{what="state"} 1', 'drift_repairs_total{what="rows"} 0'],
    ],
    [[{ kind: 'haproxy-warning', text: 'no frontend', hint: 'write one' }], ['haproxy_warnings_total 1']],
    [[{ kind: 'settled', service }, { kind: 'first-pass-done' }], []],
  ];
  for (const [notices, expected] of cases) {
    it(`after ${notices.map(({ kind }) => kind).join(', ') || 'nothing'}`, async () => {
      const lines = (await page(...notices)).split('\n');
      for (const line of expected) expect(lines).to.include(`haproxy_nomad_connector_${line}`);
      expect(lines.join('\n')).to.not.include('default/web');
    });
  }

  it('tell what is kept at the moment they are asked for', async () => {
    const { measure, text } = createMetrics();
    let probes = 1;
    measure('probes', () => probes);
    expect(await text())
      .to.include('haproxy_nomad_connector_kept{what="probes"} 1\n')
      .and.include('haproxy_nomad_connector_kept{what="jobs"} 0\n');
    probes = 2;
    expect(await text()).to.include('haproxy_nomad_connector_kept{what="probes"} 2\n');
  });

  it('tell what there is to be seen at the moment they are asked for', async () => {
    const { look, lag, text } = createMetrics();
    expect(await text())
      .to.include('haproxy_nomad_connector_slots{state="free"} 0\n')
      .and.include('haproxy_nomad_connector_nomad_index_lag 0\n');
    let free = 7;
    look(() => ({ slots: { serving: 3, draining: 1, free }, problematic: 2, failing: 1 }));
    lag(() => 5);
    free = 6;
    const page = await text();
    for (const line of [
      'slots{state="serving"} 3',
      'slots{state="draining"} 1',
      'slots{state="free"} 6',
      'services_with_problems 2',
      'services_failing 1',
      'nomad_index_lag 5',
    ]) {
      expect(page).to.include(`haproxy_nomad_connector_${line}\n`);
    }
  });

  it('count what passes, and requests by how they ended', async () => {
    const { count, countRequest, text } = createMetrics('1.2.3');
    for (const what of ['events', 'events', 'changes', 'batches'] as const) count(what);
    countRequest('runtime', 'ok');
    countRequest('runtime', 'unreachable');
    const page = await text();
    for (const line of [
      'events_total 2',
      'changes_total 1',
      'batches_total 1',
      'requests_total{lane="runtime",result="ok"} 1',
      'requests_total{lane="runtime",result="unreachable"} 1',
      'requests_total{lane="commit",result="ok"} 0',
      'build_info{version="1.2.3"} 1',
    ]) {
      expect(page).to.include(`haproxy_nomad_connector_${line}\n`);
    }
  });

  it('have no label that a stranger can fill', async () => {
    const own = (await page()).split('\n').filter((line) => /^haproxy_nomad_connector_.*\{/.test(line));
    const labels = own.flatMap((line) => [...line.matchAll(/(\w+)="/g)].map(([, label]) => label));
    const known = 'cause kind lane le reason result scope since state version what'.split(' ');
    expect([...new Set(labels)].toSorted()).to.deep.equal(known);
    expect(own.length).to.be.below(270);
  });

  it('hold those of the process, for each instance in a registry of its own', async () => {
    expect(await page())
      .to.include('process_cpu_seconds_total')
      .and.include('nodejs_heap_size_used_bytes');
    expect(createMetrics().contentType).to.match(/^text\/plain/);
  });

  it('have names and help as Prometheus wants them', async () => {
    const own = (await page()).split('\n').filter((line) => line.includes(' haproxy_nomad_connector_'));
    for (const line of own) {
      expect(line).to.match(
        /^# (HELP \w+ [A-Z0-9].*\.|TYPE \w+_total counter|TYPE \w+_seconds histogram|TYPE \w+ gauge)$/,
      );
    }
  });
});
