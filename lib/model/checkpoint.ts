import type { Catalog } from './catalog.ts';
import { serviceKey, type Event, type Job, type ServiceKey } from './events.ts';

/**
 * Events that bring an empty catalog to where this one is, at Nomad's `index`; none before its first snapshot. `held`: the
 * services that the guard keeps although the last snapshot misses them. What an earlier run left in HAProxy is not in it.
 *
 * A service keeps a version of a job that is gone, and is shown it first. Where services keep several, the oldest counts.
 */
export function checkpointOf(catalog: Catalog, index: number, held: readonly ServiceKey[]): readonly Event[] {
  if (!catalog.started) return [];
  const services = new Map([...catalog.services].map(([key, { instances }]) => [key, instances]));
  for (const [key, instances] of catalog.touched) services.set(key, [...instances]);
  const instances = [...services.values()].flat();
  const registrations = instances.map(({ registration }) => registration);
  const gone = jobsOnlyInUse(catalog);
  const keep = held.filter((key) => services.has(key));
  const kept = new Set(keep);

  return [
    { kind: 'snapshot-taken', index, registrations, jobs: [...catalog.jobs.values(), ...gone], keep: [] },
    ...instances.flatMap(({ admitted, registration: { namespace, id, address, port } }) =>
      admitted ? [{ kind: 'instance-admitted' as const, namespace, id, address, port }] : [],
    ),
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

function jobsOnlyInUse(catalog: Catalog): readonly Job[] {
  const gone = new Map<string, Job>();
  for (const { job } of catalog.services.values()) {
    if (job === undefined) continue;
    const id = serviceKey(job.namespace, job.id);
    if (catalog.jobs.has(id)) continue;
    const known = gone.get(id);
    if (known === undefined || job.modifyIndex < known.modifyIndex) gone.set(id, job);
  }
  return [...gone.values()];
}
