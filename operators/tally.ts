import { identity, type MonoTypeOperatorFunction, tap } from 'rxjs';
import type { Count, Tallied } from '../lib/model/tally.ts';

/**
 * Counts what goes by, and costs nothing where nobody counts: then the source is returned as it is. Values that say their
 * `kind` among changes, which have none, are no changes.
 *
 *     source:  -a-b---|
 *     result:  -a-b---|
 *     counted: -1-2---
 */
export function tally<T extends object>(what: Tallied, count: Count | undefined): MonoTypeOperatorFunction<T> {
  if (count === undefined) return identity;
  return tap((value) => {
    if (what !== 'changes' || !('kind' in value)) count(what);
  });
}
