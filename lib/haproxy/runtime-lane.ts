import { catchError, concatMap, of, type MonoTypeOperatorFunction, type Observable } from 'rxjs';
import { FailureError } from '../model/failure.ts';
import type { SlotStep, StepOf } from '../model/step.ts';
import { ask } from './ask.ts';
import type { DataplaneClient, RuntimeServer } from './client.ts';
import { isRefusal } from './client-failures.ts';
import { slotOf } from './memory.ts';

/**
 * Takes steps on slots to the running process: about 1 ms each at any size. All calls are sent at once, and the API takes
 * them in their order. A freed slot needs no call: it goes on draining until the next configuration write puts it into
 * maintenance, because a call for that does nothing to a slot that HAProxy loaded as disabled (measured on API 3.0 to 3.4).
 * Of the slots, by `slotOf`, those that are known to be `parked` may be opened sooner: nobody listens where they point.
 * Rejects with a FailureError, once all calls have come to their end; with a refusal of HAProxy's where there is one.
 */
export async function sendSteps(
  client: DataplaneClient,
  steps: readonly SlotStep[],
  parked: ReadonlySet<string> = new Set(),
): Promise<void> {
  const calls = steps.flatMap((step) => callsFor(client, step, parked.has(slotOf(step))));
  const answers = await Promise.allSettled(calls.map((call) => ask(call)));
  const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as Error] : []));
  const error = errors.find((one) => one instanceof FailureError && isRefusal(one.failure)) ?? errors[0];
  if (error !== undefined) throw error;
}

function callsFor(client: DataplaneClient, step: SlotStep, isParked: boolean): readonly Observable<unknown>[] {
  const { backend, slot } = step;
  switch (step.kind) {
    case 'fill-slot':
      return isParked ? [openAtOnce(client, step)] : openLast(client, step);
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

/**
 * One call opens the slot, and gives it its address a moment later. A request in between is refused and tried elsewhere; a
 * check of HAProxy's in between takes the slot down, which the answer shows and a second call takes back. A slot that is down
 * because its lines say so (`init-state`) stays that until HAProxy has checked it.
 */
function openAtOnce(client: DataplaneClient, step: StepOf<'fill-slot'>): Observable<unknown> {
  const { backend, slot, address, port, weight } = step;
  return client.setServer(backend, slot, { state: 'ready', address, port, weight }).pipe(untilUp(client, step));
}

/** It has answered its probe: what HAProxy's checks made of the slot before says nothing of it. */
function untilUp(client: DataplaneClient, { backend, slot }: SlotStep): MonoTypeOperatorFunction<RuntimeServer> {
  return concatMap((server) => (isTakenDown(server) ? client.setServer(backend, slot, { health: 'up' }) : of(server)));
}

function isTakenDown({ operationalState, checkHealth = 0 }: RuntimeServer): boolean {
  return operationalState === 'down' && checkHealth === 0;
}

/**
 * Somebody may listen where the slot points: address first. The second call repeats it: if HAProxy reloaded in between, the
 * slot would open at a parked address; a field that is equal is not sent. Its checks may have found it down while it drained.
 */
function openLast(client: DataplaneClient, step: StepOf<'fill-slot'>): readonly Observable<unknown>[] {
  const { backend, slot, address, port, weight } = step;
  return [
    client.setServer(backend, slot, { address, port, weight }),
    client.setServer(backend, slot, { state: 'ready', address, port }).pipe(untilUp(client, step)),
  ];
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
