import { map, Observable, type OperatorFunction } from 'rxjs';

/**
 * Emits one by one what `list` makes of each value: `concatMap` for lists, where every event passes and a subscription for
 * each of them would cost more than what is done about it.
 *
 *     source:  -a---b---|     a: 1 and 2, b: nothing
 *     result:  -(12)----|
 *
 * A value that comes while a list is emitted does not wait for its end.
 */
export function emitEach<T, R>(list: (value: T) => readonly R[]): OperatorFunction<T, R> {
  return (source) =>
    new Observable((subscriber) =>
      source.pipe(map(list)).subscribe({
        next: (values) => {
          for (const value of values) subscriber.next(value);
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
        complete: () => {
          subscriber.complete();
        },
      }),
    );
}
