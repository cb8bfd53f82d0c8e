import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { CountRequest } from './haproxy/request-count.ts';
import { labels } from './metric-labels.ts';
import { foldHeld, type Losses } from './model/guard.ts';
import type { Kept, Measure } from './model/kept.ts';
import type { Notice } from './model/notice.ts';
import { reloadCause } from './model/reload-cause.ts';
import type { Count } from './model/tally.ts';
import type { SlotView } from './model/view.ts';

/** What is only to be known by looking. */
export interface Glance {
  readonly slots: Readonly<Record<SlotView['state'], number>>;
  /** Services whose owners have something to mend, and services that could not be brought to HAProxy. */
  readonly problematic: number;
  readonly failing: number;
}

export interface Metrics {
  readonly observe: (notice: Notice) => void;
  readonly count: Count;
  readonly countRequest: CountRequest;
  /** What is kept is asked for when the page is. */
  readonly measure: Measure;
  /** So is this; a later answer replaces an earlier one. */
  readonly look: (glance: () => Glance) => void;
  readonly lag: (read: () => number) => void;
  /** So many lines are missing in the recorder's file. */
  readonly recorderLost: (lines: number) => void;
  /** What whoever keeps it says at this moment; 0 while nobody does. */
  readonly kept: (what: Kept) => number;
  /** The page that Prometheus scrapes, of this content type. */
  readonly text: () => Promise<string>;
  readonly contentType: string;
}

/**
 * Metrics in a registry of their own. Labels have few values, never names of services, and every counter starts at 0
 * for each of them: `increase()` does not see the first event of a series that it brings into being.
 */
