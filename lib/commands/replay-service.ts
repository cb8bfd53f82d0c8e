import { parseConfig, renderConfig } from '../haproxy/config-text.ts';
import {
  serviceKey,
  splitKey,
  type Event,
  type Registration,
  type RouteMap,
  type ServiceKey,
} from '../model/events.ts';
import type { Exchange } from '../model/exchange.ts';
import type { Notice } from '../model/notice.ts';
import type { View } from '../model/view.ts';
import type { RecordedLine } from '../nomad/recording.ts';
import type { Outcome } from './replay-output.ts';

/** What of a replay concerns some services; undefined: nothing of it does. */
export interface Concern {
  readonly keys: ReadonlySet<ServiceKey>;
  readonly event: (event: Event) => Event | undefined;
  readonly notice: (notice: Notice) => Notice | undefined;
  /** `view`: HAProxy's at that time. */
  readonly exchange: (exchange: Exchange, view: View) => Exchange | undefined;
  readonly outcome: (outcome: Outcome, view: View) => Outcome;
}

/**
 * What concerns the services of a recording with this `namespace/name`, or with this name in any namespace; undefined when
 * it has none.
 */
export function concernOf(service: string, lines: readonly RecordedLine[]): Concern | undefined {
  const registrations = lines.flatMap(registrationsIn);
  const all = [...registrations.map(keyOf), ...lines.flatMap(otherKeysIn)];
  const keys = new Set(all.filter((key) => key === service || splitKey(key).name === service));
  if (keys.size === 0) return undefined;
  const own = registrations.filter((one) => keys.has(keyOf(one)));
  const ids = new Set(own.map(({ namespace, id }) => `${namespace}/${id}`));
  const jobs = new Set(own.map(({ namespace, job }) => `${namespace}/${job}`));
  const isOwn = (one: Registration) => keys.has(keyOf(one));
  const ownOf = (services: readonly ServiceKey[]) => services.filter((key) => keys.has(key));

  function event(given: Event): Event | undefined {
    switch (given.kind) {
      case 'marks-found': {
        const marks = given.marks.filter((mark) => keys.has(mark.service));
        return marks.length === 0 ? undefined : { ...given, marks };
      }
      case 'snapshot-taken':
        return {
          ...given,
          registrations: given.registrations.filter(isOwn),
          jobs: given.jobs.filter(({ namespace, id }) => jobs.has(`${namespace}/${id}`)),
        };
      case 'losses-accepted': {
        const services = ownOf(given.services);
        return services.length === 0 ? undefined : { ...given, services };
      }
      case 'ghosts-seen': {
        const ghosts = given.ghosts.filter(({ namespace, service: name }) => keys.has(serviceKey(namespace, name)));
        return ghosts.length === 0 ? undefined : { ...given, ghosts };
      }
      case 'service-registered':
        return isOwn(given.registration) ? given : undefined;
      case 'service-deregistered':
        return keys.has(serviceKey(given.namespace, given.service)) ? given : undefined;
      case 'job-registered':
        return jobs.has(`${given.job.namespace}/${given.job.id}`) ? given : undefined;
      case 'job-deregistered':
        return jobs.has(`${given.namespace}/${given.id}`) ? given : undefined;
      case 'instance-admitted':
        return ids.has(`${given.namespace}/${given.id}`) ? given : undefined;
      case 'snapshot-probed':
        return undefined;
      default:
        return given satisfies never;
    }
  }

  function notice(given: Notice): Notice | undefined {
    switch (given.kind) {
      case 'applied': {
        const steps = given.steps.filter((step) => keys.has(step.service));
        return steps.length === 0 ? undefined : { ...given, steps };
      }
      case 'losses-held':
      case 'losses-released': {
        const services = ownOf(given.services);
        return services.length === 0 ? undefined : { ...given, services };
      }
      case 'ghosts-ignored': {
        const ghosts = given.ghosts.filter((one) => keys.has(serviceKey(one.namespace, one.service)));
        return ghosts.length === 0 ? undefined : { ...given, ghosts };
      }
      default:
        return 'service' in given && keys.has(given.service) ? given : undefined;
    }
  }

  const backendsIn = (view: View) => new Set([...keys].flatMap((key) => view.backendsOf.get(key) ?? []));

  return {
    keys,
    event,
    notice,
    exchange: (given, view) => {
      const text = `${given.path}\n${given.sent ?? ''}\n${given.got ?? ''}`;
      const names = [
        ...[...keys].map((key) => `"${key}"`),
        ...[...backendsIn(view)].map((name) => `/backends/${name}/`),
      ];
      return names.some((name) => text.includes(name)) ? given : undefined;
    },
    outcome: ({ text, maps, ...counts }, view) => {
      const backends = backendsIn(view);
      const sections = parseConfig(text).filter(({ kind, name }) => kind === 'backend' && backends.has(name));
      const rows = (map: RouteMap) => new Map([...maps[map]].filter(([, backend]) => backends.has(backend)));
      return {
        ...counts,
        text: renderConfig(sections),
        maps: { exact: rows('exact'), prefix: rows('prefix'), regex: rows('regex') },
      };
    },
  };
}

function keyOf({ namespace, service }: Registration): ServiceKey {
  return serviceKey(namespace, service);
}

function registrationsIn({ what }: RecordedLine): readonly Registration[] {
  if (what.kind === 'snapshot-taken') return what.registrations;
  if (what.kind !== 'told' && what.kind !== 'events') return [];
  return what.events.flatMap((event) => (event.kind === 'service-registered' ? [event.registration] : []));
}

/** Of services whose instances the recording does not show. */
function otherKeysIn({ what }: RecordedLine): readonly ServiceKey[] {
  if (what.kind === 'losses-accepted') return what.services;
  if (what.kind !== 'told' && what.kind !== 'events') return [];
  return what.events.flatMap((event) =>
    event.kind === 'service-deregistered' ? [serviceKey(event.namespace, event.service)] : [],
  );
}
