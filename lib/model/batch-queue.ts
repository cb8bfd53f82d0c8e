import { createAgenda, type Agenda } from './agenda.ts';
import type { ServiceKey } from './events.ts';
import { isTransient, type FailureKind } from './failure.ts';
import type { Notice, Outcome } from './notice.ts';
import { mergeChanges, type ServiceChange } from './service.ts';

/** A change that waits for its batch. */
export interface Waiting {
  readonly change: ServiceChange;
  /** Transient failures since the key was last done. */
  readonly failures: number;
  /** ms of the scheduler's clock; 0: with the next batch; Infinity: when something changes. */
  readonly dueAt: number;
  /** Why it was refused, where only a change can help. */
  readonly refused?: FailureKind;
}

export type Entries = Map<ServiceKey, Waiting>;

/**
 * Everything that waits for a batch, one change a key: what comes meanwhile is merged, so that memory is bounded by the number
 * of keys. The agenda has the keys that time alone will bring back. It is changed in place.
 */
export interface BatchQueue {
  readonly entries: Entries;
  readonly agenda: Agenda<ServiceKey>;
}

interface Settling {
  /** ms of the scheduler's clock. */
  readonly now: number;
  readonly backoff: (attempt: number) => number;
  readonly closing: boolean;
}

/** When (ms) to try again what was refused to a service that went: no resync brings it back. */
const forgottenAfterMs = 60_000;

export function createQueue(): BatchQueue {
  return { entries: new Map(), agenda: createAgenda() };
}

/** Queues a change for the next batch, with whatever waits for its key; failures go on counting. */
export function accept(queue: BatchQueue, change: ServiceChange): void {
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
function putBack(queue: BatchQueue, entry: Waiting): void {
  const newer = queue.entries.get(entry.change.key);
  enqueue(queue, entry);
  if (newer) accept(queue, newer.change);
}

/**
 * What becomes of a key after its work, and what there is to say of it: one that is done or handed over is forgotten, all
 * others are put back. `backoff`: as of `batchByKey`; `closing`: nothing more will come, so that nobody waits for a change.
 */
export function settle(
  queue: BatchQueue,
  entry: Waiting,
  outcome: Outcome,
  { now, backoff, closing }: Settling,
): Notice | undefined {
  const service = outcome.key;
  const backIn = (ms: number, also: Partial<Waiting> = {}) => {
    // At least 1 ms, so that work that answers at once cannot spin.
    putBack(queue, { ...entry, ...also, dueAt: now + Math.max(1, ms) });
  };
  switch (outcome.kind) {
    case 'done':
      return { kind: 'settled', service };
    case 'handed-over':
      return undefined;
    case 'again':
      backIn(outcome.afterMs);
      return undefined;
    case 'failed': {
      const { failure, afterMs } = outcome;
      if (isTransient(failure)) {
        const failures = entry.failures + 1;
        const retryInMs = backoff(failures);
        backIn(retryInMs, { failures });
        return { kind: 'service-failed', service, failure, retryInMs };
      }
      const isAsked = entry.change.after?.wish !== undefined;
      if (afterMs !== undefined) backIn(afterMs);
      else if (isAsked || closing) putBack(queue, { ...entry, dueAt: Infinity, refused: failure.kind });
      else backIn(forgottenAfterMs, { refused: failure.kind });
      return { kind: 'service-failed', service, failure };
    }
    default:
      return outcome satisfies never;
  }
}

/** What transient failures were about may be over: their keys are due, and counted anew. */
export function hurryFailed(queue: BatchQueue): void {
  for (const entry of queue.entries.values()) {
    if (entry.failures > 0 && entry.refused === undefined) enqueue(queue, { ...entry, failures: 0, dueAt: 0 });
  }
}

function enqueue({ entries, agenda }: BatchQueue, entry: Waiting): void {
  const { key } = entry.change;
  entries.set(key, entry);
  if (entry.dueAt < Infinity) agenda.set(key, entry.dueAt);
  else agenda.delete(key);
}

/** The source has ended: what was refused waits for nothing any more, and what is due still comes. */
export function close({ entries, agenda }: BatchQueue): void {
  for (const [key, { refused }] of entries) if (refused !== undefined) agenda.delete(key);
}

/** Takes out what is due, in ms of the scheduler's clock. */
export function takeDue({ entries, agenda }: BatchQueue, at: number): Entries {
  const due: Entries = new Map();
  for (const key of agenda.take(at)) {
    const entry = entries.get(key);
    if (entry !== undefined) due.set(key, entry);
    entries.delete(key);
  }
  return due;
}
