import { checkFor } from '../../model/check.ts';
import type { Catalog } from '../../model/catalog.ts';
import { backendClaim, claimantsOf, routeClaim } from '../../model/claims.ts';
import { explainTags, type TagsExplained } from '../../model/explain-tags.ts';
import type { RouteMap, ServiceKey } from '../../model/events.ts';
import type { Problem } from '../../model/problem.ts';
import type { Check, Denial, Instance, Service, Wish } from '../../model/service.ts';

/** What Nomad's half says of a service. */
export interface ServiceExplained {
  readonly service: ServiceKey;
  /** HAProxy has, or is to have, something of it. */
  readonly managed: boolean;
  /** One for each list of tags that instances have. */
  readonly tags: readonly (TagsExplained & { readonly allocations: readonly string[] })[];
  /** What the service wants after all: its tags, its job and the defaults. */
  readonly wish?: Wish;
  /** For the job's owner. */
  readonly problems: readonly Problem[];
  readonly instances: readonly InstanceExplained[];
  /** Its domains, and the name of its backend. */
  readonly claims: readonly ClaimExplained[];
}

export interface InstanceExplained {
  readonly allocation: string;
  readonly node: string;
  readonly endpoint: string;
  readonly weight: number;
  /** Gets requests, once it answers its probe. */
  readonly managed: boolean;
  readonly check: Check;
  readonly checkFrom: 'tags' | 'job' | 'default';
}

export interface ClaimExplained {
  readonly what: { readonly map: RouteMap; readonly key: string } | { readonly backend: string };
  readonly holder: ServiceKey;
  /** Why it is that one. */
  readonly why: string;
  /** Everybody who claims it, the holder first, with the index since when. */
  readonly claimants: readonly { readonly service: ServiceKey; readonly since: number }[];
}

export function explainService(catalog: Catalog, service: Service): ServiceExplained {
  const { key, instances, wish, denials, problems } = service;
  const lists = Map.groupBy(instances, ({ registration }) => JSON.stringify(registration.tags));
  return {
    service: key,
    managed: wish !== undefined,
    tags: [...lists.values()].flatMap(([first, ...others]) => {
      if (first === undefined) return [];
      const allocations = [first, ...others].map(({ registration }) => registration.alloc);
      return { allocations, ...explainTags(first.registration.tags, catalog.prefix, denials) };
    }),
    ...(wish && { wish }),
    problems: [...problems, ...denials.map(sayDenial)],
    instances: instances.map((instance) => explainInstance(instance, service)),
    claims: wish === undefined ? [] : explainClaims(catalog, wish),
  };
}

function sayDenial({ claim, holder }: Denial): Problem {
  return { subject: claim, text: `is held by ${holder}` };
}

function explainInstance({ registration, endpoint, weight, managed, settings }: Instance, { job }: Service) {
  const { check, source } = checkFor(settings, registration, job);
  const { alloc: allocation, node } = registration;
  return { allocation, node, endpoint, weight, managed, check, checkFrom: source };
}

function explainClaims({ claims }: Catalog, { kind, backend, routes }: Wish): readonly ClaimExplained[] {
  const whats = [
    ...routes.map((route) => ({ what: route, claim: routeClaim(route) })),
    ...(kind === 'dynamic' ? [{ what: { backend }, claim: backendClaim(backend) }] : []),
  ];
  return whats.flatMap(({ what, claim }) => {
    const claimants = claimantsOf(claims, claim).map(({ key, right }) => ({ service: key, since: right }));
    const [holder, next] = claimants;
    return holder === undefined ? [] : { what, holder: holder.service, why: sayWhy(holder, next), claimants };
  });
}

interface Claimant {
  readonly service: ServiceKey;
  readonly since: number;
}

function sayWhy(holder: Claimant, next: Claimant | undefined): string {
  if (next === undefined) return 'nobody else claims it';
  return holder.since < next.since
    ? `its job was there first, since index ${holder.since}; that of ${next.service} since ${next.since}`
    : `its job is as old as that of ${next.service}, and its name comes first`;
}
