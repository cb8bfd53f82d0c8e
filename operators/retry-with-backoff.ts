import {
  asyncScheduler,
  catchError,
  concat,
  concatWith,
  defer,
  EMPTY,
  ignoreElements,
  type MonoTypeOperatorFunction,
  of,
  repeat,
  type SchedulerLike,
  throwError,
  timer,
} from 'rxjs';

export interface RetryOptions<T> {
  /** Before jitter: the wait after the first failure, and the longest; ms. */
  readonly minMs?: number;
  readonly maxMs?: number;
  /** An attempt that lived this long (ms) was healthy: the wait after it is the first one again. */
  readonly healthyMs?: number;
  /** 0 to 1. */
  readonly random?: () => number;
  readonly scheduler?: SchedulerLike;
  /** Told of each failure and the wait that follows; what it returns is emitted before the wait. */
  readonly onRetry?: (error: unknown, delayMs: number) => T | undefined;
}

/**
 * Subscribes to the source again whenever it errors *or completes*: a stream that must not end has failed when it ends,
 * and counts as `Error('stream ended')`. Never errors, never completes.
 *
 *     source:  -a-b-#     (again) -a--|     (again) -a---
 *     result:  -a-b-n-------------a---n-------------a---     n: what onRetry returned
 *
 * After n failures in a row before it, a wait is between the half and the whole of `minMs` x 2^n, at most `maxMs`:
 * jitter keeps many connectors from coming back at one moment, the lower bound keeps one from hammering. Health is judged by the time an
 * attempt lived, not by its first value, or a source that fails right after its greeting would never be backed off from.
 */
export function retryWithBackoff<T>(options: RetryOptions<T> = {}): MonoTypeOperatorFunction<T> {
  const { minMs = 500, maxMs = 30_000, healthyMs = 60_000, random = Math.random, onRetry } = options;
  const { scheduler = asyncScheduler } = options;

  return (source) =>
    defer(() => {
      let failures = 0;

      const attempt = defer(() => {
        const startedAt = scheduler.now();
        return source.pipe(
          concatWith(throwError(() => new Error('stream ended'))),
          catchError((error: unknown) => {
            if (scheduler.now() - startedAt >= healthyMs) failures = 0;
            const wholeMs = Math.min(maxMs, minMs * 2 ** failures);
            const delayMs = Math.round((wholeMs * (1 + random())) / 2);
            failures += 1;
            const said = onRetry?.(error, delayMs);
            return concat(said === undefined ? EMPTY : of(said), timer(delayMs, scheduler).pipe(ignoreElements()));
          }),
        );
      });

      return attempt.pipe(repeat());
    });
}
