import { serviceKey, type Job } from './events.ts';
import { servingVersion } from './job-versions.ts';
import type { Instance } from './service.ts';

/**
 * The version of a job that a service goes by, of all jobs by `namespace/id`. `current`: the one that it went by, which
 * stays where its job is not known any more. `instances`: oldest first.
 */
export function jobOfService(
  jobs: ReadonlyMap<string, Job>,
  current: Job | undefined,
  instances: readonly Instance[],
): Job | undefined {
  const serving = instances.filter((one) => one.managed && one.admitted);
  const owner = ownerOf(current, serving, instances);
  const job = owner === undefined ? undefined : jobs.get(owner);
  if (job?.earlier === undefined) return job ?? current;
  return servingVersion(
    job,
    serving.map(({ registration }) => registration),
  );
}

/**
 * The job that the service is of, should several register it: the same as before while at least half of what serves is
 * its, or another could take check, size and rights by what never comes to serve.
 */
function ownerOf(
  current: Job | undefined,
  serving: readonly Instance[],
  instances: readonly Instance[],
): string | undefined {
  const newest = (serving.at(-1) ?? instances.findLast((one) => one.managed) ?? instances.at(-1))?.registration;
  if (newest === undefined) return undefined;
  const loyal = serving.filter(({ registration }) => registration.job === current?.id);
  const isKept = current !== undefined && serving.length > 0 && loyal.length * 2 >= serving.length;
  return serviceKey(newest.namespace, isKept ? current.id : newest.job);
}
