import type { Observable } from 'rxjs';

/** The last value that a source emits by the time it is subscribed to; throws what it errors with, or when there is none. */
export function valueNow<T>(source: Observable<T>): T {
  const values: T[] = [];
  const errors: unknown[] = [];
  source
    .subscribe({ next: (value) => values.push(value), error: (error: unknown) => errors.push(error) })
    .unsubscribe();
  for (const error of errors) throw error;
  if (values.length === 0) throw new Error('no value by now');
  return values.at(-1)!;
}
