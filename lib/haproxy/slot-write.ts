import { FailureError } from '../model/failure.ts';
import type { SlotStep } from '../model/step.ts';
import { ask } from './ask.ts';
import { maxActionsBytes, serializeActions, type RuntimeAction } from './client-actions.ts';
import type { DataplaneClient, RawConfiguration } from './client.ts';
import { slotOf, type Memory } from './memory.ts';
import { runtimeActions } from './write-steps.ts';

/**
 * File and process in one request without a reload; many actions take several. Their slots are busy from here on. When
 * it is cut off half-way the memory is suspect. Rejects with a FailureError.
 */
export async function writeWithActions(
  client: DataplaneClient,
  memory: Memory,
  raw: RawConfiguration,
  actions: readonly RuntimeAction[],
): Promise<RawConfiguration> {
  memory.busy = new Set([...memory.busy, ...actions.map(({ backend, server }) => `${backend}/${server}`)]);
  let written: RawConfiguration | undefined;
  try {
    for (const chunk of chunksOf(actions)) {
      written = await ask(client.postRaw({ ...(written ?? raw), reload: 'skip', actions: chunk }));
    }
    return written ?? raw;
  } catch (error) {
    if (written !== undefined || !hasChangedNothing(error)) memory.suspect = true;
    throw error;
  }
}

/** Slots that were freed and not filled again are parked in the process with the write that parks them in the file. */
export function parkingActions(pending: readonly SlotStep[]): readonly RuntimeAction[] {
  const last = new Map(pending.filter((step) => step.kind !== 'weigh-slot').map((step) => [slotOf(step), step]));
  return [...last.values()].filter((step) => step.kind === 'free-slot').flatMap(runtimeActions);
}

/** Whatever we wrote was refused as a whole; after any other failure the configuration may be another. */
export function hasChangedNothing(error: unknown): boolean {
  return error instanceof FailureError && ['conflict', 'rejected', 'unsupported'].includes(error.failure.kind);
}

/** At least one chunk, also when there is nothing to run. */
function chunksOf(actions: readonly RuntimeAction[]): readonly (readonly RuntimeAction[])[] {
  const chunks: RuntimeAction[][] = [[]];
  let bytes = 0;
  for (const action of actions) {
    const size = serializeActions([action]).length + 1;
    if (bytes + size > maxActionsBytes) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)?.push(action);
    bytes += size;
  }
  return chunks;
}
