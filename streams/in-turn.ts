import {
  concat,
  defer,
  ignoreElements,
  of,
  retry,
  tap,
  type MonoTypeOperatorFunction,
  type Observable,
  type OperatorFunction,
} from 'rxjs';
import type { Applied } from '../lib/haproxy/end.ts';
import { FailureError, type Failure } from '../lib/model/failure.ts';

/** Up to so many steps on slots runtime calls are faster; beyond, one configuration write that carries them as actions. */
export const maxMoves = 20;

/** How often one turn is planned anew because HAProxy moved between reading and writing. */
const maxConflicts = 5;

const conflict: Failure = {
  kind: 'conflict',
  message: 'somebody else kept writing the HAProxy configuration while it was being changed',
  where: 'configuration',
  hint: 'find the other writer; this is tried again',
};

/** Takes a conflict for an error, for `planAnew` to catch. */
export function refuseConflict(applied: Applied): Applied {
  if (applied.conflict) throw new FailureError(conflict);
  return applied;
}

/** Subscribes again, and so reads and plans again, when there was a conflict; a few times. */
export function planAnew<T>(): MonoTypeOperatorFunction<T> {
  return retry({
    count: maxConflicts,
    delay: (error: unknown) => {
      if (error instanceof FailureError && error.failure.kind === 'conflict') return of(true);
      throw error;
    },
  });
}

/** Goes on from the last value once whoever gave it is through: what follows may write, and writes do not overlap. */
export function whenThrough<T, R>(goOn: (value: T) => Observable<R>): OperatorFunction<T, R> {
  return (source) =>
    defer(() => {
      let next: Observable<R> | undefined;
      const given = source.pipe(
        tap((value) => {
          next = goOn(value);
        }),
        ignoreElements(),
      );
      return concat(
        given,
        defer(() => next ?? []),
      );
    });
}
