import type { JSONSchemaType } from 'ajv';
import type { Job, JobCheck, JobService } from '../model/events.ts';
import { parserOf } from './parser.ts';
import { trimmed } from '../model/trimmed.ts';

/** The fields in use of Nomad's `Job`; Go's empty slices, maps and pointers are `null`. */
interface RawJob {
  ID: string;
  Namespace: string;
  Type?: string | null;
  CreateIndex: number;
  JobModifyIndex: number;
  Stable: boolean;
  Update?: RawUpdate | null;
  TaskGroups?: RawGroup[] | null;
}
interface RawUpdate {
  Canary: number;
  MaxParallel?: number | null;
}
interface RawGroup {
  Name: string;
  Count: number;
  Update?: RawUpdate | null;
  Scaling?: { Enabled: boolean; Max: number } | null;
  Services?: RawService[] | null;
  Tasks?: { Name: string; Services?: RawService[] | null }[] | null;
}
interface RawService {
  Name: string;
  PortLabel?: string | null;
  Provider: string;
  Checks?: RawCheck[] | null;
}
interface RawCheck {
  Type: string;
  Protocol?: string | null;
  Method?: string | null;
  Path?: string | null;
  PortLabel?: string | null;
  /** Nanoseconds, as all of Go's durations. */
  Interval: number;
  Timeout: number;
  Header?: Record<string, string[] | null> | null;
}

const optionalString = { type: 'string', nullable: true } as const;

const check: JSONSchemaType<RawCheck> = {
  type: 'object',
  properties: {
    Type: { type: 'string' },
    Protocol: optionalString,
    Method: optionalString,
    Path: optionalString,
    PortLabel: optionalString,
    Interval: { type: 'integer' },
    Timeout: { type: 'integer' },
    Header: {
      type: 'object',
      required: [],
      additionalProperties: { type: 'array', items: { type: 'string' }, nullable: true },
      nullable: true,
    },
  },
  required: ['Type', 'Interval', 'Timeout'],
};

const service: JSONSchemaType<RawService> = {
  type: 'object',
  properties: {
    Name: { type: 'string' },
    PortLabel: optionalString,
    Provider: { type: 'string' },
    Checks: { type: 'array', items: check, nullable: true },
  },
  required: ['Name', 'Provider'],
};

const update: JSONSchemaType<RawUpdate> & { nullable: true } = {
  type: 'object',
  properties: { Canary: { type: 'integer' }, MaxParallel: { type: 'integer', nullable: true } },
  required: ['Canary'],
  nullable: true,
};

const group: JSONSchemaType<RawGroup> = {
  type: 'object',
  properties: {
    Name: { type: 'string' },
    Count: { type: 'integer' },
    Update: update,
    Scaling: {
      type: 'object',
      properties: { Enabled: { type: 'boolean' }, Max: { type: 'integer' } },
      required: ['Enabled', 'Max'],
      nullable: true,
    },
    Services: { type: 'array', items: service, nullable: true },
    Tasks: {
      type: 'array',
      items: {
        type: 'object',
        properties: { Name: { type: 'string' }, Services: { type: 'array', items: service, nullable: true } },
        required: ['Name'],
      },
      nullable: true,
    },
  },
  required: ['Name', 'Count'],
};

const schema: JSONSchemaType<RawJob> = {
  type: 'object',
  properties: {
    ID: { type: 'string', minLength: 1 },
    Namespace: { type: 'string', minLength: 1 },
    Type: optionalString,
    CreateIndex: { type: 'integer' },
    JobModifyIndex: { type: 'integer' },
    Stable: { type: 'boolean' },
    Update: update,
    TaskGroups: { type: 'array', items: group, nullable: true },
  },
  required: ['ID', 'Namespace', 'CreateIndex', 'JobModifyIndex', 'Stable'],
};

/**
 * Reads a job as `/v1/job/:id` and the payload of a Job event carry it, reduced to its services with provider `nomad`
 * and their checks of type http and tcp; nanoseconds become ms.
 */
export const parseJob = parserOf(schema, toJob);

