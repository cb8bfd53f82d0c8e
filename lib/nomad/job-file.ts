import type { JSONSchemaType } from 'ajv';
import type { Job } from '../model/events.ts';
import { parseJob } from './job.ts';
import { parserOf, type Parsed } from './parser.ts';

/** A job that is not registered yet. */
export interface DraftJob {
  /** Its indexes are 0. */
  readonly job: Job;
  /** The tags of each of its services, in their order. Of what Nomad's clients fill in, `${NOMAD_ALLOC_INDEX}` is left. */
  readonly tags: readonly (readonly string[])[];
  /** Services of another provider, which the connector does not see. */
  readonly foreign: readonly { readonly name: string; readonly provider: string }[];
  /** Services whose port label no network of their group has. Nomad 2.0 takes such a job, and registers them without an address. */
  readonly unported: readonly { readonly name: string; readonly label: string }[];
}

/** What is not said is null, and what it means is said by `Canonicalize` of Nomad's package `api`. */
interface RawJob {
  ID: string;
  Name?: string | null;
  Namespace?: string | null;
  Update?: RawUpdate | null;
  TaskGroups?: RawGroup[] | null;
}
interface RawUpdate {
  Canary?: number | null;
}
interface RawGroup {
  Name: string;
  Count?: number | null;
  Update?: RawUpdate | null;
  Scaling?: { Enabled?: boolean | null; Min?: number | null; Max?: number | null } | null;
  Networks?: RawNetwork[] | null;
  Services?: RawService[] | null;
  Tasks?: RawTask[] | null;
}
interface RawTask {
  Name: string;
  Resources?: { Networks?: RawNetwork[] | null } | null;
  Services?: RawService[] | null;
}
interface RawNetwork {
  DynamicPorts?: RawPort[] | null;
  ReservedPorts?: RawPort[] | null;
}
interface RawPort {
  Label: string;
}
interface RawService {
  Name?: string | null;
  PortLabel?: string | null;
  Provider?: string | null;
  Tags?: string[] | null;
  Checks?: Record<string, unknown>[] | null;
}

const optionalString = { type: 'string', nullable: true } as const;
const optionalInteger = { type: 'integer', nullable: true } as const;

const service: JSONSchemaType<RawService> = {
  type: 'object',
  properties: {
    Name: optionalString,
    PortLabel: optionalString,
    Provider: optionalString,
    Tags: { type: 'array', items: { type: 'string' }, nullable: true },
    Checks: { type: 'array', items: { type: 'object', required: [] }, nullable: true },
  },
};
const services = { type: 'array', items: service, nullable: true } as const;

const port: JSONSchemaType<RawPort> = {
  type: 'object',
  properties: { Label: { type: 'string' } },
  required: ['Label'],
};
const ports = { type: 'array', items: port, nullable: true } as const;
const network: JSONSchemaType<RawNetwork> = {
  type: 'object',
  properties: { DynamicPorts: ports, ReservedPorts: ports },
};
const networks = { type: 'array', items: network, nullable: true } as const;

const task: JSONSchemaType<RawTask> = {
  type: 'object',
  properties: {
    Name: { type: 'string' },
    Resources: { type: 'object', properties: { Networks: networks }, nullable: true },
    Services: services,
  },
  required: ['Name'],
};

const update: JSONSchemaType<RawUpdate> & { nullable: true } = {
  type: 'object',
  properties: { Canary: optionalInteger },
  nullable: true,
};

const group: JSONSchemaType<RawGroup> = {
  type: 'object',
  properties: {
    Name: { type: 'string' },
    Count: optionalInteger,
    Update: update,
    Scaling: {
      type: 'object',
      properties: { Enabled: { type: 'boolean', nullable: true }, Min: optionalInteger, Max: optionalInteger },
      nullable: true,
    },
    Networks: networks,
    Services: services,
    Tasks: { type: 'array', items: task, nullable: true },
  },
  required: ['Name'],
};

const schema: JSONSchemaType<RawJob> = {
  type: 'object',
  properties: {
    ID: { type: 'string', minLength: 1 },
    Name: optionalString,
    Namespace: optionalString,
    Update: update,
    TaskGroups: { type: 'array', items: group, nullable: true },
  },
  required: ['ID'],
};

const parseDraft = parserOf(schema, (raw) => raw);

