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
import { accept, close, createQueue, hurryFailed, settle, takeDue, type Entries } from '../lib/model/batch-queue.ts';
import type { Kept, Measure } from '../lib/model/kept.ts';
import type { Notice, Outcome } from '../lib/model/notice.ts';
import type { ServiceChange } from '../lib/model/service.ts';

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
      const queue = createQueue();
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
        const notice = settle(queue, entry, outcome, { now: scheduler.now(), backoff, closing: completed });
        if (notice) subscriber.next(notice);
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
        close(queue);
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