function toJob(raw: RawJob): Job {
  return {
    namespace: raw.Namespace,
    id: raw.ID,
    createIndex: raw.CreateIndex,
    modifyIndex: raw.JobModifyIndex,
    stable: raw.Stable || hasNoDeployment(raw),
    services: trimmed((raw.TaskGroups ?? []).flatMap((one) => servicesOf(one, raw.Update))),
  };
}

const versionsSchema: JSONSchemaType<{ Versions: RawJob[] }> = {
  type: 'object',
  properties: { Versions: { type: 'array', items: schema } },
  required: ['Versions'],
};

/** Reads the answer of `/v1/job/:id/versions`. */
export const parseJobVersions = parserOf(versionsSchema, ({ Versions }): readonly Job[] => Versions.map(toJob));

/**
 * Nomad calls a version stable once its deployment has succeeded. Jobs of another type have none, as a rule, nor have those of
 * which every group replaces all at once; what is not said is taken for a deployment.
 */
function hasNoDeployment({ Type, Update, TaskGroups }: RawJob): boolean {
  if (Type && Type !== 'service') return true;
  const groups = TaskGroups ?? [];
  return groups.length > 0 && groups.every((one) => (one.Update ?? Update)?.MaxParallel === 0);
}

function servicesOf(raw: RawGroup, jobUpdate: RawUpdate | null | undefined): readonly JobService[] {
  const size = {
    group: raw.Name,
    count: raw.Count,
    canaries: (raw.Update ?? jobUpdate)?.Canary ?? 0,
    scalingMax: raw.Scaling?.Enabled ? raw.Scaling.Max : 0,
  };
  return [
    ...native(raw.Services).map((one) => ({ ...size, ...toService(one) })),
    ...(raw.Tasks ?? []).flatMap((task) =>
      native(task.Services).map((one) => ({ ...size, ...toService(one), task: task.Name })),
    ),
  ];
}

function native(services: readonly RawService[] | null | undefined): readonly RawService[] {
  return (services ?? []).filter((one) => one.Provider === 'nomad');
}

function toService(raw: RawService): Pick<JobService, 'name' | 'portLabel' | 'checks'> {
  return { name: raw.Name, portLabel: raw.PortLabel ?? '', checks: trimmed((raw.Checks ?? []).flatMap(toChecks)) };
}

function toChecks(raw: RawCheck): readonly JobCheck[] {
  if (raw.Type !== 'http' && raw.Type !== 'tcp') return [];
  return [
    {
      type: raw.Type,
      protocol: raw.Protocol === 'https' ? 'https' : 'http',
      method: raw.Method || 'GET',
      path: raw.Path || '/',
      portLabel: raw.PortLabel ?? '',
      intervalMs: raw.Interval / 1e6,
      timeoutMs: raw.Timeout / 1e6,
      headers: Object.fromEntries(Object.entries(raw.Header ?? {}).map(([name, values]) => [name, values ?? []])),
    },
  ];
}

/**
 * A version of a job in Nomad's words: what `parseJob` reads as it is here. Of the headers of a check, which may hold secrets, only the
 * one that HAProxy is sent is told.
 */
export function rawJob(job: Job): object {
  return {
    ID: job.id,
    Namespace: job.namespace,
    CreateIndex: job.createIndex,
    JobModifyIndex: job.modifyIndex,
    Stable: job.stable,
    TaskGroups: job.services.map(rawGroup),
  };
}

function rawGroup({ group, count, canaries, scalingMax, task, ...service }: JobService): object {
  const services = [
    { Name: service.name, PortLabel: service.portLabel, Provider: 'nomad', Checks: service.checks.map(rawCheck) },
  ];
  return {
    Name: group,
    Count: count,
    Update: { Canary: canaries },
    ...(scalingMax > 0 && { Scaling: { Enabled: true, Max: scalingMax } }),
    ...(task === undefined ? { Services: services } : { Tasks: [{ Name: task, Services: services }] }),
  };
}

function rawCheck(check: JobCheck): object {
  return {
    Type: check.type,
    Protocol: check.protocol,
    Method: check.method,
    Path: check.path,
    PortLabel: check.portLabel,
    Interval: Math.round(check.intervalMs * 1e6),
    Timeout: Math.round(check.timeoutMs * 1e6),
    Header: Object.fromEntries(Object.entries(check.headers).filter(([name]) => name.toLowerCase() === 'host')),
  };
}
