import type { RouteMap, ServiceKey } from './events.ts';
import type { EventStatus } from './last-events.ts';
import type { Health } from './notice.ts';
import { grantedRoutes } from './plan-routes.ts';
import type { Problem } from './problem.ts';
import { endpoint, type Denial, type Instance, type Service } from './service.ts';
import type { FailureStatus, Status, WriteStatus } from './status.ts';
import { slotsFor, type SlotView, type View } from './view.ts';

/** A service as people look at it: what Nomad says of it beside what HAProxy has of it. JSON. */
export interface ServiceStatus {
  readonly service: ServiceKey;
  readonly state: ServiceState;
  /** What Nomad has; 0 of a service that is gone and whose backend is not. */
  readonly instances: number;
  readonly backends: readonly BackendStatus[];
  /** The first of the instances that have no slot, mostly because they do not answer yet. */
  readonly waiting: readonly InstanceStatus[];
  readonly waitingInAll: number;
  readonly routes: readonly RouteStatus[];
  /** Domains and backend names that other services hold. */
  readonly lost: readonly Denial[];
  readonly problems: readonly Problem[];
  readonly failure?: FailureStatus;
  readonly lastEvents: readonly EventStatus[];
  readonly lastWrite?: WriteStatus;
}

/** By what matters most: `failed`: not as it should be; `held`: gone from a snapshot, served for now; `waiting`: nobody serves. */
export type ServiceState = 'failed' | 'held' | 'leaving' | 'waiting' | 'problems' | 'serving';

export interface BackendStatus {
  readonly name: string;
  /** False: somebody else wrote it. */
  readonly owned: boolean;
  readonly slots: readonly SlotStatus[];
}

export interface SlotStatus {
  readonly name: string;
  readonly state: SlotView['state'];
  readonly at: string;
  readonly weight: number;
  readonly alloc: string;
  /** Empty when the instance is gone. */
  readonly node: string;
  /** Absent where requests do not go, and until HAProxy was asked. */
  readonly health?: Health;
}

export interface InstanceStatus {
  readonly at: string;
  readonly alloc: string;
  readonly node: string;
  readonly admitted: boolean;
}

export interface RouteStatus {
  readonly map: RouteMap;
  readonly domain: string;
  /** Where it leads now; absent: nowhere yet. */
  readonly backend?: string;
}

const shown = 20;

/** What there is to be said of a service; undefined: nothing, it is neither in Nomad nor in HAProxy. */
export function statusOf(
  key: ServiceKey,
  service: Service | undefined,
  view: View | undefined,
  status: Status,
): ServiceStatus | undefined {
  const backends = view === undefined ? [] : backendsOf(key, service, view, status);
  const failure = status.failures.get(key);
  const lastWrite = status.writes.get(key);
  const problems = status.problems.get(key) ?? [];
  if (service?.wish === undefined && backends.length === 0 && problems.length === 0 && failure === undefined)
    return undefined;
  const places = new Set(backends.flatMap(({ slots }) => slots.map(({ at }) => at)));
  const waiting = (service?.instances ?? []).filter((one) => one.managed && !places.has(one.endpoint));
  const routes = grantedRoutes(service).map(({ map, key: domain }): RouteStatus => {
    const backend = view?.maps[map].get(domain);
    return { map, domain, ...(backend !== undefined && { backend }) };
  });
  const isServing = backends.some(({ slots }) => slots.some(({ state }) => state === 'serving'));
  const said = { failed: failure !== undefined, problems: problems.length > 0, serving: isServing };
  return {
    service: key,
    state: stateOf(said, service, status.held?.services.includes(key) === true),
    instances: service?.instances.length ?? 0,
    backends,
    waiting: waiting.slice(0, shown).map(toInstance),
    waitingInAll: waiting.length,
    routes,
    lost: service?.denials ?? [],
    problems: problems.slice(0, shown),
    ...(failure && { failure }),
    lastEvents: status.events.get(key) ?? [],
    ...(lastWrite && { lastWrite }),
  };
}

function stateOf(
  said: { readonly failed: boolean; readonly problems: boolean; readonly serving: boolean },
  service: Service | undefined,
  held: boolean,
): ServiceState {
  if (said.failed) return 'failed';
  if (held) return 'held';
  if (service?.wish === undefined) return said.problems ? 'problems' : 'leaving';
  if (!said.serving) return 'waiting';
  return said.problems ? 'problems' : 'serving';
}

function backendsOf(
  key: ServiceKey,
  service: Service | undefined,
  view: View,
  { health }: Status,
): readonly BackendStatus[] {
  const instances = new Map(service?.instances.map((one) => [one.endpoint, one]));
  return (view.backendsOf.get(key) ?? []).flatMap((name) => {
    const backend = view.backends.get(name);
    if (backend === undefined) return [];
    const seen = health.get(name) ?? {};
    const slots = slotsFor(backend, key).map((slot): SlotStatus => {
      const { state, weight, alloc } = slot;
      const at = state === 'free' ? '' : endpoint(slot);
      const healthNow = state === 'serving' && Object.hasOwn(seen, slot.name) ? seen[slot.name] : undefined;
      const node = instances.get(at)?.registration.node ?? '';
      return { name: slot.name, state, at, weight, alloc, node, ...(healthNow && { health: healthNow }) };
    });
    return [{ name, owned: backend.mark !== undefined, slots }];
  });
}

function toInstance({ endpoint: at, registration: { alloc, node }, admitted }: Instance): InstanceStatus {
  return { at, alloc, node, admitted };
}
