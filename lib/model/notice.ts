import type { Event, Ghost, ServiceKey } from './events.ts';
import type { Failure } from './failure.ts';
import type { Problem } from './problem.ts';
import type { Step } from './step.ts';

/** How a write reached HAProxy: `commit` (configuration and reload), `slots` (configuration, no reload), `runtime`, `maps`. */
export type Lane = 'commit' | 'slots' | 'runtime' | 'maps';

/** What of the running process was found otherwise; `not-loaded`: it lacks what the configuration says. */
export type DriftKind = 'state' | 'address' | 'weight' | 'rows' | 'not-loaded';

/** What a key's turn came to. */
export type Outcome =
  | { readonly kind: 'done'; readonly key: ServiceKey }
  /** The next stage sees to it. */
  | { readonly kind: 'handed-over'; readonly key: ServiceKey }
  /** Only time is missing: look again after so many ms. */
  | { readonly kind: 'again'; readonly key: ServiceKey; readonly afterMs: number }
  /** `afterMs`: a part could be done, and the rest of that wants another look. */
  | { readonly kind: 'failed'; readonly key: ServiceKey; readonly failure: Failure; readonly afterMs?: number };

/** What HAProxy's checks make of a server; `up` also where there are none. */
export type Health = 'up' | 'down' | 'stopping';

/** How long an instance took to be served, in ms: since the event that told of it, and since it was admitted. */
export interface Ready {
  readonly service: ServiceKey;
  readonly toldMs: number;
  readonly admittedMs: number;
}

/** Everything the connector says about itself, on one stream. Log, metrics, readiness and recorder observe it. */
export type Notice =
  /** The event stream is open and proven by its first heartbeat. */
  | { readonly kind: 'nomad-connected'; readonly address: string }
  /** The event stream ended or was refused; it is opened again after `retryInMs`. */
  | { readonly kind: 'nomad-lost'; readonly failure: Failure; readonly retryInMs: number }
  /** A snapshot takes its time: so many services `of` all have been read. */
  | { readonly kind: 'snapshot-progress'; readonly read: number; readonly of: number }
  | {
      readonly kind: 'snapshot-read';
      readonly index: number;
      readonly services: number;
      readonly registrations: number;
      readonly reason: 'start' | 'gap' | 'audit' | 'renewal' | 'namespace' | 'guard' | 'recording';
    }
  /** All registrations that are left out because their allocation is missing or has ended; said once per distinct list. */
  | { readonly kind: 'ghosts-ignored'; readonly ghosts: readonly Ghost[] }
  /** A line, an event or a registration that could not be used, and why. */
  | { readonly kind: 'nomad-input-skipped'; readonly what: string; readonly why: string }
  /** All services whose removal waits for a second snapshot or an operator; `confirmInMs`: when the next one is due for it. */
  | {
      readonly kind: 'losses-held';
      readonly services: readonly ServiceKey[];
      /** Those that are missing whole. */
      readonly namespaces: readonly string[];
      readonly why: string;
      readonly confirmInMs: number;
    }
  /** They wait no longer: they are back (`return`), or gone for good by one of the other three. */
  | {
      readonly kind: 'losses-released';
      readonly services: readonly ServiceKey[];
      readonly by: 'snapshot' | 'operator' | 'deregistration' | 'return';
    }
  /** A service's owner should mend something; said once per distinct list. `problems` empty: all is well again. */
  | { readonly kind: 'service-problems'; readonly service: ServiceKey; readonly problems: readonly Problem[] }
  /** Steps that HAProxy has taken. */
  | {
      readonly kind: 'applied';
      readonly lane: Lane;
      readonly steps: readonly Step[];
      /** Configuration version after a configuration write. */
      readonly version?: number;
      readonly reloaded: boolean;
      /** Why it was reloaded although no step asks for it. */
      readonly unasked?: 'rows' | 'repair';
      readonly tookMs: number;
      /** Instances that HAProxy serves from now on and that an event has told of; absent: none. */
      readonly ready?: readonly Ready[];
    }
  /** A key's turn is over with everything in place. */
  | { readonly kind: 'settled'; readonly service: ServiceKey }
  | {
      readonly kind: 'service-failed';
      readonly service: ServiceKey;
      readonly failure: Failure;
      /** Absent: it waits until the service or HAProxy changes. */
      readonly retryInMs?: number;
    }
  /** HAProxy's end as a whole: reachable or not. */
  | {
      readonly kind: 'haproxy-connected';
      readonly haproxy: string;
      readonly dataplane: string;
    }
  | { readonly kind: 'haproxy-lost'; readonly failure: Failure }
  /** Somebody else wrote the configuration, or reloaded or restarted HAProxy: everything is looked at again. */
  | { readonly kind: 'haproxy-moved'; readonly what: string }
  /** The running process was not as it should be; `differs` says how, in an operator's words. */
  | {
      readonly kind: 'drift-found';
      /** Whose turn it is to mend it; absent where it was mended at once. */
      readonly service?: ServiceKey;
      readonly where: string;
      readonly what: DriftKind;
      readonly differs: string;
      /** `planned`: with the next plan of its service. `none`: somebody wants it so, and is respected. */
      readonly repair: 'planned' | 'mended' | 'reload' | 'none';
    }
  /** What HAProxy's checks say of the servers of a backend that requests go to; said when it has changed, and late. */
  | {
      readonly kind: 'health-seen';
      readonly backend: string;
      readonly services: readonly ServiceKey[];
      readonly servers: Readonly<Record<string, Health>>;
    }
  /** Every service of the first snapshot has been tried once. */
  | { readonly kind: 'first-pass-done' }
  /** Something at HAProxy's end that an operator should know: a repaired reload, a foreign change, a missing frontend. */
  | { readonly kind: 'haproxy-warning'; readonly text: string; readonly hint: string };

const noticeKinds: Readonly<Record<Notice['kind'], true>> = {
  'nomad-connected': true,
  'nomad-lost': true,
  'snapshot-progress': true,
  'snapshot-read': true,
  'ghosts-ignored': true,
  'nomad-input-skipped': true,
  'losses-held': true,
  'losses-released': true,
  'service-problems': true,
  applied: true,
  settled: true,
  'service-failed': true,
  'haproxy-connected': true,
  'haproxy-lost': true,
  'haproxy-moved': true,
  'drift-found': true,
  'health-seen': true,
  'first-pass-done': true,
  'haproxy-warning': true,
};

/** Tells a notice from the other values that share a stream with it. */
export function isNotice(value: Event | Outcome | Notice): value is Notice {
  return value.kind in noticeKinds;
}
