import { from, lastValueFrom, mergeMap, toArray } from 'rxjs';
import { attempt } from '../attempt.ts';
import type { DataplaneClient } from '../../haproxy/client.ts';
import { FailureError } from '../../model/failure.ts';
import type { BackendView, View } from '../../model/view.ts';

const requestsAtOnce = 4;

/**
 * Backends with slots of ours, and slots, that the file has and the running process has not, in words. Rejects with a
 * FailureError when HAProxy does not answer.
 */
export async function findUnloaded(client: DataplaneClient, { backends }: View): Promise<readonly string[]> {
  const ours = [...backends.values()].filter(({ slots }) => slots.length > 0);
  const found = from(ours).pipe(
    mergeMap((backend) => compare(client, backend), requestsAtOnce),
    toArray(),
  );
  return (await lastValueFrom(found)).flat();
}

async function compare(client: DataplaneClient, { name, slots }: BackendView): Promise<readonly string[]> {
  const answer = await attempt(client.getServers(name));
  if ('value' in answer) {
    const loaded = new Set(answer.value.map((server) => server.name));
    const missing = slots.filter((slot) => !loaded.has(slot.name)).map((slot) => slot.name);
    return missing.length > 0 ? [`servers ${missing.join(', ')} of backend ${name}`] : [];
  }
  if (answer.failure.kind !== 'not-found') throw new FailureError(answer.failure);
  return [`backend ${name}`];
}
