import { concat, EMPTY, from, map, mergeMap, type Observable } from 'rxjs';
import type { Applied, HaproxyEnd } from '../lib/haproxy/end.ts';
import type { Notice, Outcome } from '../lib/model/notice.ts';
import type { ServiceChange } from '../lib/model/service.ts';
import type { Step } from '../lib/model/step.ts';
import type { View } from '../lib/model/view.ts';
import { planAnew, refuseConflict } from './in-turn.ts';
import type { Planner } from './planner.ts';
import type { Plans } from './sinks/sink.ts';

type Batch = readonly ServiceChange[];

/**
 * A wish that is refused is no reason to send requests where no instance is any more: what there is of these services follows
 * their instances, by the steps that are possible. `then` tells what comes of it. Errors with a FailureError.
 */
export function followInstances(
  planner: Planner,
  haproxy: HaproxyEnd,
  take: (view: View, steps: readonly Step[]) => Observable<Applied>,
) {
  return (
    batch: Batch,
    isPossible: (step: Step, view: View) => boolean,
    then: (plans: Plans) => Observable<Outcome | Notice>,
  ): Observable<Outcome | Notice> =>
    haproxy.read().pipe(
      mergeMap((view) => {
        const plans = planner.planRefused(view, batch);
        const steps = [...plans.values()].flatMap((plan) => plan.steps.filter((step) => isPossible(step, view)));
        if (steps.length === 0) return then(plans);
        return take(view, steps).pipe(
          map(refuseConflict),
          mergeMap(({ notices }) => concat(from(notices), conclude(batch, steps), then(plans))),
        );
      }),
      planAnew(),
    );

  function conclude(batch: Batch, steps: readonly Step[]): Observable<never> {
    const keys = batch.map(({ key }) => key);
    return haproxy.read().pipe(
      mergeMap((view) => {
        planner.conclude(view, keys, steps);
        return EMPTY;
      }),
    );
  }
}
