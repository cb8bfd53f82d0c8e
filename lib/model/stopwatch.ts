import { createByName, type ByName } from './by-name.ts';
import { serviceKey, type Event, type Registration } from './events.ts';
import type { Notice, Ready } from './notice.ts';
import { endpoint } from './service.ts';

/** Instances that events have told of and that HAProxy does not serve yet; times in ms. Changed in place. */
export interface Stopwatch {
  readonly waiting: ByName<Waiting>;
  /** The same by service and `address:port`, which is how a step names an instance. */
  readonly places: Map<string, Waiting>;
  /** What the tags that concern us start with, before a dot. */
  readonly prefix: string;
}

interface Waiting {
  readonly registration: Registration;
  readonly toldAt: number;
  admittedAt?: number;
}

/** What never gets a slot is forgotten in the end, the oldest first. */
const most = 10_000;

export function createStopwatch(prefix: string): Stopwatch {
  return { waiting: createByName(), places: new Map(), prefix };
}

/** Takes an event in. A registration that only changes is not waited for: its two indexes differ. */
export function noteTime(stopwatch: Stopwatch, event: Event, now: number): void {
  switch (event.kind) {
    case 'service-registered': {
      const { registration } = event;
      const isNew = registration.createIndex === registration.modifyIndex;
      if (isNew && isTagged(registration, stopwatch.prefix)) start(stopwatch, { registration, toldAt: now });
      return;
    }
    case 'instance-admitted': {
      const waiting = stopwatch.waiting.get(event);
      if (waiting !== undefined) waiting.admittedAt ??= now;
      return;
    }
    case 'service-deregistered': {
      const waiting = stopwatch.waiting.get(event);
      if (waiting !== undefined) stop(stopwatch, waiting);
      return;
    }
    case 'marks-found':
    case 'snapshot-taken':
    case 'losses-accepted':
    case 'ghosts-seen':
    case 'job-registered':
    case 'job-deregistered':
    case 'snapshot-probed':
      return;
    default:
      event satisfies never;
  }
}

/** The notice, with the instances that HAProxy serves by it from now on, as far as they were waited for. */
export function tellTime(stopwatch: Stopwatch, notice: Notice, now: number): Notice {
  if (notice.kind !== 'applied' || stopwatch.places.size === 0) return notice;
  const ready = notice.steps.flatMap((step): readonly Ready[] => {
    if (step.kind !== 'fill-slot') return [];
    const waiting = stopwatch.places.get(placeOf(step.service, step));
    if (waiting === undefined) return [];
    stop(stopwatch, waiting);
    const since = (ms: number) => Math.max(0, now - ms);
    const { toldAt, admittedAt = toldAt } = waiting;
    return [{ service: step.service, toldMs: since(toldAt), admittedMs: since(admittedAt) }];
  });
  return ready.length === 0 ? notice : { ...notice, ready };
}

function isTagged({ tags }: Registration, prefix: string): boolean {
  return tags.some((tag) => tag.startsWith(`${prefix}.`));
}

function start(stopwatch: Stopwatch, waiting: Waiting): void {
  const { waiting: all, places } = stopwatch;
  const earlier = all.get(waiting.registration) ?? places.get(placeOfRegistration(waiting.registration));
  if (earlier !== undefined) stop(stopwatch, earlier);
  all.set(waiting.registration, waiting);
  places.set(placeOfRegistration(waiting.registration), waiting);
  const [oldest] = places.size > most ? places.values() : [];
  if (oldest !== undefined) stop(stopwatch, oldest);
}

function stop({ waiting, places }: Stopwatch, { registration }: Waiting): void {
  waiting.delete(registration);
  places.delete(placeOfRegistration(registration));
}

function placeOfRegistration(registration: Registration): string {
  return placeOf(serviceKey(registration.namespace, registration.service), registration);
}

function placeOf(service: string, at: { readonly address: string; readonly port: number }): string {
  return `${service} ${endpoint(at)}`;
}
