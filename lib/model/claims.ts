import type { Route, ServiceKey } from './events.ts';
import { oncePer } from './once-per.ts';
import type { Denial, Wish } from './service.ts';
import { trimmed } from './trimmed.ts';

/** Who claims what, and by which right: the lower number first (`Job.CreateIndex`), then the key. */
export interface Claims {
  /** Nearly always one, so that a list is smaller than a map, and as fast. */
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

/** Replaces a service's claims and returns the other services that may have won or lost something by it. */
export function setClaims(claims: Claims, key: ServiceKey, wanted: readonly string[], right: number): Set<ServiceKey> {
  const touched = new Set<ServiceKey>();
  const had = claims.byService.get(key);
  if (had?.wanted === wanted && had.right === right) return touched;
  for (const claim of had?.wanted ?? []) {
    const others = othersOf(claims, claim, key);
    if (others.length === 0) claims.byClaim.delete(claim);
    else claims.byClaim.set(claim, others);
    for (const other of others) touched.add(other);
  }
  for (const claim of wanted) {
    const others = othersOf(claims, claim, key);
    for (const other of others) touched.add(other);
    claims.byClaim.set(claim, others.concat(key));
  }
  if (wanted.length > 0) claims.byService.set(key, { wanted, right });
  else claims.byService.delete(key);
  return touched;
}

function othersOf(claims: Claims, claim: string, key: ServiceKey): readonly ServiceKey[] {
  return claims.byClaim.get(claim)?.filter((one) => one !== key) ?? [];
}

/** The claims of a service that another one holds. */
export function denialsOf(claims: Claims, key: ServiceKey): readonly Denial[] {
  let denials = none;
  for (const claim of claims.byService.get(key)?.wanted ?? []) {
    const holder = holderOf(claims, claim);
    if (holder !== undefined && holder !== key) denials = [...denials, { claim, holder }];
  }
  return denials;
}

const none: readonly Denial[] = [];

export function holderOf(claims: Claims, claim: string): ServiceKey | undefined {
  const claimants = claims.byClaim.get(claim);
  return claimants?.reduce((a, b) => (precedes(claims, b, a) ? b : a));
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
