import type { ServiceKey } from './events.ts';
import type { Failure } from './failure.ts';
import { foldHeld, type Losses } from './guard.ts';
import type { LastEvents } from './last-events.ts';
import type { Health, Lane, Notice } from './notice.ts';
import type { Problem } from './problem.ts';
import { reloadCause, type ReloadCause } from './reload-cause.ts';
import type { Step } from './step.ts';
import type { Tallied } from './tally.ts';

/** What the connector says about itself, folded for people who look at it now. Times are ms since 1970. */
export interface Status {
  nomad: EndStatus;
  haproxy: EndStatus & { readonly haproxy?: string; readonly dataplane?: string };
  snapshot: SnapshotStatus | undefined;
  readonly counts: Record<Tallied | 'steps' | 'reloads' | 'moves' | 'drifts' | 'skipped', number> & {
    readonly writes: Record<Lane, number>;
  };
  /** Newest first, as all lists here. */
  reloads: readonly ReloadStatus[];
  latency: readonly LatencyStatus[];
  warnings: readonly { readonly at: number; readonly text: string; readonly hint: string }[];
  held: (Losses & { readonly confirmAt: number }) | undefined;
  ghosts: number;
  readonly problems: Map<ServiceKey, readonly Problem[]>;
  readonly failures: Map<ServiceKey, FailureStatus>;
  readonly events: LastEvents;
  /** The last write for each service. */
  readonly writes: Map<ServiceKey, WriteStatus>;
  /** Of servers that requests go to, by backend, as HAProxy's checks last had it. */
  readonly health: Map<string, Readonly<Record<string, Health>>>;
}

export interface EndStatus {
  readonly connected: boolean;
  readonly since: number;
  readonly failure?: Failure;
}

export interface SnapshotStatus {
  readonly at: number;
  readonly reason: string;
  readonly index: number;
  readonly services: number;
  readonly registrations: number;
}

export interface ReloadStatus {
  readonly at: number;
  readonly cause: ReloadCause;
  /** The first of them. */
  readonly services: readonly ServiceKey[];
  readonly servicesInAll: number;
  readonly tookMs: number;
}

export interface WriteStatus {
  readonly at: number;
  readonly lane: Lane;
  /** Kinds of its steps. */
  readonly steps: readonly Step['kind'][];
}

export interface LatencyStatus {
  readonly at: number;
  readonly service: ServiceKey;
  readonly toldMs: number;
  readonly admittedMs: number;
}

export interface FailureStatus {
  readonly at: number;
  readonly failure: Failure;
  /** Absent: it waits for a change. */
  readonly retryAt?: number;
}

export const keptReloads = 50;
export const keptLatencies = 120;
export const keptWarnings = 20;
const namedServices = 5;

/** `now`: when the connector was started. */
export function createStatus(now: number): Status {
  return {
    nomad: { connected: false, since: now },
    haproxy: { connected: false, since: now },
    snapshot: undefined,
    counts: {
      events: 0,
      changes: 0,
      batches: 0,
      steps: 0,
      reloads: 0,
      moves: 0,
      drifts: 0,
      skipped: 0,
      writes: { commit: 0, slots: 0, runtime: 0, maps: 0 },
    },
    reloads: [],
    latency: [],
    warnings: [],
    held: undefined,
    ghosts: 0,
    problems: new Map(),
    failures: new Map(),
    events: new Map(),
    writes: new Map(),
    health: new Map(),
  };
}

/**
 * Takes a notice in; changes the status in place, for a cold start says ten thousand. Returns the services that it
 * concerns. What grows is bounded by services and backends, or cut to the newest.
 */
