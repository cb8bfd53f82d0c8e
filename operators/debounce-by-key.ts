import {
  asyncScheduler,
  concat,
  defer,
  EMPTY,
  endWith,
  mergeMap,
  type Observable,
  of,
  type OperatorFunction,
  type SchedulerLike,
  Subject,
  takeUntil,
  timer,
} from 'rxjs';
import type { ServiceKey } from '../lib/model/events.ts';
import { inherits, mergeChanges, movesInstances, type ServiceChange } from '../lib/model/service.ts';

type SnapshotProbed = { readonly kind: 'snapshot-probed' };
type Batch = readonly ServiceChange[];

/** One or more changes of a key, as one. */
interface Merged {
  readonly change: ServiceChange;
  /** A resync is among them. */
  readonly resync: boolean;
}

interface Waited extends Merged {
  /** When the first of them came; ms of the scheduler's clock. */
  readonly since: number;
}

interface Waiting extends Waited {
  readonly overtaken: Subject<void>;
}

/**
 * Lets changes of settings settle, key by key, and new services together; everything else passes at once.
 *
 *     source:  -a-b-----C-d-D----e-|     one key; capitals move instances, the others change settings
 *     result:  -------b-C---D------(e|)  b: a and b merged, D: d and D merged
 *
 *     source:  -n-m-----N----|           two new services that nobody serves yet; N: another one, which serves
 *     result:  -------B-N----|           B: n and m, as one batch
 *
 * - A change that moves instances, one by which a service gets what another has held, and a resync (`before` is `after`) pass
 *   at once and take along what waits for their key.
 * - Any other passes `quietMs` after the last of its key, at most `maxMs` after the first.
 * - New services pass together, for one reload will do: once each of them serves, or `quietMs` after the last that came
 *   or began to serve.
 * - A snapshot's changes, and later ones of the same keys, are held until `snapshot-probed` and pass as one batch, which
 *   may be empty: that tells that the snapshot is through.
 * - What comes to nothing by merging (`before` is `after`) is dropped, unless a resync is among it.
 *
 * When the source completes everything that waits passes first; when it errors that is dropped.
 */
export function debounceByKey(
  quietMs = 25,
  maxMs = 250,
  scheduler: SchedulerLike = asyncScheduler,
): OperatorFunction<ServiceChange | SnapshotProbed, Batch> {
  return (source) =>
    defer(() => {
      const waiting = new Map<ServiceKey, Waiting>();
      const held = new Map<ServiceKey, Merged>();
      const newOnes = new Map<ServiceKey, Waited>();
      /** Those of them that nobody serves yet. */
      const unserved = new Set<ServiceKey>();
      const joined = new Subject<void>();
      let newSince = 0;

      function takeChange(change: ServiceChange): Observable<Batch> {
        const { key } = change;
        if (change.snapshot || held.has(key)) {
          held.set(key, merged(held.get(key) ?? endWait(key), change));
          return EMPTY;
        }
        const older = endWait(key);
        const whole = { ...merged(older, change), since: older?.since ?? scheduler.now() };
        if (isUnchanged(change)) return batchOf([whole]);
        if (isNew(whole.change) && !isUnchanged(whole.change)) return join(whole);
        if (movesInstances(change) || inherits(change)) return batchOf([whole]);
        return wait({
          ...whole,
          since: older && 'since' in older ? older.since : scheduler.now(),
          overtaken: new Subject(),
        });
      }

      function wait(entry: Waiting): Observable<Batch> {
        const { key } = entry.change;
        waiting.set(key, entry);
        return timer(Math.min(quietMs, entry.since + maxMs - scheduler.now()), scheduler).pipe(
          mergeMap(() => {
            waiting.delete(key);
            return batchOf([entry]);
          }),
          takeUntil(entry.overtaken),
        );
      }

      /** All new services wait as one: each alone would ask for a reload of its own. */
      function join(entry: Waited): Observable<Batch> {
        const { key } = entry.change;
        if (newOnes.size === 0) newSince = entry.since;
        newOnes.set(key, entry);
        if (!movesInstances(entry.change)) unserved.add(key);
        joined.next();
        if (unserved.size === 0) return releaseNew();
        return timer(Math.min(quietMs, newSince + maxMs - scheduler.now()), scheduler).pipe(
          mergeMap(releaseNew),
          takeUntil(joined),
        );
      }

      function releaseNew(): Observable<Batch> {
        const all = [...newOnes.values()];
        newOnes.clear();
        unserved.clear();
        return batchOf(all);
      }

      function endWait(key: ServiceKey): Waited | undefined {
        const newOne = newOnes.get(key);
        newOnes.delete(key);
        unserved.delete(key);
        const entry = waiting.get(key);
        waiting.delete(key);
        entry?.overtaken.next();
        return entry ?? newOne;
      }

      /** What came to a snapshot's keys meanwhile, admissions above all, is the snapshot's from here on. */
      function releaseHeld(): Batch {
        const all = [...held.values()];
        held.clear();
        return worthPassing(all).map((change) => ({ ...change, snapshot: true }));
      }

      function releaseAll(): Observable<Batch> {
        const all = [...waiting.values()];
        for (const entry of all) endWait(entry.change.key);
        joined.next();
        return concat(...all.map((entry) => batchOf([entry])), releaseNew(), unlessEmpty(releaseHeld()));
      }

      return source.pipe(
        endWith('source-completed' as const),
        mergeMap((input) => {
          if (input === 'source-completed') return releaseAll();
          return 'kind' in input ? of(releaseHeld()) : takeChange(input);
        }),
      );
    });
}

function merged(older: Merged | undefined, newer: ServiceChange): Merged {
  const resync = isUnchanged(newer);
  if (older === undefined) return { change: newer, resync };
  return { change: mergeChanges(older.change, newer), resync: older.resync || resync };
}

function isNew(change: ServiceChange): boolean {
  return change.before === undefined;
}

function isUnchanged(change: ServiceChange): boolean {
  return change.before === change.after;
}

function batchOf(entries: readonly Merged[]): Observable<Batch> {
  return unlessEmpty(worthPassing(entries));
}

function worthPassing(entries: readonly Merged[]): Batch {
  return entries.filter(({ change, resync }) => resync || !isUnchanged(change)).map(({ change }) => change);
}

function unlessEmpty(batch: Batch): Observable<Batch> {
  return batch.length > 0 ? of(batch) : EMPTY;
}
