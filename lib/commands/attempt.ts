import type { Observable } from 'rxjs';
import { ask } from '../haproxy/ask.ts';
import { FailureError, type Failure } from '../model/failure.ts';

export type Attempt<T> = { readonly value: T } | { readonly failure: Failure };

/** What a call says, or its failure as a value; rejects with bugs only. */
export async function attempt<T>(call: Observable<T> | Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await (call instanceof Promise ? call : ask(call)) };
  } catch (error) {
    if (error instanceof FailureError) return { failure: error.failure };
    throw error;
  }
}
