import {
  asyncScheduler,
  concat,
  defer,
  filter,
  map,
  NEVER,
  Observable,
  type OperatorFunction,
  queueScheduler,
  type SchedulerLike,
  Subject,
  Subscription,
} from 'rxjs';
import { type Agenda, createAgenda } from '../lib/model/agenda.ts';
import type { ServiceKey } from '../lib/model/events.ts';
import { type FailureKind, isTransient } from '../lib/model/failure.ts';
import type { Kept, Measure } from '../lib/model/kept.ts';
import type { Notice, Outcome } from '../lib/model/notice.ts';
import { mergeChanges, type ServiceChange } from '../lib/model/service.ts';

export interface BatchOptions {
  /** Wait before a transient failure is tried again, in ms; `attempt` counts from 1 until the key is done. */
  readonly backoff: (attempt: number) => number;
  /** What transient failures were about may be over: the keys that wait for it are tried at once, and counted anew. */
  readonly over?: Observable<unknown>;
  /** What the keys that are queued, delayed, refused or in flight are called, and who wants to know how many. */
  readonly kept?: Kept;
  readonly measure?: Measure | undefined;
  readonly scheduler?: SchedulerLike;
}

type Batch = readonly ServiceChange[];

/** When (ms) to try again what was refused to a service that went: no resync brings it back. */
const forgottenAfterMs = 60_000;

interface Waiting {
  readonly change: ServiceChange;
  /** Transient failures since the key was last done. */
  readonly failures: number;
  /** ms of the scheduler's clock; 0: with the next batch; Infinity: when something changes. */
  readonly dueAt: number;
  /** Why it was refused, where only a change can help. */
  readonly refused?: FailureKind;
}

type Entries = Map<ServiceKey, Waiting>;

/** Everything that waits; the agenda has the keys that time alone will bring back. */
interface Queue {
  readonly entries: Entries;
  readonly agenda: Agenda<ServiceKey>;
}

/**
 * Does the work on changes batch by batch, one batch in flight, and sees every key through until it is done.
 *
 *     source:  -a-bcB--------------|     b and B are of one service
 *     work:     a----|                   a: done
 *                    Bc--|               b and B as one; again after 6 ms, c: done
 *                              B-|       done
 *     result:  ------a---c-------b-|     settled
 *
 * Changes that come meanwhile are merged by key and form the next batch, so that memory is bounded by the number of
 * keys; so are changes that come in one turn of `queueScheduler`: where bytes are delivered in such turns, all that a
 * chunk of them says about a service costs one batch. An outcome decides what becomes of a key; a key without one is done when its batch completes.
 *
 * - `done`: forgotten; `settled` is emitted.
 * - `again`, or a transient failure: back with the same change after its delay, which is at least 1 ms. `over` cuts the
 *   delay of failures short.
 * - Any other failure: waits for a change, or for its `afterMs` where only a part failed. A resync of what was refused is
 *   no news, except to `not-found`, where what was missing may have come, and when HAProxy has moved. For a service that
 *   went there is no resync: it is tried again every minute.
 *
 * What else the work says passes on: notices, and batches for the next such stage, together with the outcome `handed-over`.
 * Notices of the source pass at once.
 *
 * An empty batch of the source is work too, done in its turn: it tells that a snapshot is through.
 *
 * A newer change of a key never waits: merged with the older (the first `before`, the last `after`) it takes its place
 * in the next batch. When the source completes the output stays open until nothing is in flight, queued or delayed; a
 * refused key does not hold it open, a key that goes on failing does. An error of `work` is a bug and is passed on.
 */
