import {
  createNomadState,
  type NomadState,
  type RawEvent,
  type RawFrame,
  type RawJob,
  type RawRegistration,
} from '../support/nomad-state.ts';

export const namespaces = ['default', 'prod'] as const;
/** `legacy` is the name of a backend that somebody wrote by hand, too. */
export const services = ['web', 'api', 'shop-api', 'legacy'] as const;

/** A service of a namespace; its job has the same name. */
export interface Whose {
  readonly namespace: (typeof namespaces)[number];
  readonly service: (typeof services)[number];
}

/** One of the places where an instance of a service can run; one that is replaced runs there again. */
export interface Place extends Whose {
  readonly n: number;
}

export function nameOf({ namespace, service }: Whose): string {
  return `${namespace}/${service}`;
}

export function placeName(place: Place): string {
  return `${nameOf(place)}#${place.n}`;
}

/** A cluster that runs a few services, told in Nomad's own words. */
export interface Cluster {
  readonly state: NomadState;
  readonly find: (place: Place) => RawRegistration | undefined;
  readonly instancesOf: (whose: Whose) => readonly RawRegistration[];
  readonly jobOf: (whose: Whose) => RawJob | undefined;
  readonly jobs: () => readonly RawJob[];
  /** Registers a new instance at its place, and its job before if there is none. */
  readonly start: (place: Place, tags: readonly string[]) => void;
  /** Changes a registration that is there: its tags, its port. */
  readonly amend: (place: Place, change: Partial<Pick<RawRegistration, 'Tags' | 'Port'>>) => void;
  /** `type` names the Raft message that it comes with. */
  readonly stop: (registrations: readonly RawRegistration[], type: string) => void;
  readonly submit: (whose: Whose, job: JobText) => void;
  readonly setStable: (job: RawJob) => void;
  readonly purge: (whose: Whose) => void;
  /** What is done within changes the cluster without an event, as garbage collection does. */
  readonly silently: (change: () => void) => void;
  /** So many events of topics that nobody here has subscribed to. */
  readonly busyElsewhere: (events: number) => void;
  /** A backup is restored that is so many writes old. It has no job that was made later. */
  readonly restore: (writesAgo: number) => void;
}

/** What a version of a job says that concerns us. */
export interface JobText {
  readonly count: number;
  readonly checkPath: string | undefined;
  readonly stable: boolean;
}

