import { Subscription, type SchedulerLike } from 'rxjs';
import { createSchedule } from '../../spec/support/schedule.ts';

export interface SteppedTime extends SchedulerLike {
  /** Lets so many ms go by, and does what is due in them, in the order of time. */
  readonly advance: (ms: number) => void;
}

/**
 * A clock that moves only when it is told to. Unlike rxjs's virtual time it forgets at once what was cancelled: timers
 * that are set and cancelled with every event cost as little here as real ones do.
 */
export function createSteppedTime(): SteppedTime {
  /** What is to be done, by the ms it is due at. */
  const due = new Map<number, Set<() => void>>();
  let now = 0;

  function enqueue(at: number, run: () => void): Subscription {
    const runs = due.get(at) ?? new Set();
    due.set(at, runs.add(run));
    return new Subscription(() => {
      runs.delete(run);
      if (runs.size === 0) due.delete(at);
    });
  }

  return {
    now: () => now,
    schedule: createSchedule(() => now, enqueue),
    advance: (ms) => {
      for (const end = now + ms; now < end; now += 1) {
        for (let runs = due.get(now); runs !== undefined; runs = due.get(now)) for (const run of runs) run();
      }
    },
  };
}
