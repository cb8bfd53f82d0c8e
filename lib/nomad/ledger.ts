import { createByName, type ByName, type Name } from '../model/by-name.ts';
import { serviceKey, type Event, type Job, type Registration, type ServiceKey } from '../model/events.ts';
import { succeed } from '../model/job-versions.ts';
import type { Notice } from '../model/notice.ts';
import type { StreamEvent } from './frames.ts';

export type SnapshotReason = Extract<Notice, { kind: 'snapshot-read' }>['reason'];

/** What REST says, each part with the index at which it was read. */
export interface Snapshot {
  /** Of the list of services: holds for every service that is not among `services`. */
  readonly index: number;
  readonly services: readonly {
    readonly key: ServiceKey;
    readonly index: number;
    readonly registrations: readonly Registration[];
  }[];
  readonly jobs: readonly { readonly index: number; readonly value: Job }[];
  /** Jobs that it was asked for and does not have. */
  readonly gone?: readonly Name[];
}

/** A snapshot that is due, and why. Each is an object of its own: a newer one is not paid by a snapshot begun before it. */
export interface Debt {
  readonly reason: SnapshotReason;
}

/** How Nomad's newest index compares with what we know. */
export type Verdict = 'same' | 'missed' | 'restored';

/**
 * Keeps account of what the stream and the snapshots have told, so that downstream sees each fact once and in order
 * although the stream replays, snapshots overlap with it, and either may be ahead of the other.
 * It belongs to one subscription and is changed in place. Bounded by services, and by events since the last audit.
 */
export interface Ledger {
  /** From a new connection on events are kept, newest per object, until it is known what they follow on. */
  readonly hold: () => void;
  /** Events that are kept, and indexes: what has happened since the last audit or snapshot, each object once. */
  readonly size: () => number;
  /**
   * Jobs are read for a snapshot now: that one is gone is newer than what the stream told of it before. Returns every job with
   * services that was told of, and not that it is gone.
   */
  readonly askingJobs: () => readonly Name[];
  /** Where to open the stream of a source; inclusive, because two lines can share an index. 0: all that Nomad has. */
  readonly position: (source: string) => number;
  /** Takes an event of a source's stream; returns whether it is to be passed on now. */
  readonly take: (source: string, event: StreamEvent) => boolean;
  /** Ends holding: returns what is to be passed on. */
  readonly release: () => readonly StreamEvent[];
  /** Set from the beginning, and until a snapshot is merged that was begun after it. */
  readonly owed: () => Debt | undefined;
  readonly owe: (reason: SnapshotReason) => void;
  /** The newest index of a registration known; 0 before the first snapshot. */
  readonly known: () => number;
  readonly judge: (index: number) => Verdict;
  /** By how much the newest index that REST has told of is ahead of what is known; 0: nothing is missing. */
  readonly lag: () => number;
  /** REST is asked for that index now: of what the stream told before, nothing can be newer than the answer. */
  readonly asking: () => void;
  /** Nomad's registrations are at this index: what happened until then is in every snapshot from now on. */
  readonly settle: (index: number) => void;
  /** Nomad was restored from a backup: indexes start anew. */
  readonly forget: () => void;
  /** Ends holding, too: returns the snapshot as of now, with what the stream has told since each part was read. */
  readonly merge: (snapshot: Snapshot, pays: Debt | undefined) => Extract<Event, { kind: 'snapshot-taken' }>;
}

