import type { MapRows } from './view.ts';

const maps = ['exact', 'prefix', 'regex'] as const;

/**
 * The rows of the files, and of those that are empty and were not the rows that they had; undefined: none has lost its rows. A
 * row that is missing among others is an edit.
 */
export function putBackRows(found: MapRows, before: MapRows): MapRows | undefined {
  if (!haveLost(found, before)) return undefined;
  const whole = { exact: found.exact, prefix: found.prefix, regex: found.regex };
  for (const map of maps) if (found[map].size === 0) whole[map] = before[map];
  return whole;
}

export function haveLost(found: MapRows, before: MapRows): boolean {
  return maps.some((map) => found[map].size === 0 && before[map].size > 0);
}
