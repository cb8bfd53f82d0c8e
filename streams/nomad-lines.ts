import {
  catchError,
  concatMap,
  concatWith,
  connect,
  defer,
  EMPTY,
  ignoreElements,
  map,
  merge,
  type Observable,
  observeOn,
  of,
  queueScheduler,
  type SchedulerLike,
  takeUntil,
  takeWhile,
  throwError,
  timeout,
  timer,
} from 'rxjs';
import { FailureError, type Failure } from '../lib/model/failure.ts';
import type { NomadClient } from '../lib/nomad/client.ts';
import { parseFrame, type Frame } from '../lib/nomad/frames.ts';
import { decodeFrames } from '../operators/decode-frames.ts';

type Malformed = Extract<Frame, { kind: 'malformed' }>;

/** A usable line of the stream, or one that was too long to be kept. */
export type Line = Exclude<Frame, Malformed> | { readonly kind: 'oversized'; readonly bytes: number };

export interface LinesOptions {
  readonly namespace: string;
  readonly index: number;
  /** The first heartbeat comes at once: without it nothing is subscribed. */
  readonly firstHeartbeatMs: number;
  /** Heartbeats come every 30 s. */
  readonly silenceMs: number;
  readonly scheduler: SchedulerLike;
}

/** The first heartbeat of a stream that is granted comes at once (ms). */
const doubtAfterMs = 1000;

/**
 * Follows one event stream. Never completes: an end, an error text and silence are failures, and since Nomad tells by
 * none of them why, REST is asked first whether it is the token or the server; where no heartbeat comes, after a second
 * whether it is the token, so that nobody waits for what he may not have. Errors with a FailureError.
 *
 * The lines of a chunk come in one turn of `queueScheduler`, so that what they say is acted on together.
 */
export function nomadLines(client: NomadClient, options: LinesOptions): Observable<Line> {
  const { namespace, index, firstHeartbeatMs, silenceMs, scheduler } = options;
  const where = `GET ${client.address}/v1/event/stream?namespace=${namespace}`;

  return defer(() => {
    let proven = false;
    let broken: Malformed | undefined;

    function end(message: string, as: Partial<Failure> = {}): Observable<never> {
      return explain(client, namespace, { message, where, ...(proven ? brokenOff : neverProven(namespace)), ...as });
    }

    function endBy({ excerpt: said, why }: Malformed): Observable<never> {
      const excerpt = client.hide(said);
      if (!excerpt.startsWith('{')) return end(`the event stream says: ${excerpt}`);
      return end(`the event stream was cut (${why}): ${excerpt}`, { kind: 'malformed' });
    }

    function doubt(): Observable<never> {
      return timer(doubtAfterMs, scheduler).pipe(
        concatMap(() => client.readIndex(namespace)),
        ignoreElements(),
        catchError((error: unknown) => {
          if (!(error instanceof FailureError)) return throwError(() => error as Error);
          const { kind, message } = error.failure;
          if (kind !== 'unauthorized') return EMPTY;
          const silent = `the event stream is silent for ${doubtAfterMs} ms; ${message}`;
          return throwError(() => new FailureError({ ...error.failure, message: silent }));
        }),
      );
    }

    return client.openStream({ index, namespace, topics: ['Service', 'Job'] }).pipe(
      timeout({
        first: firstHeartbeatMs,
        each: silenceMs,
        scheduler,
        with: () => end(`the event stream is silent for ${proven ? silenceMs : firstHeartbeatMs} ms`),
      }),
      observeOn(queueScheduler),
      decodeFrames<Frame | Line>(parseFrame, (bytes) => ({ kind: 'oversized', bytes })),
      takeWhile((line): line is Line => {
        proven ||= line.kind === 'heartbeat';
        if (line.kind === 'malformed') broken = line;
        return line.kind !== 'malformed';
      }),
      concatWith(defer(() => (broken === undefined ? end('the event stream has ended') : endBy(broken)))),
      connect((lines) => merge(lines, doubt().pipe(takeUntil(lines)))),
    );
  });
}

const brokenOff = {
  kind: 'unreachable',
  hint: 'see whether the Nomad agent is up and has a server; the stream is opened again by itself',
} as const;

/** Nomad from 1.11.2 on answers a refused stream with 200 and silence (measured on Nomad 1.10 and 2.0). */
function neverProven(namespace: string): Pick<Failure, 'kind' | 'hint'> {
  return {
    kind: 'unauthorized',
    hint: `use a token with capability "read-job" in namespace "${namespace}"${namespace === '*' ? ' (that is, in every one)' : ''}`,
  };
}

/** When REST fails as well, its answer says why the stream ended. */
function explain(client: NomadClient, namespace: string, failure: Failure): Observable<never> {
  return client.readIndex(namespace).pipe(
    map(() => failure),
    catchError((error: unknown) => {
      if (!(error instanceof FailureError)) return throwError(() => error as Error);
      return of({ ...error.failure, message: `${failure.message}; ${error.failure.message}` });
    }),
    concatMap((told) => throwError(() => new FailureError(told))),
  );
}
