import { quantile } from '../support/samples.ts';
import { claimNothing, type Claim } from './claims.ts';

const MiB = 2 ** 20;

/** How much more the system may have given a process in the last quarter of its life than in the quarter before. */
const mostGrowth = { share: 0.1, bytes: 8 * MiB };

/** Seconds of a life in which growth can be told from a heap that is still finding its size. */
const longLife = 240;
/** What a shorter one may have; some 100 MiB are in use, the rest is garbage that nobody needed to collect. */
const mostBytes = 512 * MiB;

/** What a process may hold that a fresh one does not, however long it lives: code compiled for speed, buffers, names. */
const mostLeft = { share: 0.1, bytes: 8 * MiB };

/**
 * What the system gives a process stays the same in the second half of a long life, by its median; in a short one it stays
 * within a limit. Samples are of one a second.
 */
export function claimMemory(samples: readonly number[]): Claim {
  return samples.length < longLife ? claimWithin(samples) : claimFlat(samples);
}

/**
 * What is alive on the heap after all that has happened is no more than in a process that has just started and knows the same
 * services: whatever else there is has been left by events.
 */
export function claimHeap(lived: number, fresh: number): Claim {
  const most = fresh + Math.max(fresh * mostLeft.share, mostLeft.bytes);
  return claimNothing(
    'events leave nothing on the heap',
    `${toMiB(lived)} MiB alive, ${toMiB(fresh)} MiB in a fresh process`,
    lived <= most ? [] : [`more than ${toMiB(most)} MiB`],
  );
}

function claimWithin(samples: readonly number[]): Claim {
  const limit = toMiB(mostBytes);
  if (samples.length === 0) return claimNothing('memory stays within its limit', '', ['nothing was measured']);
  const most = Math.max(...samples);
  const measured = `at most ${toMiB(most)} MiB in ${samples.length} s`;
  return claimNothing('memory stays within its limit', measured, most <= mostBytes ? [] : [`more than ${limit} MiB`]);
}

function claimFlat(samples: readonly number[]): Claim {
  const quarter = Math.floor(samples.length / 4);
  const third = quantile(samples.slice(-2 * quarter, -quarter), 0.5);
  const fourth = quantile(samples.slice(-quarter), 0.5);
  const most = Math.max(third * mostGrowth.share, mostGrowth.bytes);
  const measured = `${toMiB(third)} -> ${toMiB(fourth)} MiB in ${quarter} s`;
  return claimNothing(
    'memory is flat',
    measured,
    fourth - third <= most ? [] : [`grew by more than ${toMiB(most)} MiB`],
  );
}

function toMiB(bytes: number): string {
  return (bytes / MiB).toFixed(1);
}
