import { anyDomain, type AllowedDomains } from './allowed-domains.ts';
import { readInstance } from './instance.ts';
import { readWish } from './wish.ts';
import type { Name } from './by-name.ts';
import { claimsOf, createClaims, denialsOf, routeClaim, setClaims, type Claims } from './claims.ts';
import { serviceKey, splitKey, type Event, type Job, type Mark, type Registration, type ServiceKey } from './events.ts';
import { jobOfService } from './job-of-service.ts';
import { succeed } from './job-versions.ts';
import { leftOver } from './left-over.ts';
import { createLinks, hasJob, linkJob, relink, servicesOfJob, unlinkJob, type Links } from './links.ts';
import { isSameJob, isSameRegistration, looksSame } from './looks-same.ts';
import { grantedRoutes } from './plan-routes.ts';
import type { Instance, Service, ServiceChange } from './service.ts';

/**
 * All services, folded from events. One fold owns one catalog and changes it in place, so that an event costs as much as
 * its service is large, however many others there are; the services in it are values that never change.
 */
export interface Catalog {
  readonly prefix: string;
  readonly allowedDomains: AllowedDomains;
  readonly services: Map<ServiceKey, Service>;
  readonly links: Links;
  /** The newest version of every job with services, by `namespace/id`, whether or not it counts yet, with those that still may. */
  readonly jobs: Map<string, Job>;
  readonly claims: Claims;
  /** The instances, in any order, of the services that are to be folded anew. */
  readonly touched: Map<ServiceKey, Instance[]>;
  /** What is to be told beside what comes of `touched`. */
  untold: ServiceChange[];
  /** What no snapshot has been compared with yet, or what it is to leave as it is. */
  marks: readonly Mark[];
  /** The first complete snapshot is in: from here on changes may be told. */
  started: boolean;
}

export function createCatalog(prefix: string, allowedDomains: AllowedDomains = anyDomain): Catalog {
  return {
    prefix,
    allowedDomains,
    services: new Map(),
    links: createLinks(),
    jobs: new Map(),
    claims: createClaims(),
    touched: new Map(),
    untold: [],
    marks: [],
    started: false,
  };
}

/** Folds one event and returns what it changed: `noteEvent`, then `takeChanges`. */
export function foldEvent(catalog: Catalog, event: Event): readonly ServiceChange[] {
  noteEvent(catalog, event);
  return takeChanges(catalog);
}

/** Takes an event in. What it means for its service is found out by `takeChanges`, once for all events until then. */
export function noteEvent(catalog: Catalog, event: Event): void {
  switch (event.kind) {
    case 'marks-found':
      catalog.marks = event.marks;
      break;
    case 'snapshot-taken':
      tellLater(catalog, refoldTouched(catalog));
      tellLater(catalog, foldSnapshot(catalog, event, new Set(event.keep)));
      break;
    case 'losses-accepted':
      tellLater(catalog, refoldTouched(catalog));
      tellLater(catalog, foldLosses(catalog, event.services));
      break;
    case 'service-registered':
      register(catalog, event.registration);
      break;
    case 'service-deregistered':
      deregister(catalog, event);
      break;
    case 'job-registered':
      registerJob(catalog, event.job);
      break;
    case 'job-deregistered':
      catalog.jobs.delete(serviceKey(event.namespace, event.id));
      break;
    case 'instance-admitted':
      admit(catalog, event);
      break;
    case 'ghosts-seen':
    case 'snapshot-probed':
      break;
    default:
      event satisfies never;
  }
}

/** Not with `push`, which takes a hundred thousand arguments at most. */
function tellLater(catalog: Catalog, changes: readonly ServiceChange[]): void {
  catalog.untold = catalog.untold.concat(changes);
}

/**
 * Returns what the events since the last call have changed, in the order in which they touched it, heirs of a domain
 * before who gives it up. Nothing visible changed: nothing is returned. Before the first snapshot nothing is returned
 * either; that snapshot returns every service, and what marks say is there without one.
 */
export function takeChanges(catalog: Catalog): readonly ServiceChange[] {
  const changes = [...catalog.untold, ...refoldTouched(catalog)];
  catalog.untold = [];
  return changes;
}

function refoldTouched(catalog: Catalog): readonly ServiceChange[] {
  if (catalog.touched.size === 0) return [];
  const changes = [...catalog.touched].flatMap(([key, instances]) => refold(catalog, key, instances));
  catalog.touched.clear();
  return catalog.started ? changes : [];
}

/** The instances of a service, to be changed in place until it is folded anew. */
function touch(catalog: Catalog, key: ServiceKey): Instance[] {
  const known = catalog.touched.get(key);
  if (known !== undefined) return known;
  const instances = [...instancesOf(catalog, key)];
  catalog.touched.set(key, instances);
  return instances;
}

