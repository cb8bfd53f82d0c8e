import { isIpLiteral } from './instance.ts';
import type { ServiceKey } from './events.ts';
import { endpoint, type Instance } from './service.ts';
import { parked } from './section.ts';
import { isSlotStep, type SlotStep, type Step, type StepOf } from './step.ts';
import type { BackendView, SlotView, View } from './view.ts';

/** A slot that drains may take another address once requests had this long (ms) to stop coming. */
export const refillAfterMs = 100;
export const maxSlots = 256;

export interface SlotsWanted {
  readonly service: ServiceKey;
  readonly backend: string;
  /** Instances that HAProxy should send requests to, by `address:port`, oldest first. */
  readonly serving: ReadonlyMap<string, Instance>;
  /** Whether any registration, admitted or not, has an `address:port`: only what none of them has is drained. */
  readonly isKnown: (endpoint: string) => boolean;
}

export interface SlotsPlan {
  readonly steps: readonly Step[];
  /** Instances that found no slot. */
  readonly unplaced: readonly Instance[];
  /** Only time is missing for the rest: ms until it is worth looking again. */
  readonly againMs?: number;
}

/**
 * Assigns instances to slots. An instance keeps its slot, also one that drains already when it comes back at the same
 * address; a new one takes the lowest free slot, else the slot that drains longest, and rather waits until that may be
 * refilled than asks for more: growth takes a reload. What no registration has is drained, and parked `drainMs` later.
 */
export function planSlots(
  wanted: SlotsWanted,
  slots: readonly SlotView[],
  drainingForMs: (slot: string) => number,
  drainMs: number,
): SlotsPlan {
  const { service, backend, serving, isKnown } = wanted;
  const steps: Step[] = [];
  const waits: number[] = [];
  const homeless = new Map(serving);
  const free: SlotView[] = [];
  const draining: SlotView[] = [];

  for (const slot of slots) {
    if (slot.state === 'free') {
      free.push(slot);
      continue;
    }
    const at = endpoint(slot);
    const instance = homeless.get(at);
    if (instance !== undefined) {
      homeless.delete(at);
      steps.push(...keepSlot(service, backend, slot, instance));
    } else if (slot.state === 'draining') draining.push(slot);
    // What serves there has a slot already, or nothing does.
    else if (serving.has(at) || !isKnown(at)) {
      draining.push(slot);
      steps.push({ kind: 'drain-slot', service, backend, slot: slot.name });
    }
  }

  const longestFirst = draining.toSorted((a, b) => drainingForMs(b.name) - drainingForMs(a.name));
  for (const [at, instance] of homeless) {
    const slot = free.shift() ?? (refillable(longestFirst[0], drainingForMs) ? longestFirst.shift() : undefined);
    if (slot === undefined) break;
    homeless.delete(at);
    steps.push(fillSlot(service, backend, slot.name, instance));
  }
  for (const slot of longestFirst) {
    const leftMs = drainMs - drainingForMs(slot.name);
    if (slot.state === 'draining' && leftMs <= 0) steps.push({ kind: 'free-slot', service, backend, slot: slot.name });
    else waits.push(leftMs);
  }
  const [next] = longestFirst;
  if (next !== undefined && homeless.size > 0 && homeless.size <= longestFirst.length) {
    homeless.clear();
    waits.push(Math.max(0, Math.min(refillAfterMs, drainMs) - drainingForMs(next.name)));
  }
  return { steps, unplaced: [...homeless.values()], ...(waits.length > 0 && { againMs: Math.min(...waits) }) };
}

function keepSlot(service: ServiceKey, backend: string, slot: SlotView, instance: Instance): readonly Step[] {
  const { alloc } = instance.registration;
  if (slot.state === 'draining' || slot.alloc !== alloc || slot.service !== service) {
    return [fillSlot(service, backend, slot.name, instance)];
  }
  const { weight } = instance;
  return slot.weight === weight ? [] : [{ kind: 'weigh-slot', service, backend, slot: slot.name, weight }];
}

function refillable(slot: SlotView | undefined, drainingForMs: (slot: string) => number): boolean {
  return slot !== undefined && drainingForMs(slot.name) >= refillAfterMs;
}

export function fillSlot(service: ServiceKey, backend: string, slot: string, instance: Instance): StepOf<'fill-slot'> {
  const { address, port, alloc } = instance.registration;
  return { kind: 'fill-slot', service, backend, slot, address, port, weight: instance.weight, alloc };
}

/** True when HAProxy's runtime cannot set it: a host name has to go through the configuration and a reload. */
export function needsReload(step: Step): boolean {
  return step.kind === 'fill-slot' && !isIpLiteral(step.address);
}

/** How many slots a backend should have when so many are needed: doubled, so that growth is rare; 256 at most. */
export function grownSize(have: number, needed: number): number {
  let size = have;
  while (size < needed) size = Math.max(4, size * 2);
  return Math.max(have, Math.min(maxSlots, size));
}

/** The next names for slots: `nomad01`, `nomad02`, ..., skipping those that are taken. */
export function newSlotNames(owner: string, count: number, taken: ReadonlySet<string>): readonly string[] {
  const names: string[] = [];
  for (let n = 1; names.length < count; n += 1) {
    const name = `${owner}${String(n).padStart(2, '0')}`;
    if (!taken.has(name)) names.push(name);
  }
  return names;
}

/** A slot as it is after a step. */
export function changeSlot(slot: SlotView, step: SlotStep): SlotView {
  switch (step.kind) {
    case 'fill-slot': {
      const { service, address, port, weight, alloc } = step;
      return { ...slot, state: 'serving', service, address, port, weight, alloc };
    }
    case 'drain-slot':
      return { ...slot, state: 'draining' };
    case 'free-slot':
      return { ...slot, state: 'free', ...parked, alloc: '' };
    case 'weigh-slot':
      return { ...slot, weight: step.weight };
    default:
      return step satisfies never;
  }
}

/**
 * True when the slot is there and the service's to use. In a section that is still another's, and is to be taken over by
 * the same plan, nothing may be done before that.
 */
export function hasSlot({ service, backend, slot }: SlotStep, view: View): boolean {
  const there = view.backends.get(backend);
  const isOpen = there?.mark === undefined || there.mark.service === service;
  return isOpen && there?.slots.some(({ name }) => name === slot) === true;
}

/** True when the running process can take a step at once, without a configuration write before it. */
export function canMove(step: Step, view: View): step is SlotStep {
  if (!isSlotStep(step) || view.runtime === 'nothing') return false;
  return hasSlot(step, view) && (step.kind === 'drain-slot' || (view.runtime === 'address' && !needsReload(step)));
}

/** The view after steps on slots; everything else in it stays what it is, to the identity. */
export function moveSlots(view: View, steps: readonly SlotStep[]): View {
  const backends = new Map(view.backends);
  for (const step of steps) {
    const backend = backends.get(step.backend);
    if (backend === undefined) continue;
    const slots = backend.slots.map((slot) => (slot.name === step.slot ? changeSlot(slot, step) : slot));
    backends.set(step.backend, { ...backend, slots } satisfies BackendView);
  }
  return { ...view, backends };
}
