import { rowNeedsReload } from '../model/entry-key.ts';
import type { Registration, ServiceKey } from '../model/events.ts';
import { serviceKey } from '../model/events.ts';
import type { Notice } from '../model/notice.ts';
import { endpoint } from '../model/service.ts';
import { needsReload } from '../model/slots.ts';
import { isStructural, type Step } from '../model/step.ts';
import { findSlot, type View } from '../model/view.ts';
import { isPlaceholder } from './assume-job.ts';
import { plural } from '../model/plural.ts';

/** One line of a plan: a step, what it does to which object, why, and whether HAProxy reloads for it. */
export interface Planned {
  readonly action: 'add' | 'change' | 'remove';
  readonly service: ServiceKey;
  readonly object: string;
  readonly why: string;
  readonly reload: boolean;
  readonly reloadWhy: string;
  /** Ms from the start of the connector, where it lets time pass first: drains, retention, a loss to be confirmed. */
  readonly afterMs: number;
  readonly step: Step;
}

/** Steps that the twin has taken, and when; ms. */
export interface Taken {
  readonly notice: Extract<Notice, { kind: 'applied' }>;
  readonly atMs: number;
}

/** What there was before the plan. */
export interface Before {
  readonly view: View;
  readonly registrations: readonly Registration[];
}

/** Lines in the order of the steps, service by service. That a slot is free after its drain goes without saying. */
export function plannedOf(taken: readonly Taken[], before: Before): readonly Planned[] {
  const drained = new Set<string>();
  const planned: Planned[] = [];
  for (const { notice, atMs } of taken) {
    for (const step of notice.steps) {
      if (step.kind === 'drain-slot') drained.add(slotName(step));
      if (step.kind === 'free-slot' && drained.has(slotName(step))) continue;
      planned.push({
        ...describe(step, before),
        ...judgeReload(step, before.view),
        service: step.service,
        afterMs: atMs,
        step,
      });
    }
  }
  return [...Map.groupBy(planned, ({ service }) => service).values()].flat();
}

/** Configuration writes that reload, and rows that cannot be changed without. */
export function countReloads(taken: readonly Taken[], { view }: Before): number {
  return taken.filter(({ notice }) => notice.reloaded || notice.steps.some((step) => rowNeedsReload(step, view)))
    .length;
}

type Described = Pick<Planned, 'action' | 'object' | 'why'>;

function describe(step: Step, before: Before): Described {
  const { view } = before;
  switch (step.kind) {
    case 'create-backend':
      return add(`backend ${step.backend} with ${plural(step.slots.length, 'slot')}`, whyNew(step.service, before));
    case 'update-backend': {
      const holder = view.backends.get(step.backend)?.mark?.service;
      const isTaken = holder !== undefined && holder !== step.service;
      return change(
        `backend ${step.backend}`,
        isTaken ? `taken over from ${holder}` : 'its settings differ from what the service wants',
      );
    }
    case 'remove-backend':
      return remove(`backend ${step.backend}`, whyLeft(step.service, before));
    case 'grow-slots':
      return add(
        `slots ${step.backend}/${step.slots.join(',')}`,
        hasSlots(step.backend, step.service, view) ? 'more instances than slots' : whyNew(step.service, before),
      );
    case 'update-slots':
      return change(
        `slots ${step.backend}/${step.slots.join(',')}`,
        'their settings differ from what the service wants',
      );
    case 'remove-slots':
      return remove(`slots ${step.backend}/${step.slots.join(',')}`, whyLeft(step.service, before));
    case 'fill-slot': {
      const slot = findSlot(step, view);
      const object = `slot ${slotName(step)} ${endpoint(step)} weight ${step.weight}`;
      return slot === undefined ? add(object, whyFilled(step, before)) : change(object, whyFilled(step, before));
    }
    case 'weigh-slot':
      return change(
        `slot ${slotName(step)} weight ${step.weight}`,
        `its weight is ${findSlot(step, view)?.weight ?? 'another'}`,
      );
    case 'drain-slot': {
      const slot = findSlot(step, view);
      const at = slot === undefined ? 'its address' : endpoint(slot);
      return change(`slot ${slotName(step)} drains, then is free`, `no instance at ${at} belongs there any more`);
    }
    case 'free-slot':
      return change(`slot ${slotName(step)} is free`, 'its drain is over');
    case 'set-route': {
      const now = view.maps[step.route.map].get(step.route.key);
      const object = `route ${step.route.map} ${step.route.key} -> ${step.backend}`;
      return now === undefined ? add(object, 'the service asks for this domain') : change(object, `it leads to ${now}`);
    }
    case 'delete-route':
      return remove(
        `route ${step.route.map} ${step.route.key} -> ${view.maps[step.route.map].get(step.route.key) ?? 'nowhere'}`,
        'no service asks for this domain any more',
      );
    case 'install-routing':
      return add(`routing rule in frontend ${step.frontend}`, 'the frontend lacks it, and the service has a domain');
    default:
      return step satisfies never;
  }
}

