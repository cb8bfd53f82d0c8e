/**
 * The part of a Nomad cluster that the connector sees, as data in Nomad's own wire format: registrations, jobs, the two
 * indexes, and the buffer of recent events. `nomad-server.ts` puts it on the network.
 */

export interface RawRegistration {
  readonly ID: string;
  readonly ServiceName: string;
  readonly Namespace: string;
  readonly NodeID: string;
  readonly Datacenter: string;
  readonly JobID: string;
  readonly AllocID: string;
  readonly Tags: readonly string[];
  readonly Address: string;
  readonly Port: number;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

/** A job as `/v1/job/:id` has it; only what identifies it is typed. */
export interface RawJob {
  readonly ID: string;
  readonly Namespace: string;
  readonly Stop?: boolean;
  readonly [field: string]: unknown;
}

export interface RawEvent {
  readonly Topic: string;
  readonly Type: string;
  readonly Namespace: string;
  readonly Key: string;
  readonly FilterKeys: readonly string[] | null;
  readonly Index: number;
  readonly Payload: { readonly Service?: RawRegistration; readonly Job?: RawJob; readonly Deleted?: boolean };
}

/** A line of the event stream; without events it is a heartbeat. */
export interface RawFrame {
  readonly Index?: number;
  readonly Events?: readonly RawEvent[];
}

export interface NomadState {
  /** What X-Nomad-Index says about registrations: the last change to any of them. */
  readonly tableIndex: () => number;
  /** An index that no write had yet. */
  readonly nextIndex: () => number;
  readonly registrations: () => readonly RawRegistration[];
  /** Those of one service; costs as much as it has, as in Nomad. */
  readonly registrationsOf: (service: string, namespace: string) => readonly RawRegistration[];
  readonly find: (id: string, namespace: string) => RawRegistration | undefined;
  readonly job: (id: string, namespace: string) => RawJob | undefined;
  /** The versions of a job, newest first: six and the newest stable one, as in Nomad. */
  readonly versions: (id: string, namespace: string) => readonly RawJob[];
  readonly namespaces: Set<string>;
  /** Changes the state as the events say, whether or not anybody is told. */
  readonly apply: (frame: RawFrame) => void;
  /** Puts a frame into the buffer that new streams are replayed from; 100 as in Nomad. */
  readonly remember: (frame: RawFrame) => void;
  /** What a stream opened at this index is sent first: from it on, or the oldest, or the last one when it is beyond. */
  readonly replay: (index: number) => readonly RawFrame[];
  /** A backup is restored: later registrations are gone and no event says so. */
  readonly restore: (index: number) => void;
}

export interface RawSnapshot {
  readonly index: number;
  readonly registrations: readonly RawRegistration[];
  readonly jobs: readonly RawJob[];
}

export function createNomadState(start: RawSnapshot, bufferSize = 100): NomadState {
  const registrations = new Map<string, RawRegistration>();
  const byService = new Map<string, Map<string, RawRegistration>>();
  const jobs = new Map<string, readonly RawJob[]>();
  const namespaces = new Set(['default', ...start.registrations.map((one) => one.Namespace)]);
  let table = Math.max(1, start.index);
  let raft = table;
  let buffer: RawFrame[] = [];

  for (const one of start.registrations) put(one);
  for (const one of start.jobs) putJob(one);

  function putJob(job: RawJob): void {
    const key = keyOf(job.Namespace, job.ID);
    const isOlder = (one: RawJob) =>
      one['CreateIndex'] === job['CreateIndex'] && Number(one['JobModifyIndex']) < Number(job['JobModifyIndex']);
    const older = (jobs.get(key) ?? []).filter(isOlder);
    const versions = [job, ...older];
    const stable = versions.find(({ Stable }) => Stable === true);
    const kept = versions.slice(0, 6);
    jobs.set(key, stable === undefined || kept.includes(stable) ? kept : [...kept.slice(0, 5), stable]);
  }

  function put(one: RawRegistration): void {
    const before = registrations.get(keyOf(one.Namespace, one.ID));
    if (before !== undefined && before.ServiceName !== one.ServiceName) remove(one.Namespace, one.ID);
    registrations.set(keyOf(one.Namespace, one.ID), one);
    const service = keyOf(one.Namespace, one.ServiceName);
    byService.set(service, (byService.get(service) ?? new Map<string, RawRegistration>()).set(one.ID, one));
  }

  function remove(namespace: string, id: string): void {
    const one = registrations.get(keyOf(namespace, id));
    if (one === undefined) return;
    registrations.delete(keyOf(namespace, id));
    byService.get(keyOf(namespace, one.ServiceName))?.delete(id);
  }

  function applyEvent(event: RawEvent): void {
    const { Service: service, Job: job } = event.Payload;
    namespaces.add(event.Namespace);
    raft = Math.max(raft, event.Index);
    if (event.Topic === 'Service' && service !== undefined) {
      table = Math.max(table, event.Index);
      if (event.Type === 'ServiceRegistration') put(service);
      else remove(service.Namespace, service.ID);
    }
    if (event.Topic === 'Job' && job !== undefined) {
      const purged = event.Type === 'JobDeregistered' && job.Stop !== true;
      if (purged || event.Payload.Deleted === true) jobs.delete(keyOf(job.Namespace, job.ID));
      else putJob(job);
    }
  }

  return {
    tableIndex: () => table,
    nextIndex: () => raft + 1,
    registrations: () => [...registrations.values()],
    registrationsOf: (service, namespace) => [...(byService.get(keyOf(namespace, service))?.values() ?? [])],
    find: (id, namespace) => registrations.get(keyOf(namespace, id)),
    job: (id, namespace) => jobs.get(keyOf(namespace, id))?.[0],
    versions: (id, namespace) => jobs.get(keyOf(namespace, id)) ?? [],
    namespaces,
    apply(frame) {
      for (const event of frame.Events ?? []) applyEvent(event);
    },
    remember(frame) {
      buffer = [...buffer, frame].slice(-bufferSize);
    },
    replay(index) {
      const first = buffer.findIndex((frame) => (frame.Index ?? 0) >= index);
      return first < 0 ? buffer.slice(-1) : buffer.slice(first);
    },
    restore(index) {
      for (const one of [...registrations.values()]) if (one.CreateIndex > index) remove(one.Namespace, one.ID);
      table = index;
      raft = index;
      buffer = [];
    },
  };
}

function keyOf(namespace: string, id: string): string {
  return `${namespace}/${id}`;
}
