import type { FailureKind } from './model/failure.ts';
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
  /** Undefined while the end is reachable. */
  readonly nomadLost: Loss | undefined;
  readonly haproxyLost: Loss | undefined;
  /** Undefined while nothing is. */
  readonly held: Losses | undefined;
}

interface Loss {
  /** ms, of the first failure in a row. */
  readonly at: number;
  /** Of the last one. */
  readonly kind: FailureKind;
}

/** An end may be away for so many ms before the connector is called not ready: reconnecting is routine. */
const graceMs = 30_000;

/** The state before the first notice. */
export function startReadiness(now: number): ReadinessState {
  return {
    now,
    snapshotRead: false,
    firstPassDone: false,
    nomadLost: undefined,
    haproxyLost: undefined,
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
      return { ...state, nomadLost: { at: state.nomadLost?.at ?? state.now, kind: event.failure.kind } };
    case 'nomad-connected':
      return { ...state, nomadLost: undefined };
    case 'haproxy-lost':
      return { ...state, haproxyLost: { at: state.haproxyLost?.at ?? state.now, kind: event.failure.kind } };
    case 'haproxy-connected':
      return { ...state, haproxyLost: undefined };
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
 * What `/ready` answers. HAProxy is read before Nomad, so until Nomad has been read it says for which end it waits, and that
 * at once. A service that fails does not make the connector unready: it says so by itself. Nor do services that are held,
 * for they are served.
 */
export function readiness(state: ReadinessState): Readiness {
  const reasons: string[] = [];
  if (!state.snapshotRead) {
    reasons.push("Nomad's services have not been read yet");
  } else if (!state.firstPassDone) {
    reasons.push("not every service of Nomad's first snapshot has been tried yet");
  }
  const away = (name: string, lost: Loss | undefined) => {
    if (lost === undefined) return;
    const ms = state.now - lost.at;
    if (!state.snapshotRead) reasons.push(`waits for ${name}: ${lost.kind}`);
    else if (ms >= graceMs) reasons.push(`${name} has been unreachable for ${Math.round(ms / 1000)} s`);
  };
  away('Nomad', state.nomadLost);
  away('HAProxy', state.haproxyLost);
  const { held } = state;
  return {
    ready: reasons.length === 0,
    reasons,
    ...(held && {
      held: { why: held.why, services: held.services.slice(0, namesShown), servicesInAll: held.services.length },
    }),
  };
}
