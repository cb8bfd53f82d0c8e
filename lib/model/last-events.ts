import type { Catalog } from './catalog.ts';
import { serviceKey, type Event, type ServiceKey } from './events.ts';
import { endpoint } from './service.ts';
import { isEnabled } from './tags.ts';

/** What was said of one instance of a service. `at`: ms since 1970. */
export interface EventStatus {
  readonly at: number;
  /** `admitted`: it answered its probe, or was waited for long enough. */
  readonly what: 'registered' | 'deregistered' | 'admitted';
  readonly alloc: string;
  readonly place: string;
}

/** By service, the newest first. */
export type LastEvents = Map<ServiceKey, readonly EventStatus[]>;

export const keptEvents = 8;

/**
 * Takes an event in that the catalog has not taken yet, and returns the managed service that it is about; undefined: it is
 * about none, or about all, as a snapshot is. Of each service the last `keptEvents` are kept.
 */
export function foldLastEvents(last: LastEvents, event: Event, catalog: Catalog, now: number): ServiceKey | undefined {
  const told = tellOf(event, catalog);
  if (told === undefined) return undefined;
  const { key, ...said } = told;
  last.set(key, [{ at: now, ...said }, ...(last.get(key) ?? [])].slice(0, keptEvents));
  return key;
}

function tellOf(event: Event, catalog: Catalog): ({ readonly key: ServiceKey } & Omit<EventStatus, 'at'>) | undefined {
  switch (event.kind) {
    case 'service-registered': {
      const { registration } = event;
      if (!isEnabled(registration.tags, catalog.prefix)) return undefined;
      const key = serviceKey(registration.namespace, registration.service);
      return { key, what: 'registered', alloc: registration.alloc, place: endpoint(registration) };
    }
    case 'service-deregistered':
    case 'instance-admitted': {
      const key = catalog.links.serviceOf.get(event);
      if (key === undefined) return undefined;
      const instances = catalog.touched.get(key) ?? catalog.services.get(key)?.instances;
      const instance = instances?.find(({ registration: { id } }) => id === event.id);
      if (instance?.managed !== true) return undefined;
      const what = event.kind === 'instance-admitted' ? 'admitted' : 'deregistered';
      return { key, what, alloc: instance.registration.alloc, place: instance.endpoint };
    }
    case 'snapshot-taken':
    case 'losses-accepted':
    case 'job-registered':
    case 'job-deregistered':
    case 'marks-found':
    case 'ghosts-seen':
    case 'snapshot-probed':
      return undefined;
    default:
      return event satisfies never;
  }
}