/** A job is told again with every allocation that comes or goes; mostly that is no news. */
function registerJob(catalog: Catalog, job: Job): void {
  const id = serviceKey(job.namespace, job.id);
  const known = catalog.jobs.get(id);
  const newest = succeed(known, job);
  if (known !== undefined && isSameJob(known, newest)) return;
  if (job.services.length > 0) catalog.jobs.set(id, newest);
  else catalog.jobs.delete(id);
  for (const key of servicesOfJob(catalog.links, id)) touch(catalog, key);
}

/** An id is in one service; under another name it leaves the one that it was in. */
function register(catalog: Catalog, registration: Registration): void {
  const key = serviceKey(registration.namespace, registration.service);
  const before = catalog.links.serviceOf.get(registration);
  if (before !== undefined && before !== key) deregister(catalog, registration);
  const current = catalog.touched.get(key) ?? instancesOf(catalog, key);
  if (current.some((one) => isSameRegistration(one.registration, registration))) return;
  const instances = touch(catalog, key);
  const at = instances.findIndex((one) => one.registration.id === registration.id);
  const known = instances[at];
  if (!hasJob(instances, registration)) linkJob(catalog.links, key, registration);
  const instance = carryOver(catalog, known, registration, instances);
  if (known === undefined) {
    instances.push(instance);
    catalog.links.serviceOf.set(registration, key);
  } else {
    instances[at] = instance;
    unlinkJob(catalog.links, key, known.registration, instances);
  }
}

function deregister(catalog: Catalog, name: Name): void {
  const key = catalog.links.serviceOf.get(name);
  if (key === undefined) return;
  catalog.links.serviceOf.delete(name);
  const instances = touch(catalog, key);
  const at = instances.findIndex((one) => one.registration.id === name.id);
  const [gone] = at < 0 ? [] : instances.splice(at, 1);
  if (gone !== undefined) unlinkJob(catalog.links, key, gone.registration, instances);
}

function instancesOf(catalog: Catalog, key: ServiceKey): readonly Instance[] {
  return catalog.services.get(key)?.instances ?? [];
}

function foldSnapshot(
  catalog: Catalog,
  { registrations, jobs, gone = [] }: Extract<Event, { kind: 'snapshot-taken' }>,
  keep: ReadonlySet<ServiceKey>,
): readonly ServiceChange[] {
  const found = Map.groupBy(registrations, (one) => serviceKey(one.namespace, one.service));
  const had = new Map(catalog.services);
  for (const job of jobs) {
    const id = serviceKey(job.namespace, job.id);
    catalog.jobs.set(id, succeed(catalog.jobs.get(id), job));
  }
  for (const job of gone) forgetJob(catalog, serviceKey(job.namespace, job.id));
  const touched = new Set<ServiceKey>();
  for (const key of new Set([...had.keys(), ...found.keys()])) {
    if (keep.has(key)) continue;
    const siblings = [...instancesOf(catalog, key)];
    const known = new Map(siblings.map((one) => [one.registration.id, one]));
    const instances = (found.get(key) ?? []).map((one) => {
      const instance = carryOver(catalog, known.get(one.id), one, siblings);
      siblings.push(instance);
      return instance;
    });
    relink(catalog.links, key, instancesOf(catalog, key), instances);
    for (const change of refold(catalog, key, instances)) touched.add(change.key);
  }
  const left = takeMarks(catalog, ({ service }) => !keep.has(service));
  const isFirst = !catalog.started;
  catalog.started = true;
  /** The first snapshot tells of every service. */
  const changes = [...new Set([...(isFirst ? catalog.services.keys() : touched), ...left.keys()])].flatMap((key) => {
    const after = catalog.services.get(key);
    return isFirst || left.has(key) ? toChange(key, left.get(key), after) : compare(key, had.get(key), after);
  });
  return changes.map((change) => ({ ...change, snapshot: true }));
}

/** Nor does a service go by a job that Nomad has never had. */
function forgetJob(catalog: Catalog, id: string): void {
  catalog.jobs.delete(id);
  for (const key of servicesOfJob(catalog.links, id)) {
    const service = catalog.services.get(key);
    if (service?.job === undefined || serviceKey(service.namespace, service.job.id) !== id) continue;
    const { namespace, name, instances, wish, denials, problems } = service;
    catalog.services.set(key, { key, namespace, name, instances, ...(wish && { wish }), denials, problems });
  }
}

