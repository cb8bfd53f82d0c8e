import { firstValueFrom, type Observable } from 'rxjs';

/** The one value of a call, for sequences of calls; rejects with what the call errors with. */
export function ask<T>(call: Observable<T>): Promise<T> {
  return firstValueFrom(call);
}
