import { checkFor } from '../../model/check.ts';
import type { Catalog } from '../../model/catalog.ts';
import { backendClaim, claimantsOf, routeClaim } from '../../model/claims.ts';
import { explainTags, type TagsExplained } from '../../model/explain-tags.ts';
import { serviceKey, type Job, type RouteMap, type ServiceKey } from '../../model/events.ts';
import { versionFor } from '../../model/job-versions.ts';
import type { Problem } from '../../model/problem.ts';
import { problemsOf, type Check, type Instance, type Service, type Wish } from '../../model/service.ts';

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
  /** The newest version of its job, where an older one still counts: its checks are not used yet. */
  readonly pending?: PendingVersion;
  /** Its domains, and the name of its backend. */
  readonly claims: readonly ClaimExplained[];
}

export interface PendingVersion {
  /** `JobModifyIndex` of the newest version, and of the one that counts. */
  readonly newest: number;
  readonly counts: number;
  /** Of the instances that may serve, so many are of the newest. */
  readonly instances: number;
  readonly of: number;
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
  const { key, instances, wish, denials } = service;
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
    problems: problemsOf(service),
    instances: instances.map((instance) => explainInstance(instance, newestJob(catalog, service))),
    ...pendingOf(catalog, service),
    claims: wish === undefined ? [] : explainClaims(catalog, wish),
  };
}

function newestJob({ jobs }: Catalog, { namespace, job }: Service): Job | undefined {
  return job && (jobs.get(serviceKey(namespace, job.id)) ?? job);
}

function explainInstance({ registration, endpoint, weight, managed, settings }: Instance, job: Job | undefined) {
  const { check, source } = checkFor(settings, registration, job && versionFor(job, registration));
  const { alloc: allocation, node } = registration;
  return { allocation, node, endpoint, weight, managed, check, checkFrom: source };
}

function pendingOf(catalog: Catalog, service: Service): { readonly pending?: PendingVersion } {
  const newest = newestJob(catalog, service);
  const counts = service.job?.modifyIndex;
  if (newest === undefined || counts === undefined || newest.modifyIndex === counts) return {};
  const served = service.instances.filter(({ managed }) => managed);
  const fresh = served.filter(({ registration }) => registration.createIndex > newest.modifyIndex);
  return { pending: { newest: newest.modifyIndex, counts, instances: fresh.length, of: served.length } };
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
