import { foldHeld, type Losses } from './model/guard.ts';
import type { Notice } from './model/notice.ts';

/** Notices carry no time; ticks (every second or so) do. */
export interface Tick {
  readonly kind: 'tick';
  /** ms. */
  readonly now: number;
}

export interface ReadinessState {
  /** ms, of the last tick. */
  readonly now: number;
  readonly snapshotRead: boolean;
  readonly firstPassDone: boolean;
  /** ms; undefined while the end is reachable. */
  readonly nomadLostAt: number | undefined;
  readonly haproxyLostAt: number | undefined;
  /** Undefined while nothing is. */
  readonly held: Losses | undefined;
}

/** An end may be away for so many ms before the connector is called not ready: reconnecting is routine. */
const graceMs = 30_000;

/** The state before the first notice. */
export function startReadiness(now: number): ReadinessState {
  return {
    now,
    snapshotRead: false,
    firstPassDone: false,
    nomadLostAt: undefined,
    haproxyLostAt: undefined,
    held: undefined,
  };
}

export function foldReadiness(state: ReadinessState, event: Notice | Tick): ReadinessState {
  switch (event.kind) {
    case 'tick':
      return { ...state, now: event.now };
    case 'snapshot-read':
      return { ...state, snapshotRead: true };
    case 'first-pass-done':
      return { ...state, firstPassDone: true };
    case 'nomad-lost':
      return { ...state, nomadLostAt: state.nomadLostAt ?? state.now };
    case 'nomad-connected':
      return { ...state, nomadLostAt: undefined };
    case 'haproxy-lost':
      return { ...state, haproxyLostAt: state.haproxyLostAt ?? state.now };
    case 'haproxy-connected':
      return { ...state, haproxyLostAt: undefined };
    case 'losses-held':
    case 'losses-released':
      return { ...state, held: foldHeld(state.held, event) };
    case 'snapshot-progress':
    case 'ghosts-ignored':
    case 'nomad-input-skipped':
    case 'service-problems':
    case 'applied':
    case 'settled':
    case 'service-failed':
    case 'haproxy-warning':
    case 'haproxy-moved':
    case 'drift-found':
    case 'health-seen':
      return state;
    default:
      return event satisfies never;
  }
}

export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** Absent while nothing is held. */
  readonly held?: { readonly why: string; readonly services: readonly string[]; readonly servicesInAll: number };
}

/** Names in an answer that somebody polls. */
const namesShown = 20;

/**
 * What `/ready` answers. A service that fails does not make the connector unready: it says so by itself. Nor do services
 * that are held, for they are served.
 */
export function readiness(state: ReadinessState): Readiness {
  const reasons: string[] = [];
  if (!state.snapshotRead) {
    reasons.push("Nomad's services have not been read yet");
  } else if (!state.firstPassDone) {
    reasons.push("not every service of Nomad's first snapshot has been tried yet");
  }
  const away = (name: string, since: number | undefined) => {
    if (since !== undefined && state.now - since >= graceMs) {
      reasons.push(`${name} has been unreachable for ${Math.round((state.now - since) / 1000)} s`);
    }
  };
  away('Nomad', state.nomadLostAt);
  away('HAProxy', state.haproxyLostAt);
  const { held } = state;
  return {
    ready: reasons.length === 0,
    reasons,
    ...(held && {
      held: { why: held.why, services: held.services.slice(0, namesShown), servicesInAll: held.services.length },
    }),
  };
}
