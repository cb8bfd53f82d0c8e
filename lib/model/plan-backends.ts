import { servingInstances } from './instance.ts';
import type { ServiceKey } from './events.ts';
import { isLedTo } from './placement.ts';
import { mergePlans, type Ages, type Plan, type Policy } from './plan.ts';
import { plural } from './plural.ts';
import { settingsHash, slotOptions } from './section.ts';
import type { Instance, Service, Wish } from './service.ts';
import { fillSlot, grownSize, maxSlots, newSlotNames, planSlots, type SlotsPlan } from './slots.ts';
import type { BackendSettings, SlotSettings, Step } from './step.ts';
import { slotsFor, type BackendView, type View } from './view.ts';

interface Common {
  readonly service: ServiceKey;
  readonly backend: string;
}

/** When to look at a backend that a service has moved away from (ms). */
const movedAfterMs = 100;

/** Steps for the section that a service has to itself. */
export function planOwned(service: Service, wish: Wish, backend: string, view: View, policy: Policy, ages: Ages): Plan {
  const there = view.backends.get(backend);
  const { settings, slotSettings, hash } = writtenFor(wish, defaultsFor(view, policy));
  const serving = servingInstances(service.instances);
  const common = { service: service.key, backend } as const;
  const again = lookAgain(service, backend, view);
  if (there === undefined) {
    const slots = newSlotNames(policy.owner, grownSize(wish.slots, serving.size), new Set());
    const create: Step = { kind: 'create-backend', ...common, settings, slotSettings, slots };
    return mergePlans({ steps: [create], ...again }, fillNew(common, slots, [...serving.values()]));
  }
  const upToDate = there.mark?.service === service.key && there.mark.hash === hash;
  const update: readonly Step[] = upToDate ? [] : [{ kind: 'update-backend', ...common, settings, slotSettings }];
  const slots = planSlots(
    { ...common, serving, isKnown: isKnownTo(service) },
    there.slots,
    (slot) => ages.drainingForMs(backend, slot),
    policy.drainMs,
  );
  const size = { have: there.slots.length, wished: wish.slots };
  const plan = grow(slots, common, slotSettings, size, () => serverNames(there), policy);
  return mergePlans({ steps: update, ...again }, plan);
}

/** Steps for the slots of a service in a section that somebody else wrote. `taken`: names given away in this turn. */
export function planShared(
  service: Service,
  wish: Wish,
  backend: string,
  view: View,
  policy: Policy,
  ages: Ages,
  taken: Set<string>,
): Plan {
  const there = view.backends.get(backend);
  const ours = slotsFor(there, service.key);
  const common = { service: service.key, backend } as const;
  for (const name of serverNames(there)) taken.add(name);
  const serving = servingInstances(service.instances);
  const slotSettings = pick(wish);
  const again = lookAgain(service, backend, view);
  if (ours.length === 0) {
    const slots = newSlotNames(policy.owner, grownSize(wish.slots, serving.size), taken);
    for (const slot of slots) taken.add(slot);
    const growth: Step = { kind: 'grow-slots', ...common, slotSettings, slots };
    return mergePlans({ steps: [growth], ...again }, fillNew(common, slots, [...serving.values()]));
  }
  const stale = ours.filter((slot) => slot.options !== slotOptions(slotSettings)).map(({ name }) => name);
  const update: readonly Step[] =
    stale.length > 0 ? [{ kind: 'update-slots', ...common, slotSettings, slots: stale }] : [];
  const slots = planSlots(
    { ...common, serving, isKnown: isKnownTo(service) },
    ours,
    (slot) => ages.drainingForMs(backend, slot),
    policy.drainMs,
  );
  const size = { have: ours.length, wished: wish.slots };
  const plan = grow(slots, common, slotSettings, size, () => taken, policy);
  for (const step of plan.steps) if (step.kind === 'grow-slots') for (const slot of step.slots) taken.add(slot);
  return mergePlans({ steps: update, ...again }, plan);
}

/**
 * Steps for a backend where a service no longer belongs. Its instances drain; then, after `retentionMs` without any, the
 * section or the slots go with the next reload.
 */
export function planLeaving(
  key: ServiceKey,
  backend: string,
  retentionMs: number,
  view: View,
  policy: Policy,
  ages: Ages,
): Plan {
  const there = view.backends.get(backend);
  const ours = slotsFor(there, key);
  const common = { service: key, backend } as const;
  const slots = planSlots(
    { ...common, serving: new Map(), isKnown: () => false },
    ours,
    (slot) => ages.drainingForMs(backend, slot),
    policy.drainMs,
  );
  if (slots.steps.length > 0 || slots.againMs !== undefined) return { ...slots, againMs: slots.againMs ?? retentionMs };

  const emptyForMs = ages.emptyForMs(backend, key);
  if (emptyForMs < retentionMs) return { steps: [], againMs: retentionMs - emptyForMs };
  if (there?.mark !== undefined && there.referenced) {
    return {
      steps: [],
      failure: {
        kind: 'rejected',
        message: `backend ${backend} has no service any more but is kept: a hand-written rule names it`,
        where: `backend ${backend}`,
        hint: 'remove the rule from the HAProxy configuration',
      },
    };
  }
  const dueAt = ages.now - emptyForMs + retentionMs + policy.removalMaxWaitMs;
  return {
    steps: [
      there?.mark === undefined
        ? { kind: 'remove-slots', ...common, slots: ours.map(({ name }) => name), dueAt }
        : { kind: 'remove-backend', ...common, dueAt },
    ],
  };
}

