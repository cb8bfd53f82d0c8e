import {
  asyncScheduler,
  catchError,
  concat,
  concatMap,
  concatWith,
  defer,
  EMPTY,
  forkJoin,
  from,
  ignoreElements,
  map,
  merge,
  mergeMap,
  type Observable,
  of,
  type SchedulerLike,
  throwError,
  timeout,
  toArray,
} from 'rxjs';
import { serviceKey, type Registration } from '../lib/model/events.ts';
import { FailureError } from '../lib/model/failure.ts';
import type { Notice } from '../lib/model/notice.ts';
import { isUsableName } from '../lib/model/service-name.ts';
import { concernUs, type AliasName } from '../lib/model/tag-aliases.ts';
import { parseRegistrations, type ListedService } from '../lib/nomad/answers.ts';
import type { NomadClient } from '../lib/nomad/client.ts';
import { malformedFailure } from '../lib/nomad/failures.ts';
import { parseFrame } from '../lib/nomad/frames.ts';
import { parseJob, parseJobVersions } from '../lib/nomad/job.ts';
import { decodeFrames } from '../operators/decode-frames.ts';
import { retryWithBackoff } from '../operators/retry-with-backoff.ts';
import { skippedNotice } from './nomad-notices.ts';

export interface RecordOptions {
  /** Names, or `*` alone. */
  readonly namespaces: readonly string[];
  /** A service is in the snapshot when one of its tags starts with this and a dot. */
  readonly prefix: string;
  /** Or as the tags of these do. */
  readonly aliases?: readonly AliasName[];
  readonly scheduler?: SchedulerLike;
}

/** Ms; the first heartbeat comes at once, later ones every 30 s. */
const firstHeartbeatMs = 10_000;
const silenceMs = 45_000;
const requestsAtOnce = 16;

/**
 * The lines of a recording, each with its line end: a snapshot in Nomad's own words, then every frame untouched. After a
 * break the stream is opened again and a new snapshot follows. Also says how the connection fares. Never completes, and
 * errors on bugs only. With `*`, namespaces that are created later are recorded after the next break.
 */
export function recordEvents(client: NomadClient, options: RecordOptions): Observable<string | Notice> {
  const { namespaces, prefix, aliases = [], scheduler = asyncScheduler } = options;

  return defer(() => {
    const startedAt = scheduler.now();
    const line = (what: string, json: string) => `{"t":${Math.round(scheduler.now() - startedAt)},"${what}":${json}}\n`;

    function frames(): Observable<{ readonly namespace: string; readonly said: string | Notice }> {
      return merge(
        ...namespaces.map((namespace) =>
          rawFrames(client, namespace, scheduler).pipe(
            map((said) => ({ namespace, said: typeof said === 'string' ? line('frame', said) : said })),
          ),
        ),
      );
    }

    /** Frames wait until the stream of each namespace has spoken, at the latest by its first heartbeat, and the snapshot is there. */
    const session = defer(() => {
      const proven = new Set<string>();
      let held: (string | Notice)[] | undefined = [];

      return frames().pipe(
        mergeMap(({ namespace, said }) => {
          if (held === undefined) return of(said);
          held.push(said);
          if (proven.has(namespace) || proven.add(namespace).size < namespaces.length) return EMPTY;
          return rawSnapshot(client, namespaces, (tags) => concernUs(tags, prefix, aliases)).pipe(
            concatMap((snapshot) => {
              const waiting = held ?? [];
              held = undefined;
              const connected: Notice = { kind: 'nomad-connected', address: client.address };
              return [connected, line('snapshot', JSON.stringify(snapshot)), ...waiting];
            }),
          );
        }),
      );
    });
    return concat(mayRead(client, namespaces), session).pipe(
      retryWithBackoff<string | Notice>({ scheduler, onRetry: toNotice }),
    );
  });
}

/** REST says why a token is refused; from Nomad 1.11.2 on the stream only stays silent (measured on Nomad 1.10 and 2.0). */
function mayRead(client: NomadClient, namespaces: readonly string[]): Observable<never> {
  return forkJoin(namespaces.map((namespace) => client.getServices(namespace))).pipe(ignoreElements());
}

