import { concatMap, defer, EMPTY, map, Observable, timer, type SchedulerAction, type Subscriber } from 'rxjs';
import { FailureError, type FailureKind } from '../../lib/model/failure.ts';
import { parseNamespaces, parseRegistrations, parseServices } from '../../lib/nomad/answers.ts';
import type { NomadClient, StreamOptions } from '../../lib/nomad/client.ts';
import { parseJob, parseJobVersions } from '../../lib/nomad/job.ts';
import type { Parsed } from '../../lib/nomad/parser.ts';
import type { NomadState, RawFrame } from '../support/nomad-state.ts';
import { createCluster, type Cluster } from './cluster.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What can happen to the frames that a stream carries. */
export type FrameFault = 'lost' | 'doubled' | 'swapped with the next one';

/** How a stream can end. A server that is killed ends it cleanly; an older one says why, without a line end. */
export type StreamEnd = 'ends' | 'breaks' | 'ends in the middle of a line' | 'ends with an error text';

/** Nomad as the connector sees it, in memory, with everything that can go wrong on the way. Times in ms. */
export interface SimulatedNomad {
  readonly client: NomadClient;
  readonly cluster: Cluster;
  /** Every answer takes so long from now on; the way there and the way back take half of it each. */
  readonly answerIn: (ms: number) => void;
  /** Lets so many requests pass; then so many fail. */
  readonly failRequests: (after: number, count: number, kind: FailureKind) => void;
  readonly endStreams: (how: StreamEnd) => void;
  /** Open streams get not a byte more. */
  readonly silenceStreams: () => void;
  /** Frames arrive so much later than they were sent, and in order. */
  readonly delayFrames: (ms: number) => void;
  readonly spoilFrame: (fault: FrameFault) => void;
  /** Nobody answers, and no stream can be opened. */
  readonly goAway: () => void;
  /** The token may read this namespace alone from now on: answers are filtered, `*` is refused. */
  readonly limitToken: (namespace: string) => void;
  /** Ends every fault. */
  readonly mend: () => void;
}

interface Stream {
  readonly subscriber: Subscriber<Uint8Array>;
  readonly topics: readonly string[];
  /** As they were when the stream was opened: `*` is expanded once. */
  readonly namespaces: ReadonlySet<string>;
  silent: boolean;
  /** When the last frame so far arrives: none overtakes it. */
  arrivesAt: number;
  swapped: RawFrame | undefined;
}

const heartbeatMs = 30_000;
/** Garbage collection closes the socket of a stream that the server has given up. */
const closedAfterMs = 8000;

