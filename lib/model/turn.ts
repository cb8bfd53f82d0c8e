import { backendClaim, routeClaim } from './claims.ts';
import { rowNeedsReload } from './entry-key.ts';
import type { ServiceKey } from './events.ts';
import type { Plan } from './plan.ts';
import { hasSlot, needsReload } from './slots.ts';
import { isLazy, isStructural, type Step, type StepOf } from './step.ts';
import type { SlotView, View } from './view.ts';

/** What one turn of the writer does, and what it leaves for later. */
export interface Turn {
  readonly steps: readonly Step[];
  readonly reloads: boolean;
  /** Keys with steps that have to wait, and for how long (ms). */
  readonly waits: ReadonlyMap<ServiceKey, number>;
  /** Removals that wait for the next reload, whoever causes it. */
  readonly lazy: ReadonlyMap<ServiceKey, readonly Step[]>;
}

/**
 * Decides what of the plans is done now. Steps that need a reload wait while none may happen, with whatever builds on
 * them; removals wait for a reload that happens anyway, until they are due. `waiting`: removals of earlier turns.
 */
export function takeTurn(
  plans: ReadonlyMap<ServiceKey, Plan>,
  waiting: ReadonlyMap<ServiceKey, readonly Step[]>,
  view: View,
  reloadWaitMs: number,
  now: number,
): Turn {
  const all = [...plans].flatMap(([key, { steps }]) => steps.map((step) => ({ key, step })));
  const urgent = all.some(({ step }) => (isLazy(step) ? step.dueAt <= now : asksForReload(step, view)));
  const reloads = urgent && reloadWaitMs === 0;
  const waits = new Map<ServiceKey, number>();
  const lazy = new Map([...waiting].filter(([key]) => !plans.has(key)));
  const steps: Step[] = [];
  const wait = (key: ServiceKey, ms: number) => waits.set(key, Math.min(waits.get(key) ?? Infinity, ms));

  /** A row stays until whatever takes its place can come. */
  const held = new Set(
    reloads ? [] : all.filter(({ step }) => !isLazy(step) && !canDoWithoutReload(step, view)).map(({ key }) => key),
  );
  for (const { key, step } of all) {
    const isHeld = step.kind === 'delete-route' && held.has(key);
    if (reloads || (canDoWithoutReload(step, view) && !isHeld)) {
      steps.push(step);
    } else if (isLazy(step) && step.dueAt > now) {
      lazy.set(key, [...(lazy.get(key) ?? []), step]);
      wait(key, step.dueAt - now);
    } else wait(key, reloadWaitMs);
  }
  if (reloads) {
    steps.push(...[...lazy.values()].flat().filter((step) => isLazy(step) && isStillEmpty(step, view)));
    lazy.clear();
  }
  return { steps: inOrder(steps), reloads, waits, lazy };
}

function asksForReload(step: Step, view: View): boolean {
  return isStructural(step) || needsReload(step) || rowNeedsReload(step, view);
}

/** A removal was planned for what stood empty then. Somebody may have come, or have taken it over, since. */
function isStillEmpty(step: StepOf<'remove-backend' | 'remove-slots'>, view: View): boolean {
  const there = view.backends.get(step.backend);
  const isFree = (slot: SlotView) => slot.state === 'free' && slot.service === step.service;
  if (step.kind === 'remove-backend') return there?.mark?.service === step.service && there.slots.every(isFree);
  return (
    there !== undefined && step.slots.every((name) => there.slots.some((slot) => slot.name === name && isFree(slot)))
  );
}

function canDoWithoutReload(step: Step, view: View): boolean {
  switch (step.kind) {
    case 'fill-slot':
    case 'weigh-slot':
    case 'drain-slot':
    case 'free-slot':
      return !needsReload(step) && hasSlot(step, view);
    case 'set-route':
      return view.backendsOf.get(step.service)?.includes(step.backend) === true && !rowNeedsReload(step, view);
    case 'delete-route':
      return !rowNeedsReload(step, view);
    case 'create-backend':
    case 'update-backend':
    case 'remove-backend':
    case 'grow-slots':
    case 'update-slots':
    case 'remove-slots':
    case 'install-routing':
      return false;
    default:
      return step satisfies never;
  }
}

/**
 * On the way out: routes, then drains, then sections. On the way in: sections, then slots, then routes. A row, and a
 * backend, that one service gives up and another takes is not removed; a frontend gets its rule once.
 */
function inOrder(steps: readonly Step[]): readonly Step[] {
  const taken = new Set(steps.map(takes));
  const routed = new Set<string>();
  return steps
    .filter((step) => {
      if (step.kind === 'delete-route') return !taken.has(routeClaim(step.route));
      if (step.kind === 'remove-backend') return !taken.has(backendClaim(step.backend));
      if (step.kind !== 'install-routing') return true;
      const isFirst = !routed.has(step.frontend);
      routed.add(step.frontend);
      return isFirst;
    })
    .toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

function takes(step: Step): string | undefined {
  if (step.kind === 'set-route') return routeClaim(step.route);
  return step.kind === 'update-backend' ? backendClaim(step.backend) : undefined;
}

const order: readonly Step['kind'][] = [
  'delete-route',
  'drain-slot',
  'free-slot',
  'remove-slots',
  'remove-backend',
  'create-backend',
  'update-backend',
  'grow-slots',
  'update-slots',
  'weigh-slot',
  'fill-slot',
  'install-routing',
  'set-route',
];
