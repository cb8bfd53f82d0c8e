import { readFileSync } from 'node:fs';
import type { RawFrame, RawJob, RawRegistration } from '../../spec/support/nomad-state.ts';

/** Instances that each service has between two turns. */
export const instancesEach = 3;

/** A stretch of the event stream, as Nomad would write it. */
export interface Chunk {
  readonly bytes: Uint8Array;
  /** The same, line by line. */
  readonly lines: readonly string[];
}

/** A cluster in which services replace their instances, one after the other, for ever; the same one in every run. */
export interface Cluster {
  readonly services: readonly string[];
  /** What `/v1/service/:name` says of a service before the first chunk, as text. */
  readonly answer: (service: string) => string;
  /** What `/v1/job/:id` says of the job that runs a service, as text. */
  readonly job: (service: string) => string;
  /** Index of the last registration so far. */
  readonly index: () => number;
  /**
   * The next so many events, a line each: by turns a new instance of a service appears, and its oldest one goes. With
   * `jobEvents` each such pair is followed by an event of the job that says nothing new: as many as in the recording of a
   * rolling update. With `bystanders` each service has a twin that is not managed, and after the events of the one come
   * those of the other.
   */
  readonly next: (events: number) => Chunk;
}

/** What the stream tells besides the replaced instances of managed services; nothing, if not given. */
export interface Mix {
  readonly jobEvents?: boolean;
  readonly bystanders?: boolean;
}

const recording = new URL('../../fixtures/recordings/register-and-scale.nomad-2.0.ndjson', import.meta.url);

const templates = readTemplates();
const jobText = JSON.stringify(templates.job);

export function createCluster(size: number, { jobEvents = false, bystanders = false }: Mix = {}): Cluster {
  const { event, registration } = templates.registration;
  const services = Array.from({ length: size }, (_, n) => nameOf(n));
  const firstIndex = size * instancesEach;
  const perService = jobEvents ? 3 : 2;
  const perTurn = bystanders ? 2 * perService : perService;
  let told = 0;

  /** The `n`th instance that the service at a place of the list has had, or its bystander. */
  function instance(at: number, n: number, isManaged = true): RawRegistration {
    const service = isManaged ? nameOf(at) : bystanderOf(at);
    const alloc = `${hex(isManaged ? at : size + at, 8)}-b091-7342-57d2-${hex(n, 12)}`;
    const turn = (n - instancesEach) * size + at;
    const created = n < instancesEach ? at * instancesEach + n + 1 : firstIndex + perTurn * turn;
    return {
      ...registration,
      Address: `10.${(at >> 8) & 255}.${at & 255}.${(n % 250) + 1}`,
      AllocID: alloc,
      CreateIndex: created,
      ID: `_nomad-task-${alloc}-group-web-${service}-http`,
      JobID: service,
      ModifyIndex: created,
      Port: 20_000 + ((at * 7 + n * 13) % 12_000),
      ServiceName: service,
      Tags: isManaged ? registration.Tags.map((tag) => tag.replace(/^haproxy\.domain=.*/, domain(service))) : ['http'],
    };
  }

  function nextEvent(): RawFrame {
    const index = firstIndex + told + 1;
    const turn = Math.floor(told / perTurn);
    const isManaged = told % perTurn < perService;
    const part = told % perService;
    const at = turn % size;
    const service = isManaged ? nameOf(at) : bystanderOf(at);
    const oldest = Math.floor(turn / size);
    told += 1;
    if (part === 2) return jobFrame(service, index);
    const appears = part === 0;
    const subject = instance(at, appears ? oldest + instancesEach : oldest, isManaged);
    return {
      Events: [
        {
          ...event,
          FilterKeys: [service, service],
          Index: index,
          Key: subject.ID,
          Payload: { Service: subject },
          Type: appears ? 'ServiceRegistration' : 'ServiceDeregistration',
        },
      ],
      Index: index,
    };
  }

  function jobFrame(service: string, index: number): RawFrame {
    return {
      Events: [
        {
          ...event,
          Index: index,
          Key: service,
          Payload: { Job: JSON.parse(jobText.replaceAll(templates.job.ID, service)) as RawJob },
          Topic: 'Job',
          Type: 'PlanResult',
        },
      ],
      Index: index,
    };
  }

  return {
    services,
    answer: (service) => JSON.stringify(Array.from({ length: instancesEach }, (_, n) => instance(placeOf(service), n))),
    job: (service) => jobText.replaceAll(templates.job.ID, service),
    index: () => firstIndex + told,
    next: (events) => {
      const lines = Array.from({ length: events }, () => JSON.stringify(nextEvent()));
      return { bytes: Buffer.from(lines.map((line) => `${line}\n`).join('')), lines };
    },
  };
}

/** The recording's first job and its first registration; their properties stay in Nomad's order. */
function readTemplates() {
  const events = readFileSync(recording, 'utf8')
    .trim()
    .split('\n')
    .flatMap((line) => (JSON.parse(line) as { readonly frame?: RawFrame }).frame?.Events ?? []);
  const job = events.find(({ Payload }) => Payload.Job !== undefined)?.Payload.Job;
  const event = events.find(({ Type }) => Type === 'ServiceRegistration');
  const registration = event?.Payload.Service;
  if (job === undefined || event === undefined || registration === undefined) {
    throw new Error('the recording has no job, or no registration');
  }
  return { job, registration: { event, registration } };
}

function nameOf(place: number): string {
  return `svc-${String(place).padStart(5, '0')}`;
}

function bystanderOf(place: number): string {
  return `unmanaged-${String(place).padStart(5, '0')}`;
}

function domain(service: string): string {
  return `haproxy.domain=${service}.example.com`;
}

function placeOf(service: string): number {
  return Number(service.slice(4));
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
