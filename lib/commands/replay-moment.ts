import type { Catalog } from '../model/catalog.ts';
import type { ServiceKey } from '../model/events.ts';
import type { Notice } from '../model/notice.ts';
import { grantedRoutes } from '../model/plan-routes.ts';
import { endpoint, type Service } from '../model/service.ts';
import type { View } from '../model/view.ts';
import { describeNotice } from './describe.ts';
import { plural } from '../model/plural.ts';

/** Services that are shown at a time; `--service` shows one. */
const most = 20;

type Keys = ReadonlySet<ServiceKey> | undefined;

/** The services as they are folded, as lines. */
export function describeCatalog(catalog: Catalog | undefined, keys: Keys): readonly string[] {
  const services = [...(catalog?.services.values() ?? [])].filter(({ key }) => keys?.has(key) ?? true);
  return ['--- services', ...fewOf(services.map(describeService))];
}

function describeService(service: Service): readonly string[] {
  const { key, instances, wish, job } = service;
  const admitted = instances.filter((one) => one.admitted).length;
  const wants = wish === undefined ? 'not managed' : `${wish.kind} backend ${wish.backend}`;
  const routes = grantedRoutes(service).map((route) => `${route.map} ${route.key}`);
  const words = [wants, ...routes, ...(job === undefined ? [] : [`job ${job.id}`])];
  return [
    `${key}  ${admitted} of ${instances.length} admitted, ${words.join(', ')}`,
    ...instances.map(
      (one) => `  ${one.endpoint}${one.admitted ? '' : ' not admitted'}${one.managed ? '' : ' not ours'}`,
    ),
  ];
}

/** What has been done since the last moment, as lines. */
export function describePlan(notices: readonly Notice[]): readonly string[] {
  const done = notices.flatMap(describeNotice);
  return ['--- plan', ...(done.length === 0 ? ['nothing to do'] : done)];
}

/** What HAProxy has of these services, as lines. */
export function describeView(view: View, keys: Keys): readonly string[] {
  const backends = [...view.backends.values()].filter(({ mark, slots }) => {
    const services = [...(mark === undefined ? [] : [mark.service]), ...slots.map(({ service }) => service)];
    return services.some((service) => keys?.has(service) ?? true);
  });
  return [
    '--- HAProxy',
    ...fewOf(
      backends.map(({ name, slots }) => {
        const free = slots.filter(({ state }) => state === 'free').length;
        const rows = view.rowsOf.get(name) ?? [];
        return [
          `backend ${name}, ${plural(slots.length, 'slot')}, ${free} free`,
          ...slots
            .filter(({ state }) => state !== 'free')
            .map((slot) => `  ${slot.name} ${slot.state} ${endpoint(slot)} weight ${slot.weight}`),
          ...rows.map((route) => `  ${route.map} ${route.key} -> ${name}`),
        ];
      }),
    ),
  ];
}

function fewOf(groups: readonly (readonly string[])[]): readonly string[] {
  if (groups.length <= most) return groups.flat();
  return [...groups.slice(0, most).flat(), `and ${groups.length - most} more; --service shows one`];
}
