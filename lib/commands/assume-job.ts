import { serviceBlock } from '../model/check.ts';
import { serviceKey, type Event, type Job, type JobService, type Registration } from '../model/events.ts';
import { printable } from '../model/quoted.ts';
import type { DraftJob } from '../nomad/job-file.ts';
import type { Facts } from './facts.ts';
import { plural } from '../model/plural.ts';

/** What Nomad would say once a job is registered and all its instances run, and what that takes for granted. */
export interface Assumed {
  readonly facts: Facts;
  /** For people. */
  readonly notes: readonly string[];
}

type Snapshot = Extract<Event, { kind: 'snapshot-taken' }>;

/**
 * Puts a job into the snapshot. Instances of its that run stay where they are, as after a change of tags, which Nomad makes
 * in place; those that are missing to its count get addresses of documentation (RFC 5737), those beyond it go.
 * `known`: the job as it is registered now, which has its age and with it the better claim.
 */
export function assumeJob(facts: Facts, draft: DraftJob, known: Job | undefined): Assumed {
  const said: string[] = [];
  const assumed = facts.map((fact) => {
    if (fact.kind !== 'snapshot-taken') return fact;
    const { snapshot, notes } = withJob(fact, draft, known);
    said.push(...notes);
    return snapshot;
  });
  const { namespace, id, services } = draft.job;
  return {
    facts: assumed,
    notes: [
      `as if job ${printable(serviceKey(namespace, id))} were registered and ran`,
      ...(services.length === 0 ? ['it has no service with provider = "nomad"'] : []),
      ...said,
      ...draft.foreign.map(
        ({ name, provider }) => `service ${printable(name)} has provider ${printable(provider)} and is not seen`,
      ),
      ...draft.unported.map(
        ({ name, label }) =>
          `service ${printable(name)} names port ${printable(label)}, which no network of its group has: its instances would have no address`,
      ),
    ],
  };
}

function withJob(snapshot: Snapshot, draft: DraftJob, known: Job | undefined) {
  const index = snapshot.index + 1;
  const job = { ...draft.job, createIndex: known?.createIndex ?? index, modifyIndex: index };
  const isOurs = ({ namespace, job: id }: Registration) => namespace === job.namespace && id === job.id;
  const running = Map.groupBy(snapshot.registrations.filter(isOurs), (one) => serviceBlock(job, one));
  let made = 0;
  const blocks = job.services.map((block, n) => {
    const tags = draft.tags[n] ?? [];
    const kept = (running.get(block) ?? []).toSorted((a, b) => a.createIndex - b.createIndex).slice(0, block.count);
    const all = Array.from({ length: block.count }, (_, at) => {
      const given = tags.map((tag) => tag.replaceAll('${NOMAD_ALLOC_INDEX}', String(at)));
      const one = kept[at] ?? placeholder(job, block, index, (made += 1));
      return { ...one, service: block.name, tags: given, modifyIndex: index };
    });
    return { all, note: sayBlock(job, block, kept.length, all) };
  });
  return {
    snapshot: {
      ...snapshot,
      registrations: [...snapshot.registrations.filter((one) => !isOurs(one)), ...blocks.flatMap(({ all }) => all)],
      jobs: [...snapshot.jobs.filter(({ namespace, id }) => namespace !== job.namespace || id !== job.id), job],
    },
    notes: blocks.map(({ note }) => note),
  };
}

/** One of those that are missing; no allocation of Nomad's is called so. */
export function isPlaceholder({ alloc }: Registration): boolean {
  return alloc.startsWith(placeholderPrefix);
}

const placeholderPrefix = 'new-';

function placeholder(job: Job, block: JobService, index: number, n: number): Registration {
  const alloc = `${placeholderPrefix}${n}`;
  const owner = block.task ?? `group-${block.group}`;
  return {
    id: `_nomad-task-${alloc}-${owner}-${block.name}-${block.portLabel}`,
    namespace: job.namespace,
    service: block.name,
    address: `192.0.2.${1 + (n % 254)}`,
    port: 20_000 + (n % 10_000),
    tags: [],
    alloc,
    job: job.id,
    node: '',
    createIndex: index,
    modifyIndex: index,
  };
}

function sayBlock(job: Job, block: JobService, kept: number, all: readonly Registration[]): string {
  const parts = [
    ...(kept > 0 ? [`${kept} where they run now`] : []),
    ...(all.length > kept ? [`${all.length - kept} at placeholder addresses 192.0.2.x`] : []),
  ];
  const unfilled = all.some(({ service, tags }) => [service, ...tags].some((text) => text.includes('${')));
  const said = `${printable(serviceKey(job.namespace, block.name))}: ${plural(all.length, 'instance')}${parts.length > 0 ? `, ${parts.join(', ')}` : ''}`;
  return unfilled ? `${said}; \${...} that only a client can fill in is taken as it is written` : said;
}
