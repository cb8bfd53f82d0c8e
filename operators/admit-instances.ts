import {
  asyncScheduler,
  defer,
  EMPTY,
  filter,
  map,
  merge,
  mergeAll,
  mergeMap,
  Observable,
  of,
  type OperatorFunction,
  Subject,
  take,
  takeUntil,
  tap,
  timer,
} from 'rxjs';
import { isIpLiteral, isServed } from '../lib/model/instance.ts';
import { createByName, type Name } from '../lib/model/by-name.ts';
import { serviceKey, type Event, type Job, type Registration, type ServiceKey } from '../lib/model/events.ts';
import { succeed, versionFor } from '../lib/model/job-versions.ts';
import type { Measure } from '../lib/model/kept.ts';
import { sharePlaces } from './share-places.ts';
import { tryUntilAdmitted, type Candidate, type Patience, type ProbeResult } from './try-until-admitted.ts';

/**
 * Asks an instance whether it serves; each subscription is one attempt, whose first value counts and whose time the
 * probe bounds itself. No value means nothing; an error is a bug and is passed on.
 */
export type Probe = (registration: Registration, job: Job | undefined) => Observable<ProbeResult>;

export interface AdmissionOptions extends Partial<Patience> {
  /** What the tags that concern us start with. */
  readonly prefix?: string;
  /** Longest time from a snapshot to `snapshot-probed`; ms, and so much more for each instance that is to be tried. */
  readonly settleMs?: number;
  readonly settleEachMs?: number;
  /** Attempts at one time. */
  readonly maxConcurrent?: number;
  readonly measure?: Measure | undefined;
}

interface Instance {
  readonly service: string;
  readonly address: string;
  readonly port: number;
  /** Until it is admitted; of a hundred thousand that are, nothing else is kept. */
  readonly probing: Probing | undefined;
}

interface Probing {
  /** The newest one: its tags say how to probe. */
  registration: Registration;
  /** Of its first attempt or the wait for it; ms. */
  readonly since: number;
  /** Ends what runs, of which nothing is kept once it is admitted. */
  end: () => void;
  /** The first attempt has ended. */
  tried: boolean;
}

const maxJobs = 10_000;
const nothing = () => undefined;

/**
 * Adds to Nomad's events which instances serve: Nomad registers an instance before its process listens.
 *
 *     source:  -S-----------D------|     S: snapshot of a and b, D: registration of d
 *     a:        -A                       A: admit, R: refuse
 *     b:        --R---R---A
 *     d:                    R---A
 *     result:  -SaP-------b-D---d--|     a, b, d: instance-admitted, P: snapshot-probed
 *
 * Every event passes at once. Each managed registration is probed until the first success, unless it has been admitted
 * at that address and port before; being deregistered, missing from a snapshot or moved ends its probe. Attempts share
 * `maxConcurrent` places, held per attempt; first attempts go before repeated ones, a newcomer's before those of a snapshot.
 *
 * After a snapshot `snapshot-probed` follows when each of its new instances has been tried once, at the latest after
 * `settleMs` and `settleEachMs` for each of them: a thousand take their time, and are to become one write. A newer
 * snapshot takes over from one that still settles. When the source completes, running probes are seen through first.
 */