/** `tell` is given each frame that a stream would carry. The same start gives the same cluster. */
export function createCluster(start: NomadState, tell: (frame: RawFrame) => void): Cluster {
  const state = start;
  let silent = false;

  function push(events: readonly Omit<RawEvent, 'Index'>[], index = state.nextIndex()): void {
    const frame = { Index: index, Events: events.map((one) => ({ ...one, Index: index })) };
    state.apply(frame);
    if (silent) return;
    state.remember(frame);
    tell(frame);
  }

  function find({ namespace, service, n }: Place): RawRegistration | undefined {
    return instancesOf({ namespace, service }).find((one) => one.NodeID === `node-${n}`);
  }

  function instancesOf({ namespace, service }: Whose): readonly RawRegistration[] {
    return state.registrations().filter((one) => one.Namespace === namespace && one.ServiceName === service);
  }

  function jobOf({ namespace, service }: Whose): RawJob | undefined {
    return state.job(service, namespace);
  }

  function jobs(): readonly RawJob[] {
    return namespaces.flatMap((namespace) => services.flatMap((service) => jobOf({ namespace, service }) ?? []));
  }

  function stop(registrations: readonly RawRegistration[], type: string): void {
    for (const one of registrations) push([serviceEvent(type, one)]);
  }

  function submit(whose: Whose, text: JobText): void {
    const index = state.nextIndex();
    const created = jobOf(whose)?.['CreateIndex'] ?? index;
    const job = { ...newJob(whose, text), CreateIndex: created, JobModifyIndex: index, ModifyIndex: index };
    push([jobEvent('JobRegistered', job)], index);
  }

  return {
    state,
    find,
    instancesOf,
    jobOf,
    jobs,
    start(place, tags) {
      if (jobOf(place) === undefined) submit(place, { count: 2, checkPath: undefined, stable: true });
      const index = state.nextIndex();
      push([serviceEvent('ServiceRegistration', newInstance(place, tags, index))], index);
    },
    amend(place, change) {
      const known = find(place);
      if (known === undefined) return;
      const index = state.nextIndex();
      push([serviceEvent('ServiceRegistration', { ...known, ...change, ModifyIndex: index })], index);
    },
    stop,
    submit,
    setStable(job) {
      const index = state.nextIndex();
      push([jobEvent('DeploymentStatusUpdate', { ...job, Stable: true, ModifyIndex: index })], index);
    },
    purge(whose) {
      const job = jobOf(whose);
      if (job !== undefined) push([jobEvent('JobDeregistered', job)]);
      stop(instancesOf(whose), 'ServiceDeregistration');
    },
    silently(change) {
      silent = true;
      change();
      silent = false;
    },
    busyElsewhere(events) {
      for (let n = 0; n < events; n += 1) {
        push([{ Topic: 'Node', Type: 'NodeRegistration', Namespace: '', Key: 'node', FilterKeys: null, Payload: {} }]);
      }
    },
    restore(writesAgo) {
      const index = Math.max(1, state.nextIndex() - 1 - writesAgo);
      const earlier = (at: unknown) => Math.min(Number(at), index);
      silent = true;
      for (const job of jobs()) {
        const CreateIndex = earlier(job['CreateIndex']);
        if (CreateIndex !== job['CreateIndex']) {
          push([jobEvent('JobDeregistered', job)], index);
          continue;
        }
        const was = {
          CreateIndex,
          JobModifyIndex: earlier(job['JobModifyIndex']),
          ModifyIndex: earlier(job['ModifyIndex']),
        };
        push([jobEvent('JobRegistered', { ...job, ...was })], index);
      }
      for (const one of state.registrations()) {
        push([serviceEvent('ServiceRegistration', { ...one, ModifyIndex: earlier(one.ModifyIndex) })], index);
      }
      silent = false;
      state.restore(index);
    },
  };
}

/** As many frames as Nomad keeps, but fewer, so that losing some is nothing special. */
export function emptyState(): NomadState {
  return createNomadState({ index: 1, registrations: [], jobs: [] }, 8);
}

/** The same services and jobs, with nothing of what led to them. */
export function stateOf({ state, jobs }: Cluster): NomadState {
  const versions = jobs().flatMap(({ ID, Namespace }) => state.versions(ID, Namespace).toReversed());
  return createNomadState({ index: state.tableIndex(), registrations: state.registrations(), jobs: versions }, 8);
}

function newInstance({ namespace, service, n }: Place, tags: readonly string[], index: number): RawRegistration {
  const alloc = `alloc-${namespace}-${service}-${n}-${index}`;
  return {
    ID: `_nomad-task-${alloc}-group-${service}-${service}-http`,
    ServiceName: service,
    Namespace: namespace,
    NodeID: `node-${n}`,
    Datacenter: 'dc1',
    JobID: service,
    AllocID: alloc,
    Tags: tags,
    Address: `10.${namespaces.indexOf(namespace)}.${services.indexOf(service)}.${n}`,
    Port: 20_000 + (index % 3),
    CreateIndex: index,
    ModifyIndex: index,
  };
}

function newJob({ namespace, service }: Whose, { count, checkPath, stable }: JobText): RawJob {
  const check = { Type: 'http', Path: checkPath, Interval: 5e9, Timeout: 1e9 };
  const block = {
    Name: service,
    PortLabel: 'http',
    Provider: 'nomad',
    Checks: checkPath === undefined ? null : [check],
  };
  return {
    ID: service,
    Namespace: namespace,
    Stable: stable,
    TaskGroups: [{ Name: service, Count: count, Services: [block] }],
  };
}

function serviceEvent(type: string, registration: RawRegistration): Omit<RawEvent, 'Index'> {
  return {
    Topic: 'Service',
    Type: type,
    Namespace: registration.Namespace,
    Key: registration.ID,
    FilterKeys: [registration.JobID, registration.ServiceName],
    Payload: { Service: registration },
  };
}

function jobEvent(type: string, job: RawJob): Omit<RawEvent, 'Index'> {
  return { Topic: 'Job', Type: type, Namespace: job.Namespace, Key: job.ID, FilterKeys: null, Payload: { Job: job } };
}
