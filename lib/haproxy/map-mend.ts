import type { RouteMap } from '../model/events.ts';
import { FailureError } from '../model/failure.ts';
import { ask } from './ask.ts';
import { isEntryKey } from '../model/entry-key.ts';
import { plural } from '../model/plural.ts';
import type { MapCalls, MapEntry } from './client-maps.ts';

/** How rows differ from what they should be. */
export interface RowDrift {
  readonly missing: readonly MapEntry[];
  readonly different: readonly MapEntry[];
  readonly extra: readonly string[];
  /** When the rest is mended the rows are in their order too; where that counts not, always true. */
  readonly inOrder: boolean;
}

/** More single calls than this (2 ms each) take longer than a reload. */
const maxCalls = 100;

/** Compares rows of a map, of which the first of a key counts. Undefined: as they should be. */
export function compareRows(
  found: readonly MapEntry[],
  wanted: ReadonlyMap<string, string>,
  map: RouteMap,
): RowDrift | undefined {
  const there = new Map(found.toReversed().map(({ key, value }) => [key, value]));
  const kept = [...new Set(found.map(({ key }) => key))].filter((key) => wanted.has(key));
  const rows = [...wanted].map(([key, value]) => ({ key, value }));
  const drift = {
    missing: rows.filter(({ key }) => !there.has(key)),
    different: rows.filter(({ key, value }) => (there.get(key) ?? value) !== value),
    extra: [...there.keys()].filter((key) => !wanted.has(key)),
    inOrder: map !== 'regex' || kept.every((key, at) => rows[at]?.key === key),
  };
  const { missing, different, extra, inOrder } = drift;
  return missing.length + different.length + extra.length === 0 && inOrder ? undefined : drift;
}

export function sayRowDrift({ missing, different, extra, inOrder }: RowDrift): string {
  const counts = `${plural(missing.length, 'row')} missing, ${different.length} different, ${extra.length} too many`;
  return inOrder ? counts : `${counts}, in another order`;
}

/** The rows of the running process; undefined: it has no such map. Rejects with a FailureError. */
export async function loadedRows(calls: MapCalls, name: string): Promise<readonly MapEntry[] | undefined> {
  try {
    return await ask(calls.getEntries(name));
  } catch (error) {
    if (error instanceof FailureError && error.failure.kind === 'not-found') return undefined;
    throw error;
  }
}

/**
 * Makes the process's rows of a map what they should be; its file is not touched. Resolves to false when only a reload can
 * do it, and nothing was done. Rejects with a FailureError.
 */
export async function mendRows(calls: MapCalls, name: string, drift: RowDrift): Promise<boolean> {
  const { missing, different, extra, inOrder } = drift;
  const single = [...different.map(({ key }) => key), ...extra];
  if (!inOrder || single.length > maxCalls || !single.every(isEntryKey)) return false;
  for (const { key, value } of different) await ask(calls.setEntry(name, key, value, { forceSync: false }));
  for (const key of extra) await ask(calls.deleteEntry(name, key, { forceSync: false }));
  if (missing.length > 0) await ask(calls.addEntries(name, missing));
  return true;
}
