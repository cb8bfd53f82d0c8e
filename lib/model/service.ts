import type { BackendStrategy } from './backend-strategy.ts';
import type { Job, Registration, Route, ServiceKey } from './events.ts';
import type { Problem } from './problem.ts';
import type { TagSettings } from './tags.ts';

/** One registration within its folded service. */
export interface Instance {
  readonly registration: Registration;
  /** The `address:port` that it serves at. */
  readonly endpoint: string;
  /** Its probe succeeded at this address and port: HAProxy may send it requests. */
  readonly admitted: boolean;
  /** Carries `haproxy.enable=true` and a usable address. */
  readonly managed: boolean;
  /** 0-256, relative to the other instances; default 100. */
  readonly weight: number;
  readonly settings: TagSettings;
  readonly problems: readonly Problem[];
}

/** How HAProxy checks a server; times in ms. */
export type Check =
  | { readonly kind: 'none' }
  | { readonly kind: 'tcp'; readonly intervalMs: number }
  | {
      readonly kind: 'http';
      readonly method: string;
      readonly path: string;
      readonly host?: string;
      readonly intervalMs: number;
    };

/** What the owners of a service want of HAProxy, from its tags and its job. */
export interface Wish {
  readonly kind: 'dynamic' | 'custom';
  readonly backend: string;
  readonly mode: 'http' | 'tcp';
  readonly balance: string;
  readonly check: Check;
  /** Slots to have, 1-256: of a new backend, and of one that has too few. */
  readonly slots: number;
  readonly backup: boolean;
  /** 0: no limit. */
  readonly maxconn: number;
  /** Absent: as configured for all. */
  readonly strategy?: BackendStrategy;
  readonly routes: readonly Route[];
}

/** A domain or backend name that another service holds. */
export interface Denial {
  readonly claim: string;
  readonly holder: ServiceKey;
}

/** A service folded from all its registrations. Without `wish` it is not managed. */
export interface Service {
  readonly key: ServiceKey;
  readonly namespace: string;
  readonly name: string;
  readonly instances: readonly Instance[];
  /** The version of the job whose checks count; a rollout that serves nobody yet does not move it. */
  readonly job?: Job;
  readonly wish?: Wish;
  readonly denials: readonly Denial[];
  readonly problems: readonly Problem[];
}

/** The unit that flows: a service before and after. In a resync both are the same. */
export interface ServiceChange {
  readonly key: ServiceKey;
  readonly before?: Service;
  readonly after?: Service;
  /** Set on the changes of a snapshot: they travel as one batch. */
  readonly snapshot?: true;
  /** HAProxy has moved: what was refused before may be possible now. */
  readonly moved?: true;
}

/** All that the owner of a service should mend: of its tags, and what other services hold of what it wants. */
export function problemsOf({ problems, denials }: Service): readonly Problem[] {
  return denials.length === 0 ? problems : [...problems, ...denials.map(denialProblem)];
}

export function denialProblem({ claim, holder }: Denial): Problem {
  return { subject: claim, text: `is held by ${holder}, which was there first` };
}

/** True when HAProxy has, or should have, something of this service, or when its tags were meant for us and cannot be used. */
export function isManaged(change: ServiceChange): boolean {
  const concernsUs = (service?: Service) => service?.wish !== undefined || (service?.problems.length ?? 0) > 0;
  return concernsUs(change.before) || concernsUs(change.after);
}

/** Merges a newer change of the same key into an older one: the first `before`, the last `after`. */
export function mergeChanges(older: ServiceChange, newer: ServiceChange): ServiceChange {
  return {
    key: newer.key,
    ...(older.before && { before: older.before }),
    ...(newer.after && { after: newer.after }),
    ...(older.snapshot && newer.snapshot && { snapshot: true }),
    ...((older.moved ?? newer.moved) && { moved: true }),
  };
}

/** The `address:port` that an instance serves at; IPv6 in brackets. Joined, because a template would be kept with its parts. */
export function endpoint({ address, port }: { readonly address: string; readonly port: number }): string {
  return [address.includes(':') ? `[${address}]` : address, port].join(':');
}

/**
 * True when a change takes an instance into traffic or out of it, or ends its service: such a change must not wait.
 * Everything else is a matter of settings.
 */
export function movesInstances(change: ServiceChange): boolean {
  const serving = (service?: Service) =>
    service?.wish === undefined
      ? new Set<string>()
      : new Set(service.instances.filter((one) => one.managed && one.admitted).map((one) => one.endpoint));
  const before = serving(change.before);
  const after = serving(change.after);
  return before.size !== after.size || [...before].some((at) => !after.has(at));
}

/** True when a service gets what another one has held: who gives it up does so at once. */
export function inherits({ before, after }: ServiceChange): boolean {
  const denied = new Set(after?.denials.map(({ claim }) => claim));
  return after !== undefined && before?.denials.some(({ claim }) => !denied.has(claim)) === true;
}
