/**
 * Facts as the connector knows them, whatever end they came from: JSON, readonly, in the past tense.
 * The catalog is a fold over these and nothing else.
 */

import type { Name } from './by-name.ts';
import type { Problem } from './problem.ts';

/** One instance of a service in Nomad, as its event stream and its REST API describe it (`/v1/service/:name`). */
export interface Registration {
  /** Unique within the namespace; `_nomad-task-<alloc>-<group-or-task>-<service>-<port label>`. */
  readonly id: string;
  readonly namespace: string;
  readonly service: string;
  /** IPv4, IPv6 or a host name; empty when Nomad could not map the port. */
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  /** Tags of other products that cannot be followed; Nomad does not say these. */
  readonly problems?: readonly Problem[];
  readonly alloc: string;
  readonly job: string;
  readonly node: string;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

/** A check block of a job's service; times in ms. */
export interface JobCheck {
  readonly type: 'http' | 'tcp';
  readonly protocol: 'http' | 'https';
  readonly method: string;
  readonly path: string;
  /** The check's own port label; empty means the service's. */
  readonly portLabel: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

/** A service block of a job with provider `nomad`, with what its group says about size. */
export interface JobService {
  readonly name: string;
  readonly portLabel: string;
  readonly group: string;
  /** Absent for a group service. */
  readonly task?: string;
  readonly checks: readonly JobCheck[];
  /** Instances the group runs: count, canaries on top of it in an update, and the scaling block's upper limit (0: none). */
  readonly count: number;
  readonly canaries: number;
  readonly scalingMax: number;
}

/** What the connector needs of a job. */
export interface Job {
  readonly namespace: string;
  readonly id: string;
  readonly createIndex: number;
  /** `JobModifyIndex`: moves with the job's text, not with its status. */
  readonly modifyIndex: number;
  /** The version's deployment has succeeded, or it can have none. */
  readonly stable: boolean;
  readonly services: readonly JobService[];
  /**
   * The versions that it has replaced, newest first, down to one that is stable: their instances may still serve. Each is
   * without any of its own. Absent where none is known, and in a stable version.
   */
  readonly earlier?: readonly Job[];
}

/** What our marks in HAProxy's configuration say about an earlier run: a service, where it lives, and its map rows. */
export interface Mark {
  readonly service: ServiceKey;
  readonly backend: string;
  /** True: the backend section is ours. False: only slots in somebody else's backend are. */
  readonly owned: boolean;
  readonly routes: readonly Route[];
}

/** A registration that outlived its allocation. */
export interface Ghost {
  readonly namespace: string;
  readonly id: string;
  readonly service: string;
  /** A later registration of the same id is another instance. */
  readonly createIndex: number;
}

/** `namespace/name`. */
export type ServiceKey = `${string}/${string}`;

/** One row of a map: which map, and its key. */
export interface Route {
  readonly map: RouteMap;
  readonly key: string;
}
export type RouteMap = 'exact' | 'prefix' | 'regex';

export type Event =
  | { readonly kind: 'marks-found'; readonly marks: readonly Mark[] }
  | {
      readonly kind: 'snapshot-taken';
      readonly index: number;
      readonly registrations: readonly Registration[];
      readonly jobs: readonly Job[];
      /** Jobs that Nomad was asked for and does not have. What is in neither list could not be read, or was not asked for. */
      readonly gone?: readonly Name[];
      /** Services that are missing from it and stay as they are for now: it may be the snapshot that is wrong. */
      readonly keep?: readonly ServiceKey[];
    }
  /** An operator says that services which snapshots miss are gone indeed. */
  | { readonly kind: 'losses-accepted'; readonly services: readonly ServiceKey[] }
  /** All registrations whose allocation is missing or has ended. */
  | { readonly kind: 'ghosts-seen'; readonly ghosts: readonly Ghost[] }
  | { readonly kind: 'service-registered'; readonly index: number; readonly registration: Registration }
  | {
      readonly kind: 'service-deregistered';
      readonly index: number;
      readonly namespace: string;
      readonly id: string;
      readonly service: string;
    }
  | { readonly kind: 'job-registered'; readonly index: number; readonly job: Job }
  | { readonly kind: 'job-deregistered'; readonly index: number; readonly namespace: string; readonly id: string }
  | {
      readonly kind: 'instance-admitted';
      readonly namespace: string;
      readonly id: string;
      readonly address: string;
      readonly port: number;
    }
  | { readonly kind: 'snapshot-probed' };

export function serviceKey(namespace: string, name: string): ServiceKey {
  return `${namespace}/${name}`;
}

export function splitKey(key: ServiceKey): { readonly namespace: string; readonly name: string } {
  const at = key.indexOf('/');
  return { namespace: key.slice(0, at), name: key.slice(at + 1) };
}