/** Reads a job as `nomad job run -output` prints it, or the job alone. `namespace`: where it says none. */
export function parseJobFile(value: unknown, namespace: string): Parsed<DraftJob> {
  const isWrapped = typeof value === 'object' && value !== null && 'Job' in value;
  const draft = parseDraft(isWrapped ? value.Job : value);
  if (!draft.ok) return draft;
  const raw = draft.value;
  const at = { namespace: raw.Namespace || namespace, id: raw.ID, name: raw.Name || raw.ID };
  const groups = (raw.TaskGroups ?? []).map((one) => ({ raw: one, ...servicesOf(one, at) }));
  const job = parseJob({
    ...{ ID: at.id, Namespace: at.namespace, CreateIndex: 0, JobModifyIndex: 0, Stable: false },
    Update: toUpdate(raw.Update),
    TaskGroups: groups.map((one) => ({ ...toGroup(one.raw), Services: one.ofGroup, Tasks: one.ofTasks })),
  });
  if (!job.ok) return job;
  const all = groups.flatMap((one) => one.all);
  return {
    ok: true,
    value: {
      job: job.value,
      tags: all.filter(({ Provider }) => Provider === 'nomad').map(({ Tags }) => Tags),
      foreign: all
        .filter(({ Provider }) => Provider !== 'nomad')
        .map(({ Name, Provider }) => ({ name: Name, provider: Provider })),
      unported: groups.flatMap((one) => findUnported(one.raw, one.all)),
    },
  };
}

interface At {
  readonly namespace: string;
  readonly id: string;
  readonly name: string;
}

function servicesOf(raw: RawGroup, at: At) {
  const complete = (one: RawService, task: string | undefined) => toService(one, at, raw.Name, task);
  const ofGroup = (raw.Services ?? []).map((one) => complete(one, undefined));
  const ofTasks = (raw.Tasks ?? []).map(({ Name, Services }) => ({
    Name,
    Services: (Services ?? []).map((one) => complete(one, Name)),
  }));
  return { ofGroup, ofTasks, all: [...ofGroup, ...ofTasks.flatMap((task) => task.Services)] };
}

function toService(raw: RawService, { namespace, id, name }: At, group: string, task: string | undefined) {
  const base = [name, group, ...(task === undefined ? [] : [task])].join('-');
  const values: Readonly<Record<string, string | undefined>> = {
    JOB: name,
    TASKGROUP: group,
    TASK: task,
    BASE: base,
    NOMAD_JOB_ID: id,
    NOMAD_JOB_NAME: name,
    NOMAD_GROUP_NAME: group,
    NOMAD_TASK_NAME: task,
    NOMAD_NAMESPACE: namespace,
  };
  const fill = (text: string) => text.replace(/\$\{(\w+)\}/g, (found, key: string) => values[key] ?? found);
  return {
    Name: fill(raw.Name || base),
    PortLabel: raw.PortLabel ?? '',
    Provider: raw.Provider || 'consul',
    Tags: (raw.Tags ?? []).map(fill),
    Checks: (raw.Checks ?? []).map((check) => ({ Interval: 0, Timeout: 0, ...check })),
  };
}

/** A number is a port by itself, and what a client fills in is not known. */
function findUnported({ Networks, Tasks }: RawGroup, services: readonly ReturnType<typeof toService>[]) {
  const networks = [...(Networks ?? []), ...(Tasks ?? []).flatMap(({ Resources }) => Resources?.Networks ?? [])];
  const ports = networks.flatMap(({ DynamicPorts, ReservedPorts }) => [
    ...(DynamicPorts ?? []),
    ...(ReservedPorts ?? []),
  ]);
  const labels = new Set(['', ...ports.map(({ Label }) => Label)]);
  return services
    .filter(
      ({ Provider, PortLabel }) => Provider === 'nomad' && !labels.has(PortLabel) && !/^\d+$|\$\{/.test(PortLabel),
    )
    .map(({ Name, PortLabel }) => ({ name: Name, label: PortLabel }));
}

function toGroup({ Name, Count, Update, Scaling }: RawGroup) {
  return {
    Name,
    Count: Count ?? Scaling?.Min ?? 1,
    Update: toUpdate(Update),
    Scaling: Scaling ? { Enabled: Scaling.Enabled ?? true, Max: Scaling.Max ?? 0 } : null,
  };
}

function toUpdate(raw: RawUpdate | null | undefined) {
  return raw ? { Canary: raw.Canary ?? 0 } : null;
}