export function createSimulatedNomad(start: NomadState, time: VirtualTime): SimulatedNomad {
  const streams = new Set<Stream>();
  const spoilt: FrameFault[] = [];
  const cluster = createCluster(start, (frame) => {
    for (const stream of streams) carry(stream, frame);
  });
  const { state } = cluster;
  let answerMs = 2;
  let delayMs = 0;
  let failing: { after: number; count: number; readonly kind: FailureKind } | undefined;
  let away = false;
  let readable: string | undefined;

  // Streams

  function openStream({ index, namespace, topics }: StreamOptions): Observable<Uint8Array> {
    const opened = new Observable<Uint8Array>((subscriber) => {
      if (readable !== undefined && namespace !== readable) {
        return time.schedule(() => {
          subscriber.complete();
        }, closedAfterMs);
      }
      const namespaces = new Set(namespace === '*' ? state.namespaces : [namespace]);
      const stream: Stream = { subscriber, topics, namespaces, silent: false, arrivesAt: 0, swapped: undefined };
      streams.add(stream);
      send(stream, {});
      for (const frame of state.replay(index)) send(stream, frame);
      const heart = time.schedule(function beat(this: SchedulerAction<unknown>) {
        send(stream, {});
        this.schedule(undefined, heartbeatMs);
      }, heartbeatMs);
      heart.add(() => streams.delete(stream));
      return heart;
    });
    return asked(() => undefined).pipe(concatMap(() => opened));
  }

  /** Sends a frame of the moment, unless something happens to it. */
  function carry(stream: Stream, frame: RawFrame): void {
    if (!concerns(stream, frame)) return;
    const fault = spoilt.shift();
    if (fault === 'swapped with the next one') {
      stream.swapped = frame;
      return;
    }
    if (fault !== 'lost') send(stream, frame);
    if (fault === 'doubled') send(stream, frame);
    if (stream.swapped !== undefined) send(stream, stream.swapped);
    stream.swapped = undefined;
  }

  function send(stream: Stream, frame: RawFrame): void {
    if (!concerns(stream, frame)) return;
    const events = frame.Events?.filter(
      (one) => stream.topics.includes(one.Topic) && stream.namespaces.has(one.Namespace),
    );
    const line = JSON.stringify(events === undefined ? frame : { ...frame, Events: events });
    write(stream, `${line}\n`);
  }

  function write(stream: Stream, text: string, then: () => void = () => undefined): void {
    if (stream.silent) return;
    const arrive = () => {
      if (stream.silent) return;
      stream.subscriber.next(Buffer.from(text));
      then();
    };
    stream.arrivesAt = Math.max(stream.arrivesAt, time.now() + delayMs);
    if (stream.arrivesAt === time.now()) arrive();
    else stream.subscriber.add(time.schedule(arrive, stream.arrivesAt - time.now()));
  }

  function concerns({ topics, namespaces }: Stream, { Events: events }: RawFrame): boolean {
    return events === undefined || events.some((one) => topics.includes(one.Topic) && namespaces.has(one.Namespace));
  }

  function end(stream: Stream, how: StreamEnd): void {
    const { subscriber } = stream;
    streams.delete(stream);
    switch (how) {
      case 'ends':
        subscriber.complete();
        break;
      case 'breaks':
        subscriber.error(failure('unreachable', 'the connection was reset'));
        break;
      case 'ends in the middle of a line':
        write(stream, '{"Index":7,"Events":[{"Topic":"Serv', () => {
          subscriber.complete();
        });
        break;
      case 'ends with an error text':
        write(stream, 'subscription closed by server, client should resubscribe', () => {
          subscriber.complete();
        });
        break;
      default:
        how satisfies never;
    }
  }

  // Requests

  /** `read` is asked when the request is there; its answer may be old when it is back. */
  function asked<T>(read: () => T): Observable<T> {
    return timer(answerMs / 2, time).pipe(
      map(() => {
        if (away) throw failure('unreachable', 'connect ECONNREFUSED');
        const kind = failNow();
        if (kind !== undefined) throw failure(kind, 'Nomad answered 500: No cluster leader');
        return read();
      }),
      concatMap((answer) => timer(answerMs / 2, time).pipe(map(() => answer))),
    );
  }

  function failNow(): FailureKind | undefined {
    if (failing === undefined) return undefined;
    if (failing.after > 0) {
      failing.after -= 1;
      return undefined;
    }
    const { kind } = failing;
    failing.count -= 1;
    if (failing.count <= 0) failing = undefined;
    return kind;
  }

  function isReadable(namespace: string): boolean {
    return readable === undefined || namespace === readable;
  }

  function refuseUnless(namespace: string): void {
    if (!isReadable(namespace)) throw failure('unauthorized', 'Nomad answered 403: Permission denied');
  }

  function read<T>(namespace: string, raw: () => unknown, parse: (raw: unknown) => Parsed<T>) {
    return asked(() => {
      refuseUnless(namespace);
      return { index: state.tableIndex(), value: valueOf(parse(raw())) };
    });
  }

  const client: NomadClient = {
    address: 'http://nomad.invalid',
    hide: (text) => text,
    tokenChanges: () => 0,
    openStream: (options) => defer(() => openStream(options)),
    getServices: (namespace) =>
      asked(() => {
        if (namespace !== '*') refuseUnless(namespace);
        return { index: state.tableIndex(), value: valueOf(parseServices(servicesOf(namespace, isReadable))) };
      }),
    getService: (name, namespace) => read(namespace, () => registrationsOf(name, namespace), parseRegistrations),
    getJob: (id, namespace) =>
      asked(() => {
        refuseUnless(namespace);
        const job = state.job(id, namespace);
        if (job === undefined) throw failure('not-found', 'Nomad answered 404: job not found');
        return { index: Number(job['ModifyIndex']), value: valueOf(parseJob(job)) };
      }),
    getJobVersions: (id, namespace) =>
      read(namespace, () => ({ Versions: state.versions(id, namespace) }), parseJobVersions),
    getNamespaces: () =>
      asked(() => valueOf(parseNamespaces([...state.namespaces].filter(isReadable).map((Name) => ({ Name }))))),
    readIndex: (namespace) =>
      asked(() => {
        refuseUnless(namespace === '*' ? 'default' : namespace);
        return state.tableIndex();
      }),
    getLivingAllocations: () => EMPTY,
    get: () => EMPTY,
    getDated: () => EMPTY,
  };

  function servicesOf(namespace: string, isVisible: (namespace: string) => boolean): unknown {
    const visible = state
      .registrations()
      .filter((one) => (namespace === '*' || one.Namespace === namespace) && isVisible(one.Namespace));
    return [...Map.groupBy(visible, (one) => one.Namespace)].map(([Namespace, inIt]) => ({
      Namespace,
      Services: [...Map.groupBy(inIt, (one) => one.ServiceName)].map(([ServiceName, instances]) => ({
        ServiceName,
        Tags: [...new Set(instances.flatMap((one) => one.Tags))],
      })),
    }));
  }

  /** `*` is taken literally. */
  function registrationsOf(name: string, namespace: string): unknown {
    return state.registrations().filter((one) => one.ServiceName === name && one.Namespace === namespace);
  }

  return {
    client,
    cluster,
    answerIn(ms) {
      answerMs = ms;
    },
    failRequests(after, count, kind) {
      failing = { after, count, kind };
    },
    endStreams(how) {
      for (const stream of [...streams]) end(stream, how);
    },
    silenceStreams() {
      for (const stream of streams) stream.silent = true;
    },
    delayFrames(ms) {
      delayMs = ms;
    },
    spoilFrame: (fault) => spoilt.push(fault),
    goAway() {
      away = true;
      for (const stream of [...streams]) end(stream, 'breaks');
    },
    limitToken(namespace) {
      readable = namespace;
      for (const stream of streams) {
        if ([...stream.namespaces].every(isReadable)) continue;
        stream.silent = true;
        const close = () => {
          end(stream, 'ends');
        };
        stream.subscriber.add(time.schedule(close, closedAfterMs));
      }
    },
    mend() {
      answerMs = 2;
      delayMs = 0;
      failing = undefined;
      away = false;
      readable = undefined;
      spoilt.length = 0;
    },
  };
}

function failure(kind: FailureKind, message: string): FailureError {
  return new FailureError({ kind, message, where: 'http://nomad.invalid', hint: 'this is a simulation' });
}

function valueOf<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value;
}
