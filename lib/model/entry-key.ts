import type { Step } from './step.ts';
import type { View } from './view.ts';

/**
 * Whether a single entry of this key can be changed or deleted. The API refuses these characters in a path, however
 * encoded (422, from 3.4 on 400): a regex row that ends in `$` cannot, it goes with a reload. Nor can `.` and `..`, which
 * in a path mean where to go: a call for the row `..` would be one for the whole map.
 */
export function isEntryKey(key: string): boolean {
  return /^(?!\.{1,2}$)[^\s<>*;$#&{}"]+$/.test(key);
}

/** A row that is there and cannot be addressed takes a reload to change or to go; one that is new does not. */
export function rowNeedsReload(step: Step, { maps }: View): boolean {
  if (step.kind !== 'set-route' && step.kind !== 'delete-route') return false;
  const { map, key } = step.route;
  return maps[map].has(key) && !isEntryKey(key);
}
