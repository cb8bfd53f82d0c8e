import { catchError, of, type Observable } from 'rxjs';
import { FailureError } from '../model/failure.ts';
import type { SlotStep } from '../model/step.ts';
import { ask } from './ask.ts';
import type { DataplaneClient } from './client.ts';
import { isRefusal } from './client-failures.ts';

/**
 * Takes steps on slots to the running process: about 1 ms each at any size. All calls are sent at once, and the API takes
 * them in their order. A freed slot needs no call: it goes on draining until the next configuration write puts it into
 * maintenance, because a call for that does nothing to a slot that HAProxy loaded as disabled (measured on API 3.0 to 3.4).
 * Rejects with a FailureError, once all calls have come to their end; with a refusal of HAProxy's where there is one.
 */
export async function sendSteps(client: DataplaneClient, steps: readonly SlotStep[]): Promise<void> {
  const answers = await Promise.allSettled(steps.flatMap((step) => callsFor(client, step)).map((call) => ask(call)));
  const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as Error] : []));
  const error = errors.find((one) => one instanceof FailureError && isRefusal(one.failure)) ?? errors[0];
  if (error !== undefined) throw error;
}

function callsFor(client: DataplaneClient, step: SlotStep): readonly Observable<unknown>[] {
  const { backend, slot } = step;
  switch (step.kind) {
    case 'fill-slot': {
      const { address, port, weight } = step;
      // Two calls, because one sends the state first. The second repeats the address: if HAProxy reloaded in between, the
      // slot would open at a parked address; a field that is equal is not sent.
      return [
        client.setServer(backend, slot, { address, port, weight }),
        client.setServer(backend, slot, { state: 'ready', address, port }),
      ];
    }
    case 'weigh-slot':
      return [client.setServer(backend, slot, { weight: step.weight })];
    case 'drain-slot':
      return [client.setServerState(backend, slot, 'drain').pipe(unlessNotFound)];
    case 'free-slot':
      return [];
    default:
      return step satisfies never;
  }
}

/** A slot that HAProxy does not know needs no drain. */
function unlessNotFound(call: Observable<unknown>): Observable<unknown> {
  return call.pipe(
    catchError((error: unknown) => {
      if (error instanceof FailureError && error.failure.kind === 'not-found') return of(undefined);
      throw error;
    }),
  );
}
