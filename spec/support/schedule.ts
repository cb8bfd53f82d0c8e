import { Subscription, type SchedulerAction, type SchedulerLike } from 'rxjs';

/** `schedule` of a clock that keeps its own list of what is due: `enqueue` notes work for a time, in whole ms. */
export function createSchedule(
  now: () => number,
  enqueue: (at: number, run: () => void) => Subscription,
): SchedulerLike['schedule'] {
  return function schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T): Subscription {
    let pending = Subscription.EMPTY;
    const action: SchedulerAction<T> = Object.assign(new Subscription(), {
      schedule(next?: T, after = 0): Subscription {
        pending.unsubscribe();
        pending = enqueue(now() + Math.max(0, Math.ceil(after)), () => {
          pending.unsubscribe();
          if (!action.closed) work.call(action, next);
        });
        return action;
      },
    });
    action.add(() => {
      pending.unsubscribe();
    });
    return action.schedule(state, delay);
  };
}
