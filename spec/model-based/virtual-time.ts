import { Subscription, type SchedulerLike } from 'rxjs';
import { createAgenda } from '../../lib/model/agenda.ts';
import { createSchedule } from '../support/schedule.ts';

export interface VirtualTime extends SchedulerLike {
  /** Lets so many ms go by, and does what is due until then, in the order of time. Throws when time does not go on. */
  readonly advance: (ms: number) => void;
}

interface Task {
  readonly run: () => void;
  cancelled: boolean;
}

/** More than this within one ms is work that keeps itself busy. */
const maxTasksPerMs = 20_000;

/**
 * A clock that leaps from one thing to do to the next, and so passes an hour in which little happens as quickly as a
 * second. What was cancelled is forgotten at once.
 */
export function createVirtualTime(): VirtualTime {
  const agenda = createAgenda<Task>();
  let now = 0;

  function enqueue(at: number, run: () => void): Subscription {
    const task: Task = { run, cancelled: false };
    agenda.set(task, at);
    return new Subscription(() => {
      task.cancelled = true;
      agenda.delete(task);
    });
  }

  function runDue(): number {
    const tasks = agenda.take(now);
    for (const task of tasks) if (!task.cancelled) task.run();
    return tasks.length;
  }

  return {
    now: () => now,
    schedule: createSchedule(() => now, enqueue),
    advance: (ms) => {
      const end = now + ms;
      let tasks = 0;
      for (let next = agenda.next(); next <= end; next = agenda.next()) {
        tasks = next > now ? 0 : tasks;
        now = Math.max(now, next);
        tasks += runDue();
        if (tasks > maxTasksPerMs) throw new Error(`time stands still at ${now} ms`);
      }
      now = end;
    },
  };
}