/** What is not a frame is the server's error text, or a line cut in half: it ends the stream and is not recorded. */
function rawFrames(client: NomadClient, namespace: string, scheduler: SchedulerLike): Observable<string | Notice> {
  const where = `GET ${client.address}/v1/event/stream?namespace=${namespace}`;
  const hint = 'see whether the Nomad agent is up and has a server; the stream is opened again by itself';
  const broken = (message: string) =>
    throwError(() => new FailureError({ kind: 'unreachable', message, where, hint }) as Error);

  return client.openStream({ index: 0, namespace, topics: ['Service', 'Job'] }).pipe(
    decodeFrames<string | Notice>(
      (text) => text,
      (bytes) => skippedNotice({ what: 'a line of the event stream', why: `too long: ${bytes} bytes` }),
    ),
    timeout({
      first: firstHeartbeatMs,
      each: silenceMs,
      scheduler,
      with: () => broken('the event stream is silent'),
    }),
    concatMap((said) => {
      if (typeof said !== 'string') return of(said);
      const frame = parseFrame(said);
      if (frame.kind === 'malformed') return broken(`the event stream says: ${client.hide(frame.excerpt)}`);
      return of(said);
    }),
    concatWith(defer(() => broken('the event stream has ended'))),
  );
}

/** In the words of Nomad; only what can be read again is taken. */
function rawSnapshot(
  client: NomadClient,
  namespaces: readonly string[],
  concern: (tags: readonly string[]) => boolean,
) {
  return forkJoin(namespaces.map((namespace) => client.getServices(namespace))).pipe(
    concatMap((lists) => {
      const index = Math.min(...lists.map((list) => list.index));
      const listed = lists
        .flatMap((list) => list.value)
        .filter(({ name, tags }) => isUsableName(name) && concern(tags));
      return from(listed).pipe(
        mergeMap((service) => rawService(client, service), requestsAtOnce),
        toArray(),
        concatMap((services) =>
          rawJobs(client, services).pipe(
            map((jobs) => ({ index, registrations: services.flatMap(({ raw }) => raw), jobs })),
          ),
        ),
      );
    }),
  );
}

interface RawService {
  readonly raw: readonly unknown[];
  readonly read: readonly Registration[];
}

function rawService(client: NomadClient, { name, namespace }: ListedService): Observable<RawService> {
  const path = `/v1/service/${encodeURIComponent(name)}`;
  return client.get(path, { namespace }).pipe(
    map(({ value }) => {
      const parsed = parseRegistrations(value);
      if (parsed.ok) return { raw: value as readonly unknown[], read: parsed.value };
      throw malformedFailure(`not the answer expected: ${parsed.why}`, { where: `GET ${client.address}${path}` });
    }),
  );
}

/** Best effort, as live: a job that cannot be read is missing, here or when the recording is. */
function rawJobs(client: NomadClient, services: readonly RawService[]): Observable<readonly unknown[]> {
  const registrations = services.flatMap(({ read }) => read);
  const oneOfEach = new Map(registrations.map((one) => [serviceKey(one.namespace, one.job), one]));
  return from(oneOfEach.values()).pipe(
    mergeMap(
      (one) =>
        rawVersions(client, one).pipe(
          catchError((error: unknown) => (error instanceof FailureError ? EMPTY : throwError(() => error as Error))),
        ),
      requestsAtOnce,
    ),
    toArray(),
  );
}

/** A job; where it is not stable, it and the versions before it. */
function rawVersions(client: NomadClient, { namespace, job }: Registration): Observable<unknown> {
  const path = `/v1/job/${encodeURIComponent(job)}`;
  return client.get(path, { namespace }).pipe(
    concatMap(({ value }) => {
      const parsed = parseJob(value);
      if (!parsed.ok) return EMPTY;
      if (parsed.value.stable) return of(value);
      return client
        .get(`${path}/versions`, { namespace })
        .pipe(concatMap((answer) => (areVersions(answer.value) ? answer.value.Versions : [value])));
    }),
  );
}

function areVersions(answer: unknown): answer is { readonly Versions: readonly unknown[] } {
  return parseJobVersions(answer).ok;
}

function toNotice(error: unknown, retryInMs: number): Notice {
  if (!(error instanceof FailureError)) throw error;
  return { kind: 'nomad-lost', failure: error.failure, retryInMs };
}
