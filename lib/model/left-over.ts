import { holderOf, routeClaim, type Claims } from './claims.ts';
import { splitKey, type Mark, type ServiceKey } from './events.ts';
import type { Service, Wish } from './service.ts';

/**
 * What an earlier run left in HAProxy, as the services it was made for: without instances, and with what their marks tell of
 * their wish. Rows that somebody claims now are not left over.
 */
export function leftOver(marks: readonly Mark[], claims: Claims): ReadonlyMap<ServiceKey, Service> {
  const left = new Map<ServiceKey, Service>();
  for (const { service: key, owned, backend, routes } of marks) {
    const earlier = left.get(key)?.wish?.routes ?? [];
    const wish: Wish = {
      kind: owned ? 'dynamic' : 'custom',
      backend,
      mode: 'http',
      balance: 'roundrobin',
      check: { kind: 'none' },
      slots: 1,
      backup: false,
      maxconn: 0,
      routes: [...earlier, ...routes.filter((route) => holderOf(claims, routeClaim(route)) === undefined)],
    };
    left.set(key, { key, ...splitKey(key), instances: [], wish, denials: [], problems: [] });
  }
  return left;
}
