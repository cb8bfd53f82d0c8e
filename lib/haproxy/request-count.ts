import { tap, type MonoTypeOperatorFunction } from 'rxjs';
import { FailureError, type FailureKind } from '../model/failure.ts';
import type { Call } from './client-http.ts';

/**
 * What a request is for: `read`; the lanes of a write, `commit` (configuration and reload), `slots` (configuration alone),
 * `runtime`, `maps`; `check` for what is validated or previewed and changes nothing.
 */
export const requestLanes = ['read', 'commit', 'slots', 'runtime', 'maps', 'check'] as const;
export type RequestLane = (typeof requestLanes)[number];

/** Takes down how a request ended. */
export type CountRequest = (lane: RequestLane, result: 'ok' | FailureKind) => void;

export function laneOf({ method, path, query = {} }: Pick<Call, 'method' | 'path' | 'query'>): RequestLane {
  if (method === 'GET') return 'read';
  if (path.startsWith('/services/haproxy/transactions') || query['only_validate'] === true) return 'check';
  if (path === '/services/haproxy/configuration/raw') return query['force_reload'] === true ? 'commit' : 'slots';
  return path.startsWith('/services/haproxy/runtime/backends/') ? 'runtime' : 'maps';
}

/** Counts what comes of a call; an answer counts once, whoever has left meanwhile does not. */
export function countResult<T>(call: Call, count: CountRequest | undefined): MonoTypeOperatorFunction<T> {
  if (count === undefined) return (source) => source;
  const lane = laneOf(call);
  return tap({
    next: () => {
      count(lane, 'ok');
    },
    error: (error: unknown) => {
      if (error instanceof FailureError) count(lane, error.failure.kind);
    },
  });
}