export function foldStatus(status: Status, notice: Notice, now: number): readonly ServiceKey[] {
  const { counts } = status;
  switch (notice.kind) {
    case 'nomad-connected':
      status.nomad = { connected: true, since: now };
      return [];
    case 'nomad-lost':
      status.nomad = lost(status.nomad, notice.failure, now);
      return [];
    case 'haproxy-connected': {
      const { haproxy, dataplane } = notice;
      status.haproxy = { connected: true, since: now, haproxy, dataplane };
      return [];
    }
    case 'haproxy-lost': {
      const { haproxy, dataplane } = status.haproxy;
      const known = { ...(haproxy !== undefined && { haproxy }), ...(dataplane !== undefined && { dataplane }) };
      status.haproxy = { ...lost(status.haproxy, notice.failure, now), ...known };
      return [];
    }
    case 'snapshot-read': {
      const { reason, index, services, registrations } = notice;
      status.snapshot = { at: now, reason, index, services, registrations };
      return [];
    }
    case 'ghosts-ignored':
      status.ghosts = notice.ghosts.length;
      return [];
    case 'nomad-input-skipped':
      counts.skipped += 1;
      return [];
    case 'losses-held':
    case 'losses-released': {
      const held = foldHeld(status.held, notice);
      const confirmAt = notice.kind === 'losses-held' ? now + notice.confirmInMs : status.held?.confirmAt;
      status.held = held && { ...held, confirmAt: confirmAt ?? now };
      return notice.services;
    }
    case 'service-problems':
      if (notice.problems.length > 0) status.problems.set(notice.service, notice.problems);
      else status.problems.delete(notice.service);
      return [notice.service];
    case 'applied':
      return foldApplied(status, notice, now);
    case 'settled':
      status.failures.delete(notice.service);
      return [notice.service];
    case 'service-failed': {
      const { service, failure, retryInMs } = notice;
      const retryAt = retryInMs === undefined ? {} : { retryAt: now + Math.round(retryInMs) };
      status.failures.set(service, { at: now, failure, ...retryAt });
      return [service];
    }
    case 'haproxy-moved':
      counts.moves += 1;
      return [];
    case 'drift-found':
      if (notice.repair !== 'none') counts.drifts += 1;
      return notice.service === undefined ? [] : [notice.service];
    case 'health-seen': {
      if (Object.keys(notice.servers).length > 0) status.health.set(notice.backend, notice.servers);
      else status.health.delete(notice.backend);
      return notice.services;
    }
    case 'haproxy-warning': {
      const { text, hint } = notice;
      status.warnings = [{ at: now, text, hint }, ...status.warnings].slice(0, keptWarnings);
      return [];
    }
    case 'snapshot-progress':
    case 'first-pass-done':
      return [];
    default:
      return notice satisfies never;
  }
}

function foldApplied(status: Status, notice: Extract<Notice, { kind: 'applied' }>, now: number): readonly ServiceKey[] {
  const { lane, steps, tookMs, ready = [] } = notice;
  const byService = Map.groupBy(steps, ({ service }) => service);
  const services = [...byService.keys()];
  for (const [service, own] of byService) {
    status.writes.set(service, { at: now, lane, steps: [...new Set(own.map(({ kind }) => kind))] });
  }
  status.counts.steps += steps.length;
  status.counts.writes[lane] += 1;
  for (const step of steps) {
    if (step.kind === 'fill-slot' || step.kind === 'drain-slot') forgetHealth(status, step.backend, step.slot);
    if (step.kind === 'remove-backend') status.health.delete(step.backend);
  }
  if (notice.reloaded) {
    const named = { services: services.slice(0, namedServices), servicesInAll: services.length };
    const reload = { at: now, cause: reloadCause(notice), ...named, tookMs };
    status.counts.reloads += 1;
    status.reloads = [reload, ...status.reloads].slice(0, keptReloads);
  }
  if (ready.length > 0) {
    const newest = ready.slice(-keptLatencies).toReversed();
    status.latency = [...newest.map((one) => ({ at: now, ...one })), ...status.latency].slice(0, keptLatencies);
  }
  return services;
}

/** Of a service that is neither in Nomad nor in HAProxy nothing is kept. */
export function forgetService(status: Status, key: ServiceKey): void {
  status.writes.delete(key);
  status.events.delete(key);
}

/** What was seen of a server was of another instance. */
function forgetHealth(status: Status, backend: string, slot: string): void {
  const { [slot]: forgotten, ...others } = status.health.get(backend) ?? {};
  if (forgotten !== undefined) status.health.set(backend, others);
}

/** Away since the first of the failures in a row. */
function lost({ connected, since }: EndStatus, failure: Failure, now: number): EndStatus {
  return { connected: false, since: connected ? now : since, failure };
}
