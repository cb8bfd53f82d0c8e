import { createByName, type ByName } from './by-name.ts';
import { serviceKey, type Registration, type ServiceKey } from './events.ts';
import type { Instance } from './service.ts';

/** The ways to a service: from each of its registrations, and from each job that it has instances of. */
export interface Links {
  readonly serviceOf: ByName<ServiceKey>;
  /** By `namespace/id` of the job. Nearly always one, so that a list is smaller than a set, and as fast. */
  readonly servicesOfJob: Map<string, readonly ServiceKey[]>;
}

export function createLinks(): Links {
  return { serviceOf: createByName(), servicesOfJob: new Map() };
}

/** `id`: `namespace/id` of a job. */
export function servicesOfJob(links: Links, id: string): readonly ServiceKey[] {
  return links.servicesOfJob.get(id) ?? [];
}

export function linkJob(links: Links, key: ServiceKey, { namespace, job }: Registration): void {
  const id = serviceKey(namespace, job);
  const services = servicesOfJob(links, id);
  if (!services.includes(key)) links.servicesOfJob.set(id, services.concat(key));
}

/** The job's way to the service ends with the last of its instances. */
export function unlinkJob(links: Links, key: ServiceKey, gone: Registration, left: readonly Instance[]): void {
  if (hasJob(left, gone)) return;
  const id = serviceKey(gone.namespace, gone.job);
  const services = servicesOfJob(links, id).filter((one) => one !== key);
  if (services.length > 0) links.servicesOfJob.set(id, services);
  else links.servicesOfJob.delete(id);
}

export function hasJob(instances: readonly Instance[], { job }: Registration): boolean {
  return instances.some((one) => one.registration.job === job);
}

/** The service has other instances now. */
export function relink(links: Links, key: ServiceKey, had: readonly Instance[], has: readonly Instance[]): void {
  for (const { registration } of had) {
    links.serviceOf.delete(registration);
    unlinkJob(links, key, registration, []);
  }
  for (const { registration } of has) {
    links.serviceOf.set(registration, key);
    linkJob(links, key, registration);
  }
}
