import type { ServiceKey } from '../model/events.ts';
import { moveSlots } from '../model/slots.ts';
import type { SlotStep } from '../model/step.ts';
import { findSlot, type SlotView, type View } from '../model/view.ts';
import type { RawConfiguration } from './client.ts';
import type { MapPaths } from './routing.ts';
import { withRows, type MapRows } from './view.ts';

/** HAProxy as we know it, until a write of ours replaces it or somebody else's makes it wrong. */
export interface Known {
  readonly file: RawConfiguration;
  readonly rows: MapRows;
  readonly paths: MapPaths;
  /** The file, with what is pending. */
  readonly view: View;
}

/** What the two lanes of an end share. */
export interface Memory {
  known: Known | undefined;
  /**
   * The rows that the map files had when they were last read or written, without those that were to go since: a file that
   * has none of them has lost them. They outlive `known`. Undefined: never read.
   */
  rows: MapRows | undefined;
  /**
   * Steps that the process was told and the file does not say yet, oldest first. They outlive `known`: whoever reads
   * everything anew tells them again, so that view and process agree.
   */
  pending: readonly SlotStep[];
  /** Runtime steps on their way, by slot; the promises never reject. A slot takes its steps one after the other. */
  readonly moving: Map<string, Promise<unknown>>;
  /** Slots that the write under way changes: they take no runtime step until it is over. */
  busy: ReadonlySet<string>;
  /** Services that took runtime steps since the write under way began. */
  overtaken: Set<ServiceKey>;
  /** The process may be as neither the file nor our steps say, and only a reload makes sure. */
  suspect: boolean;
  /** Servers that are left in maintenance, as somebody wants it: the slot as it is meant to be, by `slotOf`. */
  readonly left: Map<string, { readonly backend: string; readonly slot: SlotView }>;
  /** Everything was read anew, and the running process not compared with it since. */
  uncompared: boolean;
}

export function createMemory(): Memory {
  return {
    known: undefined,
    rows: undefined,
    pending: [],
    moving: new Map(),
    busy: new Set(),
    overtaken: new Set(),
    suspect: false,
    left: new Map(),
    uncompared: true,
  };
}

/**
 * Takes steps down in the turn in which the process is told, so that none is lost whatever becomes of the call. Of a slot at
 * most three are kept, however long the file cannot be written.
 */
export function notePending(memory: Memory, steps: readonly SlotStep[]): void {
  memory.pending = lastWords([...memory.pending, ...steps]);
  if (memory.known === undefined) return;
  memory.known = { ...memory.known, view: moveSlots(memory.known.view, steps) };
}

/**
 * Leaves out what later steps of the same slot make pointless: everything before it is filled or freed, and repetitions. Only
 * the drain before a slot is freed has to stay: the process has to be told of it, and is not told that a slot is free.
 */
function lastWords(steps: readonly SlotStep[]): readonly SlotStep[] {
  const laterOf = new Map<string, Set<SlotStep['kind']>>();
  return steps
    .toReversed()
    .filter((step) => {
      const later = laterOf.get(slotOf(step)) ?? new Set();
      const isFreed = later.has('free-slot') && step.kind !== 'drain-slot';
      if (later.has('fill-slot') || isFreed || later.has(step.kind)) return false;
      laterOf.set(slotOf(step), later.add(step.kind));
      return true;
    })
    .reverse();
}

/**
 * Of the slots that these steps move, those that the process has in maintenance where nobody listens, by `slotOf`: free, and
 * nothing of them pending. Where the process was not compared with what was read, none is known to be.
 */
export function parkedSlots({ known, pending, uncompared }: Memory, steps: readonly SlotStep[]): ReadonlySet<string> {
  if (known === undefined || uncompared) return new Set();
  const unsaid = new Set(pending.map(slotOf));
  const free = steps.filter((step) => findSlot(step, known.view)?.state === 'free').map(slotOf);
  return new Set(free.filter((slot) => !unsaid.has(slot)));
}

/** The file says these from now on. */
export function tookPending(memory: Memory, steps: readonly SlotStep[]): void {
  const inFile = new Set(steps);
  memory.pending = memory.pending.filter((step) => !inFile.has(step));
}

/** Resolves or rejects as `sent` does. */
export async function noteMoving(memory: Memory, slots: readonly string[], sent: Promise<void>): Promise<void> {
  const over = sent.catch(() => undefined);
  for (const slot of slots) memory.moving.set(slot, over);
  try {
    await sent;
  } finally {
    for (const slot of slots) memory.moving.delete(slot);
  }
}

/** Resolves when no runtime step is on its way to these slots. */
export async function untilStill(memory: Memory, slots: readonly string[]): Promise<void> {
  await Promise.all(slots.flatMap((slot) => memory.moving.get(slot) ?? []));
}

/** A write that changed slots and rows alone is not read again: that would take as long as the configuration is large. */
export function moveKnown(known: Known, steps: readonly SlotStep[], file: RawConfiguration, rows: MapRows): Known {
  const moved = { ...moveSlots(known.view, steps), version: file.version };
  return { ...known, file, rows, view: rows === known.rows ? moved : withRows(moved, rows) };
}

/** The process has this slot otherwise than the file says: from here on it counts as the process has it. */
export function adoptSlot(memory: Memory, backend: string, slot: SlotView): void {
  if (memory.known === undefined) return;
  const { view } = memory.known;
  const there = view.backends.get(backend);
  if (there === undefined) return;
  const slots = there.slots.map((one) => (one.name === slot.name ? slot : one));
  const backends = new Map(view.backends).set(backend, { ...there, slots });
  memory.known = { ...memory.known, view: { ...view, backends } };
}

export function slotOf({ backend, slot }: Pick<SlotStep, 'backend' | 'slot'>): string {
  return `${backend}/${slot}`;
}
