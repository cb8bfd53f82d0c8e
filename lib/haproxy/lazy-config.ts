import { changeSlot } from '../model/slots.ts';
import { isSlotStep, type SlotStep, type Step } from '../model/step.ts';
import type { BackendView, SlotView, View } from '../model/view.ts';
import { parseConfig, renderConfig } from './config-text.ts';
import { readSlot, writeSlot } from './marks.ts';
import type { MapPaths } from './routing.ts';
import { readView } from './view.ts';
import { writeSteps } from './write-steps.ts';

/**
 * A configuration whose text is written when somebody looks. Steps on slots, nearly all that ever happens, change what is
 * known of it, and so cost as much as their backend has slots, whatever else there is; everything else is written at once.
 */
export interface LazyConfig {
  readonly text: () => string;
  readonly replace: (text: string) => void;
  /** Without version and rows. Its backends move with every step on slots, so a view is good until the next `write`. */
  readonly view: () => View;
  /** Takes steps in; false when the text says the same as before. Rows of maps are not its business. */
  readonly write: (steps: readonly Step[]) => boolean;
}

const noRows = {
  exact: new Map<string, string>(),
  prefix: new Map<string, string>(),
  regex: new Map<string, string>(),
};

export function createLazyConfig(config: string, owner: string, paths: MapPaths): LazyConfig {
  let text = config;
  let known: { readonly view: View; readonly backends: Map<string, BackendView> } | undefined;
  /** Slots of which the text is not true any more, by backend. */
  const stale = new Map<string, Set<string>>();

  function render(): string {
    if (known !== undefined && stale.size > 0) text = rewriteSlots(text, known.backends, stale, owner);
    stale.clear();
    return text;
  }

  function read() {
    const view = readView(render(), 0, noRows, owner, paths, 'nothing');
    const backends = new Map(view.backends);
    return { view: { ...view, backends }, backends };
  }

  function writeSlotSteps(backends: Map<string, BackendView>, steps: readonly SlotStep[]): boolean {
    let changed = false;
    for (const step of steps) {
      const backend = backends.get(step.backend);
      const at = backend?.slots.findIndex(({ name }) => name === step.slot) ?? -1;
      const slot = backend?.slots[at];
      if (backend === undefined || slot === undefined) continue;
      const next = changeSlot(slot, step);
      if (isSameSlot(slot, next)) continue;
      changed = true;
      backends.set(backend.name, { ...backend, slots: backend.slots.with(at, next) });
      stale.set(backend.name, (stale.get(backend.name) ?? new Set()).add(slot.name));
    }
    return changed;
  }

  return {
    text: render,
    replace: (replaced) => {
      text = replaced;
      known = undefined;
      stale.clear();
    },
    view: () => (known ??= read()).view,
    write: (steps) => {
      if (known !== undefined && steps.every(isSlotStep)) return writeSlotSteps(known.backends, steps);
      const before = render();
      ({ text } = writeSteps(before, steps, owner, paths));
      known = undefined;
      return text !== before;
    },
  };
}

function isSameSlot(a: SlotView, b: SlotView): boolean {
  return (
    a.state === b.state &&
    a.address === b.address &&
    a.port === b.port &&
    a.weight === b.weight &&
    a.alloc === b.alloc &&
    a.service === b.service
  );
}

function rewriteSlots(
  text: string,
  backends: ReadonlyMap<string, BackendView>,
  stale: ReadonlyMap<string, ReadonlySet<string>>,
  owner: string,
): string {
  const sections = parseConfig(text);
  for (const section of sections) {
    const names = section.kind === 'backend' ? stale.get(section.name) : undefined;
    if (names === undefined) continue;
    const slots = new Map(backends.get(section.name)?.slots.map((slot) => [slot.name, slot]));
    section.lines = section.lines.map((line) => {
      const name = readSlot(owner, line)?.name ?? '';
      const slot = names.has(name) ? slots.get(name) : undefined;
      return slot === undefined ? line : writeSlot(owner, slot);
    });
  }
  return renderConfig(sections);
}
