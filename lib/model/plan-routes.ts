import { routeClaim } from './claims.ts';
import type { Route, ServiceKey } from './events.ts';
import type { Failure } from './failure.ts';
import type { Placement } from './placement.ts';
import type { Ages, Plan, Policy } from './plan.ts';
import type { Service, ServiceChange } from './service.ts';
import type { Step } from './step.ts';
import { slotsFor, type BackendView, type SlotView, type View } from './view.ts';

/** The rows that a service may have: all it wants but those that another one holds. */
export function grantedRoutes(service: Service | undefined): readonly Route[] {
  const wanted = service?.wish?.routes ?? [];
  if (service === undefined || service.denials.length === 0) return wanted;
  const denied = new Set(service.denials.map(({ claim }) => claim));
  return wanted.filter((route) => !denied.has(routeClaim(route)));
}

/** What is known of rows beyond a single change. */
export interface RowBook {
  /** Rows that the service was granted earlier and may still have. */
  readonly had: readonly Route[];
  readonly isOthers: (route: Route) => boolean;
  /** Another service has won it and is going to lead it elsewhere. */
  readonly isAwaited: (route: Route) => boolean;
  /** The service has no instance that serves; asked of those that are planned together with this one. */
  readonly isIdle: (service: ServiceKey) => boolean;
}

/**
 * Steps for the map rows of a service. Rows point only to where it is placed; while its wish is refused they stay as they
 * are. A row that leads to where others serve stays until somebody serves here. A service that went keeps its rows as long as
 * its backend is retained and answers 503. A row is only deleted where it leads to a backend of this service or to none at
 * all, or where this service holds it and nobody can use it; what leads to its own section leads there for it alone, whoever
 * had that section before.
 */
export function planRoutes(
  change: ServiceChange,
  placement: Placement,
  view: View,
  policy: Policy,
  ages: Ages,
  { had, isOthers, isAwaited, isIdle }: RowBook,
): Plan {
  const { key, before, after } = change;
  if (placement.kind === 'refused') {
    return { steps: [...concede(key, placement.concedes, view), ...dropLost(key, had, view)] };
  }
  const held = view.backendsOf.get(key) ?? [];
  const isHeld = placement.kind === 'nowhere' || held.includes(placement.backend);
  const backends = isHeld ? held : held.concat(placement.backend);
  const isRetained = (backend: string) => !isOver(backend, key, view, policy, ages);
  if (after === undefined && backends.some(isRetained)) return { steps: [] };

  const isMarked = (backend: string) => view.backends.get(backend)?.mark !== undefined;
  const steps: Step[] = [];
  const problem = placement.kind === 'shared' ? refuseRoutes(after, view.backends.get(placement.backend)) : undefined;
  const wanted = placement.kind === 'nowhere' || problem ? [] : grantedRoutes(after);
  const isTaken = (backend: string | undefined) =>
    isIdle(key) && slotsIn(backend, view).some((slot) => slot.state === 'serving' && !isIdle(slot.service));
  for (const route of wanted) {
    const backend = view.maps[route.map].get(route.key);
    if (placement.kind !== 'nowhere' && backend !== placement.backend && !isTaken(backend)) {
      steps.push({ kind: 'set-route', service: key, route, backend: placement.backend });
    }
  }
  const unusable = problem ? grantedRoutes(after) : [];
  const section = placement.kind === 'own' ? placement.backend : undefined;
  const toSection = section === undefined ? [] : (view.rowsOf.get(section) ?? []);
  const present = [rowsOf(before), had, ownRows(view, key), toSection, unusable];
  for (const route of distinct(present.flatMap((routes) => without(routes, wanted)))) {
    const backend = view.maps[route.map].get(route.key);
    if (backend === undefined || (isOthers(route) && backend !== section)) continue;
    if (isAwaited(route) && backends.includes(backend)) continue;
    const isOurDoing = includes(unusable, route) || (includes(had, route) && !isMarked(backend));
    if (view.backends.has(backend) && !backends.includes(backend) && !isOurDoing) continue;
    steps.push({ kind: 'delete-route', service: key, route });
  }
  return { steps, ...(problem && { failure: problem }) };
}