export function batchByKey<S extends Batch | Notice>(
  work: (batch: Batch) => Observable<Outcome | S>,
  options: BatchOptions,
): OperatorFunction<Batch | Notice, Notice | S> {
  const { backoff, over = NEVER, kept, measure, scheduler = asyncScheduler } = options;

  return (source) =>
    new Observable((subscriber) => {
      const queue: Queue = { entries: new Map(), agenda: createAgenda() };
      const drained = new Subject<never>();
      let inFlight: Entries | undefined;
      let alarm = Subscription.EMPTY;
      let alarmAt = Infinity;
      let completed = false;
      let emptyAsked = false;
      let turnAsked = false;
      if (kept !== undefined) measure?.(kept, () => queue.entries.size + (inFlight?.size ?? 0));

      /**
       * The next batch begins when the turn of the queue that is under way is over, at once where there is none. It also
       * keeps work that completes at once, thousands of times in a row, from exhausting the stack.
       */
      function askTurn(): void {
        if (turnAsked) return;
        turnAsked = true;
        queueScheduler.schedule(() => {
          turnAsked = false;
          runDue(scheduler.now());
        });
      }

      function runDue(at: number): void {
        if (inFlight || subscriber.closed) return;
        const batch = takeDue(queue, at);
        if (batch.size === 0 && !emptyAsked) {
          rest();
          return;
        }
        emptyAsked = false;
        run(batch);
      }

      function run(batch: Entries): void {
        inFlight = batch;
        const changes = [...batch.values()].map(({ change }) => change);
        subscriber.add(
          defer(() => work(changes)).subscribe({
            next: (said) => {
              if (isOutcome(said)) conclude(batch, said);
              else subscriber.next(said);
            },
            error: (error: unknown) => {
              subscriber.error(error);
            },
            complete: () => {
              for (const key of batch.keys()) conclude(batch, { kind: 'done', key });
              inFlight = undefined;
              askTurn();
            },
          }),
        );
      }

      /** The first outcome of a key counts. */
      function conclude(batch: Entries, outcome: Outcome): void {
        const entry = batch.get(outcome.key);
        if (!entry) return;
        batch.delete(outcome.key);
        const notice = settle(entry, outcome);
        if (notice) subscriber.next(notice);
      }

      function settle(entry: Waiting, outcome: Outcome): Notice | undefined {
        const service = outcome.key;
        switch (outcome.kind) {
          case 'done':
            return { kind: 'settled', service };
          case 'handed-over':
            return undefined;
          case 'again':
            putBack(queue, { ...entry, dueAt: dueIn(outcome.afterMs) });
            return undefined;
          case 'failed': {
            const { failure } = outcome;
            if (!isTransient(failure)) {
              const { afterMs } = outcome;
              if (afterMs === undefined) refuse(entry, failure.kind);
              else putBack(queue, { ...entry, dueAt: dueIn(afterMs) });
              return { kind: 'service-failed', service, failure };
            }
            const failures = entry.failures + 1;
            const retryInMs = backoff(failures);
            putBack(queue, { ...entry, failures, dueAt: dueIn(retryInMs) });
            return { kind: 'service-failed', service, failure, retryInMs };
          }
          default:
            return outcome satisfies never;
        }
      }

      function refuse(entry: Waiting, refused: FailureKind): void {
        const isAsked = entry.change.after?.wish !== undefined;
        putBack(queue, { ...entry, dueAt: isAsked || completed ? Infinity : dueIn(forgottenAfterMs), refused });
      }

      /** At least 1 ms, so that work that answers at once cannot spin. */
      function dueIn(ms: number): number {
        return scheduler.now() + Math.max(1, ms);
      }

      function rest(): void {
        const dueAt = queue.agenda.next();
        if (dueAt !== alarmAt) wakeAt(dueAt);
        if (dueAt === Infinity && completed) drained.complete();
      }

      function wakeAt(dueAt: number): void {
        alarm.unsubscribe();
        alarmAt = dueAt;
        if (dueAt === Infinity) return;
        const delayMs = Math.max(0, dueAt - scheduler.now());
        alarm = scheduler.schedule(() => {
          alarmAt = Infinity;
          queueScheduler.schedule(() => {
            runDue(Math.max(dueAt, scheduler.now()));
          });
        }, delayMs);
        subscriber.add(alarm);
      }

      subscriber.add(
        over.subscribe({
          next: () => {
            hurryFailed(queue);
            askTurn();
          },
          error: (error: unknown) => {
            subscriber.error(error);
          },
        }),
      );
      const changes = source.pipe(
        filter((arrived) => {
          if (!isBatch(arrived)) return true;
          emptyAsked ||= arrived.length === 0;
          for (const change of arrived) accept(queue, change);
          askTurn();
          return false;
        }),
        map((passed) => passed as Notice),
      );
      const rundown = defer(() => {
        completed = true;
        for (const [key, { refused }] of queue.entries) if (refused !== undefined) queue.agenda.delete(key);
        askTurn();
        return drained;
      });
      return concat(changes, rundown).subscribe(subscriber);
    });
}

function isBatch(value: Batch | Notice): value is Batch {
  return Array.isArray(value);
}

const outcomeKinds = new Set(['done', 'handed-over', 'again', 'failed']);

function isOutcome(value: Outcome | Batch | Notice): value is Outcome {
  return 'kind' in value && outcomeKinds.has(value.kind);
}

/** Queues a change for the next batch, with whatever waits for its key; failures go on counting. */
function accept(queue: Queue, change: ServiceChange): void {
  const waiting = queue.entries.get(change.key);
  if (waiting && isNoNews(waiting, change)) return;
  enqueue(queue, {
    change: waiting ? mergeChanges(waiting.change, change) : change,
    failures: waiting?.failures ?? 0,
    dueAt: 0,
  });
}

/** True for a resync of exactly what was refused, where looking again cannot help. */
function isNoNews({ refused, change: { after } }: Waiting, change: ServiceChange): boolean {
  return (
    refused !== undefined &&
    refused !== 'not-found' &&
    !change.moved &&
    change.after === after &&
    change.before === after
  );
}

/** Returns a key from its batch; a change that came meanwhile is news to it like any later one. */
function putBack(queue: Queue, entry: Waiting): void {
  const newer = queue.entries.get(entry.change.key);
  enqueue(queue, entry);
  if (newer) accept(queue, newer.change);
}

function hurryFailed(queue: Queue): void {
  for (const entry of queue.entries.values()) {
    if (entry.failures > 0 && entry.refused === undefined) enqueue(queue, { ...entry, failures: 0, dueAt: 0 });
  }
}

function enqueue({ entries, agenda }: Queue, entry: Waiting): void {
  const { key } = entry.change;
  entries.set(key, entry);
  if (entry.dueAt < Infinity) agenda.set(key, entry.dueAt);
  else agenda.delete(key);
}

function takeDue({ entries, agenda }: Queue, at: number): Entries {
  const due: Entries = new Map();
  for (const key of agenda.take(at)) {
    const entry = entries.get(key);
    if (entry !== undefined) due.set(key, entry);
    entries.delete(key);
  }
  return due;
}
