import { Session } from 'node:inspector/promises';
import { performance } from 'node:perf_hooks';
import {
  asyncScheduler,
  defer,
  endWith,
  exhaustMap,
  filter,
  from,
  ignoreElements,
  interval,
  map,
  type Observable,
  type ObservableInput,
  type SchedulerLike,
} from 'rxjs';

/** How busy a process is, and what its heap holds. */
export interface Household {
  /** Share of the time since it was asked last in which the process worked; 0 to 1. */
  readonly busy: () => number;
  /** Bytes, with the garbage among them. */
  readonly heap: () => number;
  /** Over when all garbage has gone; nothing else happens meanwhile. */
  readonly collect: () => ObservableInput<unknown>;
}

/** Bytes on the heap before and after a collection. */
export interface Spared {
  readonly before: number;
  readonly after: number;
}

const calm = 0.1;
const leastBytes = 16_000_000;

/**
 * Gives memory back that nobody uses: V8 leaves the garbage of a start where it is while nothing asks for its place, and
 * that is more than what is in use.
 *
 *     heap:    606--606--606-------414--606    MB, of which 277 are in use
 *     busy:    1----.3---.05-------0----0      of the time since the last look
 *     result:  ----------S--------------S
 *
 * Looks every `everyMs`. A collection stops everything for 4 ms per thousand registrations, so it waits until the process is
 * calm, and until there is half as much again as was in use after the last one. Errors when the process cannot collect.
 */
export function returnSpare(
  { busy, heap, collect }: Household,
  everyMs = 30_000,
  scheduler: SchedulerLike = asyncScheduler,
): Observable<Spared> {
  return defer(() => {
    let inUse = 0;

    function spare(): Observable<Spared> {
      const before = heap();
      return from(collect()).pipe(
        ignoreElements(),
        endWith(undefined),
        map(() => {
          inUse = heap();
          return { before, after: inUse };
        }),
      );
    }

    return interval(everyMs, scheduler).pipe(
      filter(() => busy() < calm && heap() >= Math.max(inUse * 1.5, inUse + leastBytes)),
      exhaustMap(spare),
    );
  });
}

/** Asked by V8's inspector, as it is the only way that needs no flag. */
export function thisProcess() {
  let last = performance.eventLoopUtilization();
  return {
    busy: () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return utilization;
    },
    heap: () => process.memoryUsage().heapUsed,
    collect: async () => {
      const session = new Session();
      session.connect();
      await session.post('HeapProfiler.collectGarbage');
      session.disconnect();
    },
  } satisfies Household;
}