function slotsIn(backend: string | undefined, view: View): readonly SlotView[] {
  return backend === undefined ? [] : (view.backends.get(backend)?.slots ?? []);
}

/** Rows that lead to a section which this service has to leave to another one. */
function concede(key: ServiceKey, conceded: string | undefined, view: View): readonly Step[] {
  if (conceded === undefined || view.backends.get(conceded)?.mark?.service !== key) return [];
  return (view.rowsOf.get(conceded) ?? []).map((route) => ({ kind: 'delete-route', service: key, route }));
}

/** Rows of a service that lead to no backend at all, whoever led them there. */
function dropLost(key: ServiceKey, had: readonly Route[], view: View): readonly Step[] {
  const isLost = ({ map, key: host }: Route) => {
    const backend = view.maps[map].get(host);
    return backend !== undefined && !view.backends.has(backend);
  };
  return had.filter(isLost).map((route) => ({ kind: 'delete-route', service: key, route }));
}

/** The rule that looks hosts up in the maps, in every configured frontend that lacks it. */
export function planRouting(key: ServiceKey, view: View, policy: Policy): Plan {
  const steps: Step[] = [];
  let failure: Failure | undefined;
  for (const name of policy.frontends) {
    const frontend = view.frontends.get(name);
    if (frontend?.mode === 'http') {
      if (!frontend.routed) steps.push({ kind: 'install-routing', service: key, frontend: name });
      continue;
    }
    const [reason, hint] = frontend === undefined ? absent : inTcpMode;
    failure = { kind: 'not-found', message: `frontend ${name} ${reason}`, where: `frontend ${name}`, hint };
  }
  return { steps, ...(failure && { failure }) };
}

const absent = [
  'does not exist',
  'write that frontend in the HAProxy configuration, or correct haproxy.frontend',
] as const;
const inTcpMode = [
  'is in tcp mode and has no host to route by',
  'a frontend in tcp mode has no host names to route by; name one in http mode in haproxy.frontend',
] as const;

/** Nothing of a service serves or drains in a backend any more, and for as long as it is retained. */
function isOver(backend: string, key: ServiceKey, view: View, policy: Policy, ages: Ages): boolean {
  const there = view.backends.get(backend);
  const ours = slotsFor(there, key);
  return ours.every((slot) => slot.state === 'free') && ages.emptyForMs(backend, key) >= policy.retentionMs;
}

function refuseRoutes(service: Service | undefined, backend: BackendView | undefined): Failure | undefined {
  if (backend?.mode !== 'tcp' || grantedRoutes(service).length === 0) return undefined;
  return {
    kind: 'rejected',
    message: `domains are refused: backend ${backend.name} is in tcp mode, and a request routed there would be cut`,
    where: `backend ${backend.name}`,
    hint: 'remove haproxy.domain, or name a backend in http mode',
  };
}

function distinct(routes: readonly Route[]): Iterable<Route> {
  return routes.length < 2 ? routes : new Map(routes.map((route) => [routeClaim(route), route])).values();
}

/** Mostly both are the same list, since the wish is the same. */
function without(routes: readonly Route[], others: readonly Route[]): readonly Route[] {
  return routes === others ? [] : routes.filter((one) => !includes(others, one));
}

function includes(routes: readonly Route[], { map, key }: Route): boolean {
  return routes.some((one) => one.map === map && one.key === key);
}

function rowsOf(service: Service | undefined): readonly Route[] {
  return service?.wish?.routes ?? [];
}

/** Rows that lead to the sections a service has to itself. */
function ownRows(view: View, key: ServiceKey): readonly Route[] {
  return (view.backendsOf.get(key) ?? []).flatMap((name) =>
    view.backends.get(name)?.mark?.service === key ? (view.rowsOf.get(name) ?? []) : [],
  );
}
