import type { Catalog } from './catalog.ts';
import { serviceKey, type Event, type Job, type ServiceKey } from './events.ts';

/**
 * Events that bring an empty catalog to where this one is, at Nomad's `index`; none before its first snapshot. `held`: the
 * services that the guard keeps although the last snapshot misses them. What an earlier run left in HAProxy is not in it.
 *
 * A service that serves by an older version of its job than Nomad has is shown that one first, because which version
 * counts depends on the one that counted before. Of services of one job that go by different versions the oldest counts.
 */
export function checkpointOf(catalog: Catalog, index: number, held: readonly ServiceKey[]): readonly Event[] {
  if (!catalog.started) return [];
  const services = new Map([...catalog.services].map(([key, { instances }]) => [key, instances]));
  for (const [key, instances] of catalog.touched) services.set(key, [...instances]);
  const instances = [...services.values()].flat();
  const registrations = instances.map(({ registration }) => registration);
  const used = jobsInUse(catalog);
  const newer = [...catalog.jobs].flatMap(([id, job]) => (used.has(id) && used.get(id) !== job ? [job] : []));
  const gone = [...used].flatMap(([id, job]) => (catalog.jobs.has(id) ? [] : [job]));
  const keep = held.filter((key) => services.has(key));
  const kept = new Set(keep);

  return [
    { kind: 'snapshot-taken', index, registrations, jobs: [...new Map([...catalog.jobs, ...used]).values()], keep: [] },
    ...instances.flatMap(({ admitted, registration: { namespace, id, address, port } }) =>
      admitted ? [{ kind: 'instance-admitted' as const, namespace, id, address, port }] : [],
    ),
    ...newer.map((job) => ({ kind: 'job-registered' as const, index, job })),
    ...gone.map(({ namespace, id }) => ({ kind: 'job-deregistered' as const, index, namespace, id })),
    ...(keep.length === 0
      ? []
      : [
          {
            kind: 'snapshot-taken' as const,
            index,
            registrations: registrations.filter((one) => !kept.has(serviceKey(one.namespace, one.service))),
            jobs: [],
            keep,
          },
        ]),
    { kind: 'snapshot-probed' },
  ];
}

function jobsInUse(catalog: Catalog): ReadonlyMap<string, Job> {
  const used = new Map<string, Job>();
  for (const { job } of catalog.services.values()) {
    if (job === undefined) continue;
    const id = serviceKey(job.namespace, job.id);
    const known = used.get(id);
    if (known === undefined || job.modifyIndex < known.modifyIndex) used.set(id, job);
  }
  return used;
}