function add(object: string, why: string): Described {
  return { action: 'add', object, why };
}

function change(object: string, why: string): Described {
  return { action: 'change', object, why };
}

function remove(object: string, why: string): Described {
  return { action: 'remove', object, why };
}

function whyNew(key: ServiceKey, { view, registrations }: Before): string {
  const held = view.backendsOf.get(key) ?? [];
  if (held.length > 0) return `the service moves here from backend ${held.join(', ')}`;
  const registered = registrationsOf(key, registrations).filter((one) => !isPlaceholder(one));
  if (registered.length === 0) return 'new service, not registered yet';
  return `new service, registered at index ${Math.min(...registered.map(({ createIndex }) => createIndex))}`;
}

function whyLeft(key: ServiceKey, { registrations }: Before): string {
  return registrationsOf(key, registrations).length === 0
    ? 'Nomad has no instance of the service any more'
    : 'the service does not belong there any more';
}

function whyFilled(step: Extract<Step, { kind: 'fill-slot' }>, { view, registrations }: Before): string {
  const found = registrationsOf(step.service, registrations).find(
    ({ alloc, port }) => alloc === step.alloc && port === step.port,
  );
  const instance = `allocation ${step.alloc.slice(0, 8)}`;
  const slot = findSlot(step, view);
  if (slot?.state === 'draining' && endpoint(slot) === endpoint(step)) return `${instance} is back`;
  if (found === undefined) return instance;
  return isPlaceholder(found) ? `${instance}, not there yet` : `${instance}, registered at index ${found.createIndex}`;
}

function registrationsOf(key: ServiceKey, registrations: readonly Registration[]): readonly Registration[] {
  return registrations.filter(({ namespace, service }) => serviceKey(namespace, service) === key);
}

function hasSlots(backend: string, key: ServiceKey, view: View): boolean {
  return view.backends.get(backend)?.slots.some(({ service }) => service === key) === true;
}

interface SlotName {
  readonly backend: string;
  readonly slot: string;
}

function slotName({ backend, slot }: SlotName): string {
  return `${backend}/${slot}`;
}

function judgeReload(step: Step, view: View): Pick<Planned, 'reload' | 'reloadWhy'> {
  if (rowNeedsReload(step, view)) return { reload: true, reloadWhy: 'the Data Plane API cannot address this row' };
  if (needsReload(step)) return { reload: true, reloadWhy: 'a host name cannot be set in the running process' };
  return { reload: isStructural(step), reloadWhy: reloadReasons[step.kind] };
}

const reloadReasons = {
  'create-backend': 'a new section',
  'update-backend': 'a section that changes',
  'remove-backend': 'a section that goes',
  'grow-slots': 'new server lines',
  'update-slots': 'server lines that change',
  'remove-slots': 'server lines that go',
  'install-routing': 'rules of a frontend that change',
  'fill-slot': 'a slot takes it as it is',
  'weigh-slot': 'a slot takes it as it is',
  'drain-slot': 'a slot takes it as it is',
  'free-slot': 'a slot takes it as it is',
  'set-route': 'maps change in the running process',
  'delete-route': 'maps change in the running process',
} as const satisfies Record<Step['kind'], string>;