export function admitInstances(probe: Probe, options: AdmissionOptions = {}): OperatorFunction<Event, Event> {
  const { prefix = 'haproxy', maxConcurrent = 64, scheduler = asyncScheduler } = options;
  const { settleMs = 250, settleEachMs = 1 } = options;
  const { firstMs = 30_000, everyMs = 100, laterMs = 1000, maxWaitMs = 60_000, fallbackMs = 2000 } = options;
  const patience: Patience = { firstMs, everyMs, laterMs, maxWaitMs, fallbackMs, scheduler };

  return (source) =>
    new Observable((subscriber) => {
      const instances = createByName<Instance>();
      const jobs = new Map<string, Job>();
      const places = sharePlaces(maxConcurrent, () => subscriber.closed);
      const snapshots = new Subject<void>();
      /** Of the instances that were probed when the newest snapshot came, those that have not been tried yet. */
      let untried = new Set<Probing>();
      const allTried = new Subject<void>();
      options.measure?.(
        'probes',
        () => [...instances.entries()].filter(([, { probing }]) => probing !== undefined).length,
      );

      /** What comes of an event later; nothing, where it starts no probe. */
      function follow(event: Event): Observable<Event> | undefined {
        switch (event.kind) {
          case 'snapshot-taken':
            for (const gone of event.gone ?? []) jobs.delete(nameOf(gone));
            return followSnapshot(event.registrations, event.jobs, new Set(event.keep));
          case 'losses-accepted':
            forgetServices(new Set(event.services));
            return undefined;
          case 'service-registered':
            return startProbe(event.registration);
          case 'service-deregistered':
            forget(event);
            return undefined;
          case 'job-registered':
            rememberJob(jobs, event.job);
            return undefined;
          case 'job-deregistered':
            jobs.delete(nameOf(event));
            return undefined;
          case 'marks-found':
          case 'ghosts-seen':
          case 'instance-admitted':
          case 'snapshot-probed':
            return undefined;
          default:
            return event satisfies never;
        }
      }

      function startProbe(registration: Registration): Observable<Event> | undefined {
        const probing = watch(registration);
        return probing && admission(probing);
      }

      function followSnapshot(
        registrations: readonly Registration[],
        newest: readonly Job[],
        keep: ReadonlySet<ServiceKey>,
      ): Observable<Event> {
        snapshots.next();
        for (const job of newest) rememberJob(jobs, job);
        const present = createByName<true>();
        for (const one of registrations) present.set(one, true);
        for (const [name, { service }] of instances.entries())
          if (!present.get(name) && !keep.has(serviceKey(name.namespace, service))) forget(name);
        const started = registrations.flatMap((one) => watch(one) ?? []);
        untried = new Set(
          [...instances.entries()].flatMap(([, { probing }]) => (probing?.tried === false ? probing : [])),
        );
        const longestMs = settleMs + settleEachMs * untried.size;
        const settled = defer(() =>
          untried.size === 0 ? of(true) : merge(allTried, timer(longestMs, scheduler)),
        ).pipe(
          take(1),
          map(() => ({ kind: 'snapshot-probed' }) as const),
          takeUntil(snapshots),
        );
        return merge(places.inTurn(started, timer(maxWaitMs, scheduler)).pipe(mergeMap(admission)), settled);
      }

      /** Returns what is to be probed by now and was not before. */
      function watch(registration: Registration): Probing | undefined {
        const known = instances.get(registration);
        const managed = isServed(registration, prefix);
        if (known && managed && isAtSamePlace(known, registration)) {
          if (known.probing) known.probing.registration = registration;
          return undefined;
        }
        forget(registration);
        if (!managed) return undefined;
        const { address, port } = registration;
        const since = scheduler.now();
        const probing: Probing = { registration, since, end: nothing, tried: false };
        instances.set(registration, { service: registration.service, address, port, probing });
        return probing;
      }

      function forget(name: Name): void {
        const probing = instances.get(name)?.probing;
        instances.delete(name);
        if (probing === undefined) return;
        probing.end();
        noteTried(probing);
      }

      function forgetServices(keys: ReadonlySet<ServiceKey>): void {
        for (const [name, { service }] of instances.entries())
          if (keys.has(serviceKey(name.namespace, service))) forget(name);
      }

      /** Nothing of one that was forgotten while it waited for its turn. */
      function admission(probing: Probing): Observable<Event> {
        if (instances.get(probing.registration)?.probing !== probing) return EMPTY;
        const attempt = defer(() => {
          const { registration } = probing;
          const job = jobs.get(`${registration.namespace}/${registration.job}`);
          return probe(registration, job && versionFor(job, registration)).pipe(take(1));
        });
        const candidate: Candidate<Event> = {
          since: probing.since,
          mayBeForbidden: !isIpLiteral(probing.registration.address),
          attempt,
          admit: () => {
            const { namespace, id, service, address, port } = probing.registration;
            instances.set(probing.registration, { service, address, port, probing: undefined });
            probing.end = nothing;
            return { kind: 'instance-admitted', namespace, id, address, port };
          },
          tried: () => {
            noteTried(probing);
          },
          endedBy: (end) => {
            probing.end = end;
          },
        };
        return tryUntilAdmitted(candidate, places, patience);
      }

      /** The first attempt has ended, however it did. */
      function noteTried(probing: Probing): void {
        probing.tried = true;
        if (untried.delete(probing) && untried.size === 0) allTried.next();
      }

      return source
        .pipe(
          tap((event) => {
            subscriber.next(event);
          }),
          map(follow),
          filter((later) => later !== undefined),
          mergeAll(),
        )
        .subscribe(subscriber);
    });
}

function nameOf({ namespace, id }: Name): string {
  return `${namespace}/${id}`;
}

function isAtSamePlace(one: Instance, other: Registration): boolean {
  return one.address === other.address && one.port === other.port;
}

/** Keeps the newest jobs that have services; the oldest give way, and their instances are probed by their tags alone. */
function rememberJob(jobs: Map<string, Job>, job: Job): void {
  const newest = succeed(jobs.get(nameOf(job)), job);
  jobs.delete(nameOf(job));
  if (job.services.length === 0) return;
  jobs.set(nameOf(job), newest);
  const [oldest] = jobs.keys();
  if (jobs.size > maxJobs && oldest !== undefined) jobs.delete(oldest);
}