export function createMetrics(version = ''): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  collectDefaultMetrics({ register: registry });
  const prefix = 'haproxy_nomad_connector_';
  const gauge = (name: string, help: string) => new Gauge({ name: `${prefix}${name}`, help, registers });
  const counter = <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: `${prefix}${name}`, help, labelNames, registers });

  const nomadConnected = gauge('nomad_connected', "1 while Nomad's event stream is open.");
  const haproxyConnected = gauge('haproxy_connected', '1 while the Data Plane API answers.');
  const snapshots = counter('snapshots_total', "Complete readings of Nomad's services, by reason.", 'reason');
  const skipped = counter('inputs_skipped_total', 'Lines, events and registrations of Nomad that could not be used.');
  const heldServices = gauge('services_held', "Services that Nomad's snapshot misses and that stay for now.");
  const ghosts = gauge('ghosts', 'Registrations left out because their allocation is missing or has ended.');
  const events = counter('events_total', 'What Nomad told: its events, and each snapshot as one.');
  const changes = counter('changes_total', 'Changes of services that came of it.');
  const batches = counter('batches_total', 'Batches in which they went to HAProxy, those of the resync included.');
  const problems = counter('service_problems_total', 'Problems reported to the owners of services.');
  const steps = counter('steps_applied_total', 'Steps that HAProxy has taken, by kind.', 'kind');
  const writes = counter('writes_total', 'Writes to HAProxy, by lane.', 'lane');
  const reloads = counter(
    'reloads_total',
    'Reloads of HAProxy that the connector caused, by their first cause.',
    'cause',
  );
  const failures = counter('failures_total', 'Failures, by kind and by what they concern.', 'scope', 'kind');
  const warnings = counter('haproxy_warnings_total', "Things at HAProxy's end that an operator should know.");
  const moves = counter('haproxy_moves_total', 'Times that somebody else changed or reloaded HAProxy.');
  const repairs = counter(
    'drift_repairs_total',
    'Times that the running HAProxy was not as it should be and was mended.',
    'what',
  );
  const unrecorded = counter('recorder_lines_lost_total', "Lines that are missing in the recorder's file.");
  const duration = new Histogram({
    name: `${prefix}write_duration_seconds`,
    help: 'Time that a write to HAProxy took, by lane.',
    labelNames: ['lane'],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });

  const eventToReady = new Histogram({
    name: `${prefix}event_to_ready_seconds`,
    help: 'Time until HAProxy served a new instance: since Nomad told of it, and since it answered its probe.',
    labelNames: ['since'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    registers,
  });
  const requests = counter(
    'requests_total',
    'Requests to the Data Plane API, by what they are for and how they ended.',
    'lane',
    'result',
  );
  asked('nomad_index_lag', "By how much Nomad's index is ahead of what its event stream has told.", () => lag());
  asked('services_with_problems', 'Services whose owners have something to mend.', () => glance().problematic);
  asked('services_failing', 'Services that could not be brought to HAProxy, and wait to be tried again.', () => {
    return glance().failing;
  });
  askedBy('slots', 'Slots of the services, by state.', 'state', labels.slotStates, (state) => glance().slots[state]);
  askedBy('kept', 'Entries that are kept in memory, by what they are.', 'what', labels.kept, (what) => {
    return entries.get(what)?.() ?? 0;
  });
  const build = new Gauge({
    name: `${prefix}build_info`,
    help: '1; the version of the connector.',
    labelNames: ['version'],
    registers,
  });
  build.set({ version }, 1);

  const entries = new Map<Kept, () => number>();
  let glance = (): Glance => ({ slots: { serving: 0, draining: 0, free: 0 }, problematic: 0, failing: 0 });
  let lag = () => 0;

  for (const reason of labels.snapshotReasons) snapshots.inc({ reason }, 0);
  for (const kind of labels.steps) steps.inc({ kind }, 0);
  for (const lane of labels.lanes) {
    writes.inc({ lane }, 0);
    duration.zero({ lane });
  }
  for (const what of labels.drifts) repairs.inc({ what }, 0);
  for (const cause of labels.reloadCauses) reloads.inc({ cause }, 0);
  for (const since of labels.since) eventToReady.zero({ since });
  for (const scope of labels.scopes) for (const kind of labels.failures) failures.inc({ scope, kind }, 0);
  for (const lane of labels.requestLanes) {
    for (const result of labels.requestResults) requests.inc({ lane, result }, 0);
  }

  let held: Losses | undefined;

  function observe(notice: Notice): void {
    switch (notice.kind) {
      case 'nomad-connected':
        nomadConnected.set(1);
        return;
      case 'nomad-lost':
        nomadConnected.set(0);
        failures.inc({ scope: 'nomad', kind: notice.failure.kind });
        return;
      case 'snapshot-read':
        snapshots.inc({ reason: notice.reason });
        return;
      case 'ghosts-ignored':
        ghosts.set(notice.ghosts.length);
        return;
      case 'nomad-input-skipped':
        skipped.inc();
        return;
      case 'losses-held':
      case 'losses-released':
        held = foldHeld(held, notice);
        heldServices.set(held?.services.length ?? 0);
        return;
      case 'service-problems':
        problems.inc(notice.problems.length);
        return;
      case 'applied':
        for (const { kind } of notice.steps) steps.inc({ kind });
        writes.inc({ lane: notice.lane });
        duration.observe({ lane: notice.lane }, notice.tookMs / 1000);
        if (notice.reloaded) reloads.inc({ cause: reloadCause(notice) });
        for (const { toldMs, admittedMs } of notice.ready ?? []) {
          eventToReady.observe({ since: 'told' }, toldMs / 1000);
          eventToReady.observe({ since: 'admitted' }, admittedMs / 1000);
        }
        return;
      case 'service-failed':
        failures.inc({ scope: 'service', kind: notice.failure.kind });
        return;
      case 'haproxy-connected':
        haproxyConnected.set(1);
        return;
      case 'haproxy-lost':
        haproxyConnected.set(0);
        failures.inc({ scope: 'haproxy', kind: notice.failure.kind });
        return;
      case 'haproxy-warning':
        warnings.inc();
        return;
      case 'haproxy-moved':
        moves.inc();
        return;
      case 'drift-found':
        if (notice.repair !== 'none') repairs.inc({ what: notice.what });
        return;
      case 'snapshot-progress':
      case 'settled':
      case 'health-seen':
      case 'first-pass-done':
        return;
      default:
        notice satisfies never;
    }
  }

  /** A gauge that is read when the page is asked for. */
  function asked(name: string, help: string, read: () => number): void {
    new Gauge({
      name: `${prefix}${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  }

  function askedBy<V extends string>(
    name: string,
    help: string,
    label: string,
    values: readonly V[],
    read: (value: V) => number,
  ): void {
    new Gauge({
      name: `${prefix}${name}`,
      help,
      labelNames: [label],
      registers,
      collect() {
        for (const value of values) this.set({ [label]: value }, read(value));
      },
    });
  }

  const tallied = { events, changes, batches };
  return {
    observe,
    count: (what) => {
      tallied[what].inc();
    },
    countRequest: (lane, result) => {
      requests.inc({ lane, result });
    },
    measure: (what, count) => {
      entries.set(what, count);
    },
    look: (read) => {
      glance = read;
    },
    lag: (read) => {
      lag = read;
    },
    recorderLost: (lines) => {
      unrecorded.inc(lines);
    },
    kept: (what) => entries.get(what)?.() ?? 0,
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
