import {
  catchError,
  concat,
  concatMap,
  connect,
  filter,
  forkJoin,
  from,
  map,
  merge,
  mergeMap,
  type Observable,
  of,
  throwError,
  toArray,
} from 'rxjs';
import type { Name } from '../lib/model/by-name.ts';
import { serviceKey, type Registration } from '../lib/model/events.ts';
import { FailureError } from '../lib/model/failure.ts';
import { newestOf, succeed } from '../lib/model/job-versions.ts';
import { printable } from '../lib/model/quoted.ts';
import { isUsableName } from '../lib/model/service-name.ts';
import { concernUs, type AliasName } from '../lib/model/tag-aliases.ts';
import type { NomadClient } from '../lib/nomad/client.ts';
import type { Skipped } from '../lib/nomad/frames.ts';
import type { Snapshot } from '../lib/nomad/ledger.ts';

export interface SnapshotOptions {
  /** Names, or `*` alone. */
  readonly namespaces: readonly string[];
  /** A service is read when one of its tags starts with this and a dot, */
  readonly prefix: string;
  /** or as the tags of these do. */
  readonly aliases?: readonly AliasName[];
  /** Jobs to ask for beside those of the services. */
  readonly jobs?: readonly Name[];
}

type ServiceRead = Snapshot['services'][number];
type JobRead = Snapshot['jobs'][number];
/** A job that Nomad does not have. */
interface Gone {
  readonly gone: Name;
}
type Read = ServiceRead | JobRead | Gone | Skipped;

const requestsAtOnce = 16;

/** So many services of a snapshot that is being taken have been read. */
export interface SnapshotProgress {
  readonly read: number;
  readonly of: number;
}

export interface SnapshotTaken {
  readonly snapshot: Snapshot;
  readonly skipped: readonly Skipped[];
}

/**
 * Reads all registrations of the services that carry our tags, and the job of each as soon as it is known, with the
 * versions before where it is not stable. One value; a
 * single failed request fails the whole with its FailureError, because what is missing would look like a removal. Only
 * jobs are best effort: what is known of them stays, and `skipped` says which could not be read. A service that cannot be
 * asked for by its name is skipped too; the model does not take it from an event either.
 */
export function takeSnapshot(client: NomadClient, options: SnapshotOptions): Observable<SnapshotTaken> {
  return followSnapshot(client, options).pipe(filter(isTaken));
}

/** As `takeSnapshot`, and says before how far it is, at every service. */
export function followSnapshot(
  client: NomadClient,
  { namespaces, prefix, aliases = [], jobs = [] }: SnapshotOptions,
): Observable<SnapshotProgress | SnapshotTaken> {
  return forkJoin(namespaces.map((namespace) => client.getServices(namespace))).pipe(
    concatMap((lists) => {
      const index = Math.min(...lists.map((list) => list.index));
      const listed = lists.flatMap((list) => list.value).filter((one) => concernUs(one.tags, prefix, aliases));
      const usable = listed.filter(({ name }) => isUsableName(name));
      const strange = listed.filter(({ name }) => !isUsableName(name)).map(skipService);
      const asked = new Set<string>();
      const taken = (read: readonly Read[]): SnapshotTaken => ({
        snapshot: { index, services: read.filter(isService), jobs: read.filter(isJob), ...goneOf(read) },
        skipped: [...strange, ...read.filter(isSkipped)],
      });
      const services = from(usable).pipe(mergeMap((one) => readServiceAndJobs(client, one, asked), requestsAtOnce));
      const others = from(jobs).pipe(
        filter(({ namespace, id }) => !asked.has(`${namespace}/${id}`)),
        mergeMap((job) => readJob(client, job), requestsAtOnce),
      );
      return concat(services, others).pipe(
        connect((reads) =>
          merge(
            reads.pipe(
              filter(isService),
              map((_, n) => ({ read: n + 1, of: usable.length })),
            ),
            reads.pipe(toArray(), map(taken)),
          ),
        ),
      );
    }),
  );
}

export function isTaken(said: SnapshotProgress | SnapshotTaken): said is SnapshotTaken {
  return 'snapshot' in said;
}

export function isProgress(said: SnapshotProgress | SnapshotTaken): said is SnapshotProgress {
  return 'read' in said;
}

function skipService({ namespace, name }: { readonly namespace: string; readonly name: string }): Skipped {
  return { what: `service ${printable(serviceKey(namespace, name))}`, why: 'it cannot be asked for by such a name' };
}

/** One request at a time. `asked`: jobs that no other service has to ask for. */
function readServiceAndJobs(
  client: NomadClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  asked: Set<string>,
): Observable<Read> {
  return client
    .getService(name, namespace)
    .pipe(
      concatMap(({ index, value }) =>
        concat(
          of({ key: serviceKey(namespace, name), index, registrations: value }),
          ...jobsOf(value, asked).map((id) => readJob(client, { namespace, id })),
        ),
      ),
    );
}

function jobsOf(registrations: readonly Registration[], asked: Set<string>): readonly string[] {
  const jobs = new Map(registrations.map(({ namespace, job }) => [`${namespace}/${job}`, job]));
  const fresh = [...jobs].filter(([key]) => !asked.has(key));
  for (const [key] of fresh) asked.add(key);
  return fresh.map(([, job]) => job);
}

function readJob(client: NomadClient, { namespace, id }: Name): Observable<JobRead | Gone | Skipped> {
  return client.getJob(id, namespace).pipe(
    concatMap((read) => (read.value.stable ? of(read) : readEarlier(client, read))),
    catchError((error: unknown) => {
      if (!(error instanceof FailureError)) throw error;
      if (error.failure.kind === 'not-found') return of({ gone: { namespace, id } });
      return of({ what: `job ${namespace}/${id}`, why: error.message });
    }),
  );
}

/** While a deployment is not through, instances of the versions before may serve. One that was purged by now has none. */
function readEarlier(client: NomadClient, { index, value: job }: JobRead): Observable<JobRead> {
  return client.getJobVersions(job.id, job.namespace).pipe(
    map(({ value }) => {
      const before = newestOf(value.filter(({ modifyIndex }) => modifyIndex < job.modifyIndex));
      return { index, value: succeed(before, job) };
    }),
    catchError((error: unknown) => {
      if (error instanceof FailureError && error.failure.kind === 'not-found') return of({ index, value: job });
      return throwError(() => error as Error);
    }),
  );
}

function goneOf(read: readonly Read[]): { readonly gone?: readonly Name[] } {
  const gone = read.flatMap((one) => ('gone' in one ? [one.gone] : []));
  return gone.length > 0 ? { gone } : {};
}

function isService(read: Read): read is ServiceRead {
  return 'registrations' in read;
}

function isJob(read: Read): read is JobRead {
  return 'value' in read;
}

function isSkipped(read: Read): read is Skipped {
  return 'why' in read;
}