export function createLedger(): Ledger {
  const positions = new Map<string, number>();
  /** Index of the snapshot by service or job; `floor` for services that it did not list. */
  let floors = { services: new Map<ServiceKey, number>(), jobs: createByName<number>() };
  let floor = 0;
  /** The highest of them: what is newer needs no look at its own. */
  let ceiling = 0;
  /** Newest event of each registration and job, tombstones included, as far as a later snapshot may not have it. */
  const recent = { registrations: createByName<StreamEvent>(), jobs: createByName<StreamEvent>() };
  /** Those with services. */
  const jobs = createByName<true>();
  /** Jobs that the stream has told of since jobs were asked for. */
  let toldSince = createByName<true>();
  /** Indexes of Service lines since REST was asked last. */
  const seen = new Set<number>();
  let known = 0;
  let told = 0;
  let owed: Debt | undefined = { reason: 'start' };
  let held: Map<string, { readonly source: string; readonly event: StreamEvent }> | undefined;

  function isNews(event: StreamEvent): boolean {
    return event.index > ceiling || event.index > floorOf(event);
  }

  function floorOf(event: StreamEvent): number {
    switch (event.kind) {
      case 'service-registered':
        return floorOfService(event.registration);
      case 'service-deregistered':
        return floorOfService(event);
      case 'job-registered':
      case 'job-deregistered':
        return floors.jobs.get(nameOf(event)) ?? 0;
      default:
        return event satisfies never;
    }
  }

  function floorOfService({ namespace, service }: { readonly namespace: string; readonly service: string }): number {
    return floors.services.get(serviceKey(namespace, service)) ?? floor;
  }

  /** A lower index than the last one is a replay; an equal one may be the second line of that index. */
  function note(source: string, event: StreamEvent): boolean {
    if (event.index < (positions.get(source) ?? 0)) return false;
    positions.set(source, event.index);
    if (!isJob(event)) {
      seen.add(event.index);
      known = Math.max(known, event.index);
    }
    if (!isNews(event)) return false;
    (isJob(event) ? recent.jobs : recent.registrations).set(nameOf(event), event);
    if (isJob(event)) toldSince.set(nameOf(event), true);
    if (event.kind === 'job-registered') noteJob(event.job);
    if (event.kind === 'job-deregistered') jobs.delete(event);
    return true;
  }

  function noteJob(job: Job): void {
    if (job.services.length > 0) jobs.set(job, true);
    else jobs.delete(job);
  }

  function takeHeld(): readonly StreamEvent[] {
    const kept = [...(held?.values() ?? [])];
    held = undefined;
    return kept.filter(({ source, event }) => note(source, event)).map(({ event }) => event);
  }

  function settle(index: number): void {
    for (const events of [recent.registrations, recent.jobs]) dropUntil(events, index);
  }

  return {
    hold() {
      held = new Map();
    },
    size: () => recent.registrations.size() + recent.jobs.size() + seen.size + (held?.size ?? 0),
    askingJobs() {
      toldSince = createByName();
      return [...jobs.entries()].map(([name]) => name);
    },
    position: (source) => positions.get(source) ?? 0,
    take(source, event) {
      if (held === undefined) return note(source, event);
      held.delete(objectOf(event));
      held.set(objectOf(event), { source, event });
      return false;
    },
    release: takeHeld,
    owed: () => owed,
    owe(reason) {
      owed = { reason: owed?.reason ?? reason };
    },
    known: () => known,
    judge(index) {
      told = index;
      if (index === known || seen.has(index)) return 'same';
      return index > known ? 'missed' : 'restored';
    },
    lag: () => Math.max(0, told - known),
    asking() {
      seen.clear();
    },
    settle,
    forget() {
      positions.clear();
      floors = { services: new Map(), jobs: createByName() };
      settle(Infinity);
      seen.clear();
      floor = 0;
      ceiling = 0;
      known = 0;
    },
    merge(snapshot, pays) {
      floor = snapshot.index;
      floors = { services: new Map(snapshot.services.map((one) => [one.key, one.index])), jobs: createByName() };
      for (const one of snapshot.jobs) floors.jobs.set(one.value, one.index);
      ceiling = highest([floor, ...[...snapshot.services, ...snapshot.jobs].map((one) => one.index)]);
      known = Math.max(known, snapshot.index);
      takeHeld();
      const gone = snapshot.gone?.filter((job) => toldSince.get(job) === undefined) ?? [];
      for (const job of gone) recent.jobs.delete(job);
      // A job's index may be one of before a backup was restored: what was told before this was asked for is in it, or is no more.
      if (pays?.reason === 'renewal') dropUntold(recent.jobs, toldSince);
      const news = [...recent.registrations.entries(), ...recent.jobs.entries()].map(([, event]) => event);
      const event = asOfNow(snapshot, news.filter(isNews));
      for (const job of gone) jobs.delete(job);
      for (const job of event.jobs) noteJob(job);
      settle(snapshot.index);
      if (owed === pays) owed = undefined;
      return gone.length > 0 ? { ...event, gone } : event;
    },
  };
}

function dropUntold(events: ByName<StreamEvent>, told: ByName<true>): void {
  for (const [name] of events.entries()) if (told.get(name) === undefined) events.delete(name);
}

function dropUntil(events: ByName<StreamEvent>, index: number): void {
  for (const [name, event] of events.entries()) if (event.index <= index) events.delete(name);
}

function asOfNow(snapshot: Snapshot, news: readonly StreamEvent[]): Extract<Event, { kind: 'snapshot-taken' }> {
  const registrations = new Map(
    snapshot.services.flatMap((service) => service.registrations.map((one) => [`${one.namespace}/${one.id}`, one])),
  );
  const jobs = new Map(snapshot.jobs.map(({ value }) => [`${value.namespace}/${value.id}`, value]));
  for (const event of news) {
    switch (event.kind) {
      case 'service-registered':
        registrations.set(`${event.registration.namespace}/${event.registration.id}`, event.registration);
        break;
      case 'service-deregistered':
        registrations.delete(`${event.namespace}/${event.id}`);
        break;
      case 'job-registered':
        setJob(jobs, event.job);
        break;
      case 'job-deregistered':
        jobs.delete(`${event.namespace}/${event.id}`);
        break;
      default:
        event satisfies never;
    }
  }
  const index = highest([snapshot.index, ...snapshot.services.map((one) => one.index)]);
  return { kind: 'snapshot-taken', index, registrations: [...registrations.values()], jobs: [...jobs.values()] };
}

function setJob(jobs: Map<string, Job>, job: Job): void {
  const name = `${job.namespace}/${job.id}`;
  jobs.set(name, succeed(jobs.get(name), job));
}

/** `Math.max` takes a hundred thousand arguments at most. */
function highest(indexes: readonly number[]): number {
  return indexes.reduce((a, b) => Math.max(a, b), 0);
}

function isJob(event: StreamEvent): boolean {
  return event.kind === 'job-registered' || event.kind === 'job-deregistered';
}

/** What the event is about is called so, a registration or a job. */
function nameOf(event: StreamEvent): Name {
  switch (event.kind) {
    case 'service-registered':
      return event.registration;
    case 'job-registered':
      return event.job;
    case 'service-deregistered':
    case 'job-deregistered':
      return event;
    default:
      return event satisfies never;
  }
}

/** The same in one word, over all that there is. */
function objectOf(event: StreamEvent): string {
  const { namespace, id } = nameOf(event);
  return `${isJob(event) ? 'job' : 'registration'} ${namespace}/${id}`;
}
