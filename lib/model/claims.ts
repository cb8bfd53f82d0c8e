import type { Route, ServiceKey } from './events.ts';
import { oncePer } from './once-per.ts';
import type { Denial, Wish } from './service.ts';
import { trimmed } from './trimmed.ts';

/** Who claims what, and by which right: the lower number first (`Job.CreateIndex`), then the key. */
export interface Claims {
  /** The holder first. Nearly always one, so that a list is smaller than a map, and as fast. */
  readonly byClaim: Map<string, readonly ServiceKey[]>;
  readonly byService: Map<ServiceKey, { readonly wanted: readonly string[]; readonly right: number }>;
}

export function createClaims(): Claims {
  return { byClaim: new Map(), byService: new Map() };
}

/** What only one service can have: a row of a map, and the name of a backend of its own. */
export function claimsOf(wish: Wish | undefined): readonly string[] {
  return wish === undefined ? [] : claimsOfWish(wish);
}

const claimsOfWish = oncePer((wish: Wish): readonly string[] => {
  const rows = wish.routes.map(routeClaim);
  return wish.kind === 'dynamic' ? trimmed([backendClaim(wish.backend), ...rows]) : rows;
});

export function routeClaim({ map, key }: Route): string {
  return `${map} domain ${key}`;
}

export function backendClaim(backend: string): string {
  return `backend ${backend}`;
}

/**
 * Replaces a service's claims and returns the other services that won or lost something by it, or lost it to another one now.
 * A thousand may want one domain: those that it makes no difference to are not looked at.
 */
export function setClaims(claims: Claims, key: ServiceKey, wanted: readonly string[], right: number): Set<ServiceKey> {
  const touched = new Set<ServiceKey>();
  const had = claims.byService.get(key);
  if (had?.wanted === wanted && had.right === right) return touched;
  if (wanted.length > 0) claims.byService.set(key, { wanted, right });
  else claims.byService.delete(key);
  const wants = new Set(wanted);
  for (const claim of new Set([...(had?.wanted ?? []), ...wanted])) {
    const before = claims.byClaim.get(claim) ?? [];
    const others = before.filter((one) => one !== key);
    const left = before[0] === key ? holderFirst(claims, others) : others;
    const now = wants.has(claim) ? join(claims, left, key) : left;
    if (now.length === 0) claims.byClaim.delete(claim);
    else claims.byClaim.set(claim, now);
    if (now[0] !== before[0]) for (const other of others) touched.add(other);
  }
  return touched;
}

function holderFirst(claims: Claims, claimants: readonly ServiceKey[]): readonly ServiceKey[] {
  if (claimants.length < 2) return claimants;
  const holder = claimants.reduce((a, b) => (precedes(claims, b, a) ? b : a));
  return [holder, ...claimants.filter((one) => one !== holder)];
}

function join(claims: Claims, others: readonly ServiceKey[], key: ServiceKey): readonly ServiceKey[] {
  const [holder] = others;
  return holder !== undefined && precedes(claims, key, holder) ? [key, ...others] : others.concat(key);
}

/** The claims of a service that another one holds. */
export function denialsOf(claims: Claims, key: ServiceKey): readonly Denial[] {
  const denials = (claims.byService.get(key)?.wanted ?? []).flatMap((claim) => {
    const holder = holderOf(claims, claim);
    return holder === undefined || holder === key ? [] : { claim, holder };
  });
  return denials.length === 0 ? none : denials;
}

const none: readonly Denial[] = [];

export function holderOf(claims: Claims, claim: string): ServiceKey | undefined {
  return claims.byClaim.get(claim)?.[0];
}

/** Everybody who claims it, and by which right; the holder first. */
export function claimantsOf(
  claims: Claims,
  claim: string,
): readonly { readonly key: ServiceKey; readonly right: number }[] {
  return [...(claims.byClaim.get(claim) ?? [])]
    .sort((a, b) => (precedes(claims, a, b) ? -1 : 1))
    .map((key) => ({ key, right: claims.byService.get(key)?.right ?? Infinity }));
}

function precedes(claims: Claims, a: ServiceKey, b: ServiceKey): boolean {
  const rightA = claims.byService.get(a)?.right ?? Infinity;
  const rightB = claims.byService.get(b)?.right ?? Infinity;
  return rightA < rightB || (rightA === rightB && a < b);
}
