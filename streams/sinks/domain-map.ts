import { routeClaim } from '../../lib/model/claims.ts';
import type { Route, RouteMap, ServiceKey } from '../../lib/model/events.ts';
import { mergePlans, type Policy } from '../../lib/model/plan.ts';
import { grantedRoutes, planRoutes, planRouting } from '../../lib/model/plan-routes.ts';
import type { Service, ServiceChange } from '../../lib/model/service.ts';
import type { View } from '../../lib/model/view.ts';
import { collectPlans, type Plans, type Sink } from './sink.ts';

/**
 * Rows of the three maps, and the routing rule in the configured frontends. It remembers who wants which row, because a
 * row may pass from one service to another while both name the same backend, and must not be deleted by the first. Nor is one
 * that another service wins, whose backend may still have to be made: that one leads it there when it stands. A
 * service whose wish is refused keeps its rows and wants no others, until it is granted. The maps are ours alone: with a
 * snapshot, rows go that nobody wants and that lead to no backend, whoever wrote them.
 */
export function domainMap(policy: Policy): Sink {
  const wantedBy = {
    exact: new Map<string, ServiceKey>(),
    prefix: new Map<string, ServiceKey>(),
    regex: new Map<string, ServiceKey>(),
  } satisfies Record<RouteMap, Map<string, ServiceKey>>;
  const wantedOf = new Map<ServiceKey, readonly Route[]>();
  /** Services that were last planned with a wish that is refused. */
  const refused = new Set<ServiceKey>();
  /** Rows that a service may have in HAProxy: those it wants, and those it has wanted. */
  const grantedTo = new Map<ServiceKey, readonly Route[]>();

  function holderOf({ map, key }: Route): ServiceKey | undefined {
    return wantedBy[map].get(key);
  }

  function remember(key: ServiceKey, routes: readonly Route[]): void {
    if (wantedOf.get(key) === routes && routes.every((route) => holderOf(route) === key)) return;
    for (const route of wantedOf.get(key) ?? []) if (holderOf(route) === key) wantedBy[route.map].delete(route.key);
    for (const route of routes) wantedBy[route.map].set(route.key, key);
    if (routes.length > 0) wantedOf.set(key, routes);
    else wantedOf.delete(key);
  }

  /** What is not wanted any more counts until it is seen to be gone: the change that told of it may be merged by then. */
  function noteGranted(key: ServiceKey, view: View): readonly Route[] {
    const wanted = wantedOf.get(key) ?? none;
    const had = grantedTo.get(key) ?? none;
    if (had === wanted) return had;
    const left = had.filter((route) => !wanted.includes(route) && view.maps[route.map].has(route.key));
    const all = left.length === 0 ? wanted : [...wanted, ...left];
    if (all.length > 0) grantedTo.set(key, all);
    else grantedTo.delete(key);
    return all;
  }

  /** Rows that a service holds although its wish is refused: it may have them from an earlier run. */
  function noteHeld({ key, after }: ServiceChange, view: View): void {
    const backends = view.backendsOf.get(key) ?? [];
    const isHeld = (route: Route) => backends.includes(view.maps[route.map].get(route.key) ?? '');
    const held = grantedRoutes(after).filter(isHeld);
    if (held.length > 0) grantedTo.set(key, [...new Set([...(grantedTo.get(key) ?? none), ...held])]);
  }

  function strayRows({ maps, backends }: View): readonly Route[] {
    return routeMaps.flatMap((map) =>
      [...maps[map]].flatMap(([key, backend]) =>
        backends.has(backend) || wantedBy[map].has(key) ? [] : [{ map, key } as const],
      ),
    );
  }

  return (view, ages) => (batch) => {
    for (const { change, placement } of batch) {
      if (placement.kind === 'refused') refused.add(change.key);
      else refused.delete(change.key);
      if (placement.kind === 'refused') noteHeld(change, view);
      else remember(change.key, grantedRoutes(change.after));
    }
    const idle = new Set(batch.flatMap(({ change }) => (isIdle(change.after) ? [change.key] : [])));
    const plans = collectPlans(batch, function* ({ change, placement }) {
      const { key, after } = change;
      const isOthers = (route: Route) => (holderOf(route) ?? key) !== key;
      const denied = after?.denials.filter(({ holder }) => !refused.has(holder)).map(({ claim }) => claim) ?? [];
      const isAwaited = (route: Route) => denied.includes(routeClaim(route));
      const book = { had: noteGranted(key, view), isOthers, isAwaited, isIdle: (one: ServiceKey) => idle.has(one) };
      yield planRoutes(change, placement, view, policy, ages, book);
      if (grantedRoutes(after).length > 0) yield planRouting(key, view, policy);
    });
    const first = batch[0]?.change;
    return first?.snapshot ? withDeletions(plans, first.key, strayRows(view)) : plans;
  };
}

function isIdle(service: Service | undefined): boolean {
  return !service?.instances.some((one) => one.managed && one.admitted);
}

const none: readonly Route[] = [];
const routeMaps = ['exact', 'prefix', 'regex'] as const;

/** Of rows that no plan deletes already; `service` answers for them. */
function withDeletions(plans: Plans, service: ServiceKey, routes: readonly Route[]): Plans {
  const steps = [...plans.values()].flatMap((plan) => plan.steps);
  const gone = new Set(steps.map((step) => (step.kind === 'delete-route' ? routeClaim(step.route) : undefined)));
  const left = routes.filter((route) => !gone.has(routeClaim(route)));
  if (left.length === 0) return plans;
  const deletions = left.map((route) => ({ kind: 'delete-route', service, route }) as const);
  return new Map(plans).set(service, mergePlans(plans.get(service) ?? { steps: [] }, { steps: deletions }));
}
