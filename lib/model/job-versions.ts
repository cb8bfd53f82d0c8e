import type { Job, Registration } from './events.ts';

/** Of earlier versions; Nomad keeps six in all, and the newest stable one beside them. */
const maxEarlier = 5;

/**
 * The version of a job that is newer than, or the same as, the one that is known, with those that it replaced. What they
 * are is known from before where `job` does not say it.
 */
export function succeed(known: Job | undefined, job: Job): Job {
  const { earlier, ...alone } = job;
  if (job.stable) return earlier === undefined ? job : alone;
  if (earlier !== undefined || known === undefined) return job;
  const replaced = replacedBy(job, known);
  return replaced.length === 0 ? job : { ...job, earlier: replaced };
}

/** A job that was purged, or restored from a backup, follows on nothing. */
function replacedBy(job: Job, known: Job): readonly Job[] {
  const { earlier = [], ...version } = known;
  if (known.createIndex !== job.createIndex || known.modifyIndex > job.modifyIndex) return [];
  if (known.modifyIndex === job.modifyIndex) return earlier;
  const all = version.stable ? [version] : [version, ...earlier];
  return all.length <= maxEarlier ? all : [...all.slice(0, maxEarlier - 1), ...all.slice(-1)];
}

/** The newest of the versions of a job, in any order, with those before it. */
export function newestOf(versions: readonly Job[]): Job | undefined {
  const byAge = versions.toSorted((a, b) => a.modifyIndex - b.modifyIndex);
  return byAge.reduce<Job | undefined>(succeed, undefined);
}

/** Each version by itself, oldest first. */
export function versionsOf({ earlier = [], ...newest }: Job): readonly Job[] {
  return [...earlier.toReversed(), newest];
}

/** The version that an instance was made by. One that was updated in place goes by the version before, until that is stable. */
export function versionFor(job: Job, { createIndex }: Registration): Job {
  return choose(job, ({ modifyIndex }) => createIndex > modifyIndex);
}

/** A version counts once most of what serves is newer than it, or its deployment has succeeded; where nothing serves the newest. */
export function servingVersion(job: Job, serving: readonly Registration[]): Job {
  if (serving.length === 0) return job;
  return choose(job, ({ modifyIndex }) => {
    const newer = serving.filter(({ createIndex }) => createIndex > modifyIndex);
    return newer.length * 2 > serving.length;
  });
}

/** The newest version that counts, and the oldest where none does. */
function choose(job: Job, counts: (version: Job) => boolean): Job {
  if (job.earlier === undefined) return job;
  const versions = [job, ...job.earlier];
  return versions.find((one) => one.stable || counts(one)) ?? versions.at(-1) ?? job;
}
