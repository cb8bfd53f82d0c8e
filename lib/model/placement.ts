import { backendClaim } from './claims.ts';
import { grantedRoutes } from './plan-routes.ts';
import { splitKey } from './events.ts';
import type { Failure } from './failure.ts';
import type { Policy } from './plan.ts';
import type { Service, ServiceChange, Wish } from './service.ts';
import type { BackendView, View } from './view.ts';

/** Where a service belongs: a section of its own, or slots in one that somebody else wrote. */
export type Placement =
  | { readonly kind: 'own'; readonly backend: string }
  | { readonly kind: 'shared'; readonly backend: string }
  | { readonly kind: 'nowhere' }
  /** `concedes`: the section that the service which was there first makes or has to take over. */
  | { readonly kind: 'refused'; readonly failure: Failure; readonly concedes?: string };

/** A change, where its service belongs, and the backends it has to leave. */
export interface Placed {
  readonly change: ServiceChange;
  readonly placement: Placement;
  readonly left: readonly string[];
}

/** Places the services of a turn: once, for whoever plans a part of it. */
export function placeAll(changes: readonly ServiceChange[], view: View, policy: Policy): readonly Placed[] {
  return changes.map((change) => {
    const placement = place(change.after, view, policy);
    return { change, placement, left: leftBackends(change, placement, view) };
  });
}

export function place(service: Service | undefined, view: View, policy: Policy): Placement {
  if (service?.wish === undefined) return { kind: 'nowhere' };
  const { wish } = service;
  const there = view.backends.get(wish.backend);
  if (wish.kind === 'custom') return placeCustom(wish, there);

  const denial = service.denials.find(({ claim }) => claim === backendClaim(wish.backend));
  if (denial !== undefined) {
    const refusal = refused(
      'rejected',
      `backend ${wish.backend} is the backend of ${denial.holder}`,
      wish.backend,
      'give one of the two services a haproxy.backend.name of its own',
    );
    const name = newName(service, wish, policy);
    const isWanted = name === newName(splitKey(denial.holder), wish, policy);
    return isWanted ? { ...refusal, concedes: name } : refusal;
  }
  if (there === undefined || there.mark !== undefined) return { kind: 'own', backend: wish.backend };
  const wanted = wish.strategy ?? policy.strategy;
  const strategy = wanted === 'use_existing' && there.isOthers ? 'create_new' : wanted;
  switch (strategy) {
    case 'use_existing': {
      const reason = incompatibility(wish, there);
      return reason === undefined
        ? { kind: 'shared', backend: there.name }
        : refused(
            'rejected',
            `backend ${there.name} exists and cannot take this service: ${reason}`,
            there.name,
            'change that backend, or set haproxy.backend.strategy=create_new or another haproxy.backend.name',
          );
    }
    case 'create_new': {
      const name = newName(service, wish, policy);
      const other = view.backends.get(name);
      if (other === undefined || other.mark?.service === service.key || isAbandoned(other)) {
        return { kind: 'own', backend: name };
      }
      return other.mark === undefined
        ? refused(
            'rejected',
            `backends ${there.name} and ${name} both exist and are not ours`,
            name,
            'set another haproxy.backend.name',
          )
        : refused(
            'conflict',
            `backend ${name} is the backend of ${other.mark.service}`,
            name,
            'give one of the two services another haproxy.backend.name',
          );
    }
    case 'fail_on_conflict':
      return refused(
        'rejected',
        `backend ${there.name} exists and is not ours`,
        there.name,
        'rename one of them, or choose another backend_strategy',
      );
    default:
      return strategy satisfies never;
  }
}

/** What `create_new` calls a section whose name somebody else has. */
function newName({ namespace }: Pick<Service, 'namespace'>, { backend }: Wish, { owner }: Policy): string {
  return `${owner}_${namespace}_${backend}`.replace(/[^A-Za-z0-9_.:]/g, '_');
}

/** A section of ours whose service went, or went elsewhere. */
function isAbandoned({ mark, slots }: BackendView): boolean {
  return mark !== undefined && slots.every((slot) => slot.state !== 'serving');
}

function placeCustom(wish: Wish, there: BackendView | undefined): Placement {
  if (there === undefined) {
    return refused(
      'not-found',
      `backend ${wish.backend} does not exist`,
      wish.backend,
      'write that backend in the HAProxy configuration, or correct haproxy.backend.name; it is looked for again every minute',
    );
  }
  if (there.mark !== undefined) {
    return refused(
      'rejected',
      `backend ${wish.backend} is the backend of ${there.mark.service}`,
      wish.backend,
      'name a backend that you wrote yourself',
    );
  }
  if (there.isOthers) {
    return refused(
      'rejected',
      `backend ${wish.backend} is made by another connector`,
      wish.backend,
      'name a backend that you wrote yourself',
    );
  }
  return { kind: 'shared', backend: wish.backend };
}

function refused(
  kind: Failure['kind'],
  message: string,
  backend: string,
  hint: string,
): Extract<Placement, { kind: 'refused' }> {
  return { kind: 'refused', failure: { kind, message, where: `backend ${backend}`, hint } };
}

/** Slots come and go at runtime only where the balance algorithm is dynamic. */
function incompatibility(wish: Wish, { mode, dynamic }: BackendView): string | undefined {
  if (mode !== wish.mode) return `its mode is ${mode}, not ${wish.mode}`;
  return dynamic ? undefined : 'its balance algorithm is static, so servers cannot change without a reload';
}

/**
 * Backends that hold something of a service and are not where it belongs. One that moves leaves the old backend only when
 * the new one stands and its rows lead there, so that no request finds either of them empty.
 */
export function leftBackends({ key, after }: ServiceChange, placement: Placement, view: View): readonly string[] {
  const held = view.backendsOf.get(key) ?? [];
  switch (placement.kind) {
    case 'refused':
      return [];
    case 'nowhere':
      return held;
    case 'own':
    case 'shared':
      if (!held.includes(placement.backend)) return [];
      return held.filter((name) => name !== placement.backend && !isLedTo(name, after, view));
    default:
      return placement satisfies never;
  }
}

/** True while a row that the service wants still leads there. */
export function isLedTo(backend: string, service: Service | undefined, view: View): boolean {
  return grantedRoutes(service).some(({ map, key }) => view.maps[map].get(key) === backend);
}