function foldLosses(catalog: Catalog, services: readonly ServiceKey[]): readonly ServiceChange[] {
  const gone = services.flatMap((key) => {
    relink(catalog.links, key, instancesOf(catalog, key), []);
    return refold(catalog, key, []);
  });
  const named = new Set(services);
  const left = takeMarks(catalog, ({ service }) => named.has(service));
  const changes = [...gone, ...[...left].map(([key, service]) => toChange(key, service, catalog.services.get(key)))];
  return catalog.started ? changes : [];
}

/** Takes marks out of the catalog, as the services that they were made for. */
function takeMarks(catalog: Catalog, isTaken: (mark: Mark) => boolean): ReadonlyMap<ServiceKey, Service> {
  const taken = catalog.marks.filter(isTaken);
  catalog.marks = catalog.marks.filter((mark) => !isTaken(mark));
  return leftOver(taken, catalog.claims);
}

/** A registration stays admitted while it is the same instance at the same place. */
function carryOver(
  catalog: Catalog,
  known: Instance | undefined,
  registration: Registration,
  siblings: readonly Instance[],
): Instance {
  const admitted =
    known?.admitted === true &&
    known.registration.address === registration.address &&
    known.registration.port === registration.port;
  return readInstance(registration, admitted, catalog.prefix, siblings);
}

function admit(catalog: Catalog, event: Extract<Event, { kind: 'instance-admitted' }>): void {
  const { id, address, port } = event;
  const key = catalog.links.serviceOf.get(event);
  if (key === undefined) return;
  const instances = touch(catalog, key);
  const at = instances.findIndex((one) => one.registration.id === id);
  const instance = instances[at];
  if (instance?.registration.address === address && instance.registration.port === port) {
    instances[at] = { ...instance, admitted: true };
  }
}

/**
 * Folds a service anew from its instances, a list that is its own from here on; returns its change and those of services that
 * won or lost a claim by it.
 */
function refold(catalog: Catalog, key: ServiceKey, unsorted: Instance[]): readonly ServiceChange[] {
  const before = catalog.services.get(key);
  const instances = unsorted.sort(oldestFirst);

  const job = jobOfService(catalog.jobs, before?.job, instances);
  const { namespace, name } = before ?? splitKey(key);
  const newest = job && catalog.jobs.get(serviceKey(job.namespace, job.id));
  const { wish, problems } = readWish(namespace, name, instances, job, catalog.allowedDomains, newest);
  const right = job?.createIndex ?? instances[0]?.registration.createIndex ?? 0;
  const touched = setClaims(catalog.claims, key, claimsOf(wish), right);
  touched.delete(key);

  const after: Service | undefined =
    instances.length === 0
      ? undefined
      : {
          key,
          namespace,
          name,
          instances,
          ...(job && { job }),
          ...(wish && { wish }),
          denials: denialsOf(catalog.claims, key),
          problems,
        };
  const own = replace(catalog, key, before, after);
  const others = [...touched].flatMap((other) => reclaim(catalog, other));
  return others.length === 0 ? own : heirsFirst([...own, ...others]);
}

/** Who gets a domain is told before who gives it up: should they be acted on one by one, the row is never missing. */
function heirsFirst(changes: readonly ServiceChange[]): readonly ServiceChange[] {
  const heirs = new Set(changes.filter(isHeir));
  return heirs.size === 0 ? changes : [...heirs, ...changes.filter((change) => !heirs.has(change))];
}

function isHeir({ before, after }: ServiceChange): boolean {
  const granted = grantedRoutes(after);
  if (granted.length === 0) return false;
  const had = new Set(grantedRoutes(before).map(routeClaim));
  return granted.some((route) => !had.has(routeClaim(route)));
}

function reclaim(catalog: Catalog, key: ServiceKey): readonly ServiceChange[] {
  const before = catalog.services.get(key);
  return before === undefined
    ? []
    : replace(catalog, key, before, { ...before, denials: denialsOf(catalog.claims, key) });
}

function replace(
  catalog: Catalog,
  key: ServiceKey,
  before: Service | undefined,
  after: Service | undefined,
): readonly ServiceChange[] {
  if (after === undefined) catalog.services.delete(key);
  else catalog.services.set(key, after);
  return compare(key, before, after);
}

/** The change from one state of a service to another; none where nobody would see a difference. */
function compare(key: ServiceKey, before: Service | undefined, after: Service | undefined): readonly ServiceChange[] {
  const isSame = before === after || (before !== undefined && after !== undefined && looksSame(before, after));
  return isSame ? [] : [toChange(key, before, after)];
}

function toChange(key: ServiceKey, before: Service | undefined, after: Service | undefined): ServiceChange {
  return { key, ...(before && { before }), ...(after && { after }) };
}

function oldestFirst(a: Instance, b: Instance): number {
  const byIndex = a.registration.createIndex - b.registration.createIndex;
  return byIndex !== 0 ? byIndex : a.registration.id < b.registration.id ? -1 : 1;
}
