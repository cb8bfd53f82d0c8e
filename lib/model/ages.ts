import type { ServiceKey } from './events.ts';
import type { Ages } from './plan.ts';
import { isLazy, type Step } from './step.ts';
import { slotsFor, type View } from './view.ts';

/**
 * Since when slots drain and backends are empty: the file says that they do, not since when. What is found draining or
 * empty at the start counts from there.
 */
export interface AgeBook {
  /** By backend, then slot; ms. */
  readonly draining: Map<string, Map<string, number>>;
  /** By backend, then service; ms. */
  readonly empty: Map<string, Map<ServiceKey, number>>;
}

export function createAgeBook(): AgeBook {
  return { draining: new Map(), empty: new Map() };
}

/** Notes what begins and forgets what ended, for the backends of these services. */
export function noteAges(book: AgeBook, view: View, keys: Iterable<ServiceKey>, now: number): void {
  for (const key of keys) {
    for (const name of view.backendsOf.get(key) ?? []) {
      const slots = slotsFor(view.backends.get(name), key);
      const isEmpty = slots.every((slot) => slot.state === 'free');
      const areDraining = book.draining.has(name) || slots.some((slot) => slot.state === 'draining');
      if (areDraining) for (const slot of slots) note(book.draining, name, slot.name, slot.state === 'draining', now);
      note(book.empty, name, key, isEmpty, now);
    }
  }
}

function note<K>(book: Map<string, Map<K, number>>, backend: string, what: K, holds: boolean, now: number): void {
  if (!holds) forget(book, backend, what);
  else {
    const since = book.get(backend);
    if (since === undefined) book.set(backend, new Map([[what, now]]));
    else if (!since.has(what)) since.set(what, now);
  }
}

function forget<K>(book: Map<string, Map<K, number>>, backend: string, what: K): void {
  const since = book.get(backend);
  since?.delete(what);
  if (since?.size === 0) book.delete(backend);
}

export function readAges(book: AgeBook, now: number): Ages {
  return {
    now,
    drainingForMs: (backend, slot) => now - (book.draining.get(backend)?.get(slot) ?? now),
    emptyForMs: (backend, key) => now - (book.empty.get(backend)?.get(key) ?? now),
  };
}

/** Forgets what a removal took away. */
export function forgetAges(book: AgeBook, steps: Iterable<Step>): void {
  for (const step of steps) {
    if (!isLazy(step)) continue;
    forget(book.empty, step.backend, step.service);
    if (step.kind === 'remove-backend') book.draining.delete(step.backend);
    else for (const slot of step.slots) forget(book.draining, step.backend, slot);
  }
}
