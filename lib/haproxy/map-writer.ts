import type { RouteMap } from '../model/events.ts';
import { FailureError } from '../model/failure.ts';
import type { StepOf } from '../model/step.ts';
import { ask } from './ask.ts';
import { isEntryKey } from '../model/entry-key.ts';
import type { MapCalls } from './client-maps.ts';
import type { MapRows } from './view.ts';

export type RouteStep = StepOf<'set-route' | 'delete-route'>;

/** From so many changed rows of a map on, one file and one bulk call cost less than a call for each row. */
const bulkFrom = 20;

/** Rows after some steps; a new regex row goes last, behind those that are tried before it. */
export function changeRows(rows: MapRows, steps: readonly RouteStep[]): Record<RouteMap, Map<string, string>> {
  const changed = { exact: new Map(rows.exact), prefix: new Map(rows.prefix), regex: new Map(rows.regex) };
  for (const step of steps) {
    if (step.kind === 'set-route') changed[step.route.map].set(step.route.key, step.backend);
    else changed[step.route.map].delete(step.route.key);
  }
  return changed;
}

/** A map file's text, a row a line. */
export function renderRows(rows: ReadonlyMap<string, string>): string {
  return [...rows].map(([key, backend]) => `${key} ${backend}\n`).join('');
}

/** Reads a map file as HAProxy does: key, blanks, value; blank lines and comments are skipped. */
export function parseRows(text: string): Map<string, string> {
  const rows = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key, backend] = /^\s*([^\s#]\S*)\s+(\S+)\s*$/.exec(line) ?? [];
    if (key !== undefined && backend !== undefined && !rows.has(key)) rows.set(key, backend);
  }
  return rows;
}

/**
 * Changes rows of the loaded maps and of their files without a reload. Resolves to true when HAProxy still has to be
 * reloaded: the API cannot address every regex row in the process. A map that no loaded configuration names yet gets its
 * file only. Rejects with a FailureError.
 */
export async function writeRows(
  calls: MapCalls,
  nameOf: (map: RouteMap) => string,
  before: MapRows,
  steps: readonly RouteStep[],
): Promise<boolean> {
  const after = changeRows(before, steps);
  let needsReload = false;
  for (const map of ['exact', 'prefix', 'regex'] as const) {
    const changes = steps.filter((step) => step.route.map === map);
    if (changes.length === 0) continue;
    const name = nameOf(map);
    const byRow = map !== 'regex' && changes.length < bulkFrom;
    if (!byRow) await ask(calls.writeMapFile(name, renderRows(after[map])));
    const added = changes.flatMap((step) =>
      step.kind === 'set-route' && !before[map].has(step.route.key)
        ? [{ key: step.route.key, value: step.backend }]
        : [],
    );
    const others = byRow
      ? changes
      : changes.filter((step) => step.kind === 'delete-route' || before[map].has(step.route.key));
    const addressable = others.filter((step) => isEntryKey(step.route.key));
    if (addressable.length < others.length) needsReload = true;
    const missing: boolean[] = [];
    for (const step of addressable) missing.push(await isMissing(writeRow(calls, name, step, byRow)));
    if (!byRow && added.length > 0) missing.push(await isMissing(ask(calls.addEntries(name, added))));
    if (byRow && missing.includes(true)) await ask(calls.writeMapFile(name, renderRows(after[map])));
  }
  return needsReload;
}

/** True when there is no such row, or no such map in the process: then only the file can say what it should be. */
async function isMissing(call: Promise<void>): Promise<boolean> {
  try {
    await call;
    return false;
  } catch (error) {
    if (isKind(error, 'not-found')) return true;
    throw error;
  }
}

/** The process may differ from the file: a row that is there is set, one that is not is added. */
async function writeRow(calls: MapCalls, name: string, step: RouteStep, forceSync: boolean): Promise<void> {
  const { key } = step.route;
  if (step.kind === 'delete-route') {
    await ask(calls.deleteEntry(name, key, { forceSync }));
    return;
  }
  try {
    await ask(calls.addEntry(name, key, step.backend, { forceSync }));
  } catch (error) {
    if (!isKind(error, 'conflict')) throw error;
    await ask(calls.setEntry(name, key, step.backend, { forceSync }));
  }
}

function isKind(error: unknown, kind: string): boolean {
  return error instanceof FailureError && error.failure.kind === kind;
}