/**
 * Where the wish is refused, what is there goes on following the instances, as far as its slots reach. `backends`: where the
 * service is, and not about to leave.
 */
export function planHeld(service: Service, backends: readonly string[], view: View, policy: Policy, ages: Ages): Plan {
  const serving = servingInstances(service.instances);
  const held = backends.map((backend) => {
    const there = view.backends.get(backend);
    const ours = slotsFor(there, service.key);
    const wanted = { service: service.key, backend, serving, isKnown: isKnownTo(service) };
    return planSlots(wanted, ours, (slot) => ages.drainingForMs(backend, slot), policy.drainMs);
  });
  const againMs = Math.min(...held.map((plan) => plan.againMs ?? Infinity));
  return { steps: held.flatMap((plan) => plan.steps), ...(againMs < Infinity && { againMs }) };
}

/** A service that comes to a backend from another one is looked at again, to leave the old one behind once nothing leads there. */
function lookAgain(service: Service, backend: string, view: View): { readonly againMs?: number } {
  const held = view.backendsOf.get(service.key) ?? [];
  const isNew = held.length > 0 && !held.includes(backend);
  return isNew || held.some((name) => name !== backend && isLedTo(name, service, view))
    ? { againMs: movedAfterMs }
    : {};
}

/** Where there are too few slots, the reload that it takes makes as many as the service wishes for by now. */
function grow(
  { steps, unplaced, againMs }: SlotsPlan,
  common: Common,
  slotSettings: SlotSettings,
  { have, wished }: { readonly have: number; readonly wished: number },
  taken: () => ReadonlySet<string>,
  policy: Policy,
): Plan {
  const placed: Plan = { steps, ...(againMs !== undefined && { againMs }) };
  if (unplaced.length === 0) return placed;
  const size = Math.max(wished, grownSize(have, have + unplaced.length));
  const slots = newSlotNames(policy.owner, size - have, taken());
  const growth: readonly Step[] = slots.length > 0 ? [{ kind: 'grow-slots', ...common, slotSettings, slots }] : [];
  return [placed, { steps: growth }, fillNew(common, slots, unplaced)].reduce(mergePlans);
}

/** Fills slots that are still to be made, as far as they go. */
function fillNew({ service, backend }: Common, slots: readonly string[], instances: readonly Instance[]): Plan {
  const steps = slots.flatMap((slot, n) => (instances[n] ? [fillSlot(service, backend, slot, instances[n])] : []));
  const left = instances.length - steps.length;
  if (left === 0) return { steps };
  return {
    steps,
    failure: {
      kind: 'rejected',
      message: `${plural(left, 'instance')} found no server: a backend has ${maxSlots} at most`,
      where: `backend ${backend}`,
      hint: 'run fewer instances of the service',
    },
  };
}

/** The defaults section that backends of ours inherit from. */
function defaultsFor(view: View, policy: Policy): string {
  const [frontend] = policy.frontends;
  const inherited = (frontend && view.frontends.get(frontend)?.from) || view.defaults.at(-1);
  return policy.defaults ?? inherited ?? '';
}

interface WrittenWish {
  readonly settings: BackendSettings;
  readonly slotSettings: SlotSettings;
  readonly hash: string;
}

/** What was last made of a wish: every plan for a service compares its hash with what HAProxy has. */
const written = new WeakMap<Wish, WrittenWish>();

function writtenFor(wish: Wish, from: string): WrittenWish {
  const known = written.get(wish);
  if (known?.settings.from === from) return known;
  const { mode, balance, check } = wish;
  const settings = { from, mode, balance, check };
  const slotSettings = pick(wish);
  const made = { settings, slotSettings, hash: settingsHash(settings, slotSettings) };
  written.set(wish, made);
  return made;
}

function pick({ check, backup, maxconn }: SlotSettings): SlotSettings {
  return { check, backup, maxconn };
}

function isKnownTo({ instances }: Service): (endpoint: string) => boolean {
  return (endpoint) => instances.some((one) => one.managed && one.endpoint === endpoint);
}

function serverNames(backend: BackendView | undefined): ReadonlySet<string> {
  return new Set([...(backend?.slots.map(({ name }) => name) ?? []), ...(backend?.foreignServers ?? [])]);
}
