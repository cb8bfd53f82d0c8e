import { catchError, concat, defer, from, map, mergeMap, type Observable } from 'rxjs';
import type { HaproxyEnd } from '../lib/haproxy/end.ts';
import { FailureError } from '../lib/model/failure.ts';
import type { Notice, Outcome } from '../lib/model/notice.ts';
import type { Plan } from '../lib/model/plan.ts';
import type { ServiceChange } from '../lib/model/service.ts';
import { canMove } from '../lib/model/slots.ts';
import type { SlotStep, Step } from '../lib/model/step.ts';
import type { View } from '../lib/model/view.ts';
import { maxMoves, planAnew, refuseConflict } from './in-turn.ts';
import type { Planner } from './planner.ts';

type Batch = readonly ServiceChange[];

/**
 * The runtime lane: what the running process can take at once is done at once, and never waits for a write. Services that
 * need more than that, or whose plan or calls fail, are handed over to the writer's lane as one batch; so are services that
 * the writer is busy with, because the view does not show yet what it does; so are services that are gone, because the
 * writer may still have something of them that waits; so is a snapshot, whole, because it is to
 * become one write; so is what fills so many slots that one write is faster.
 */
export function moveInstances(
  planner: Planner,
  haproxy: HaproxyEnd,
): (batch: Batch) => Observable<Outcome | Notice | Batch> {
  function takeBatch(batch: Batch): Observable<Outcome | Notice | Batch> {
    return haproxy.read().pipe(
      mergeMap((view) => {
        if (view.runtime === 'nothing') return handOver(batch);
        const plans = planner.plan(view, batch);
        const isMove = movesOf(
          [...plans.values()].flatMap((plan) => plan.steps),
          view,
        );
        const steps = [...plans.values()].flatMap((plan) => plan.steps.filter(isMove));
        const late = batch.filter(
          ({ key, after }) => after === undefined || planner.writing.has(key) || needsWriter(plans.get(key), isMove),
        );
        const isLate = new Set(late);
        const kept = batch.filter((change) => !isLate.has(change));
        const outcomes = kept.map(({ key }) => outcomeOf(key, plans.get(key)));
        const rest = concat(from(outcomes), late.length > 0 ? handOver(late) : []);
        if (steps.length === 0) return rest;
        return haproxy.move(view, steps).pipe(
          map(refuseConflict),
          mergeMap(({ notices }) => concat(from(notices), concludeMoves(batch, steps), rest)),
        );
      }),
    );
  }

  /** What began with these steps, a drain for instance, counts from now. */
  function concludeMoves(batch: Batch, steps: Plan['steps']): Observable<never> {
    return haproxy.read().pipe(
      mergeMap((view) => {
        planner.conclude(
          view,
          batch.map(({ key }) => key),
          steps,
        );
        return [];
      }),
    );
  }

  return (batch) => {
    const problems = planner.take(batch);
    if (batch.length === 0 || batch.some((change) => change.snapshot)) return concat(from(problems), handOver(batch));
    const moved = defer(() => takeBatch(batch)).pipe(
      planAnew(),
      catchError((error: unknown) => {
        if (!(error instanceof FailureError)) throw error;
        return handOver(batch);
      }),
    );
    return concat(from(problems), moved);
  };
}

type IsMove = (step: Step) => step is SlotStep;

/**
 * What is done here of all these steps: drains in any number, the rest only while it is little. Where rows are to lead
 * elsewhere from now on, nothing drains before they do.
 */
function movesOf(steps: readonly Step[], view: View): IsMove {
  const isFew = steps.filter((step) => step.kind !== 'drain-slot' && canMove(step, view)).length <= maxMoves;
  const ledTo = new Set(
    steps.flatMap((step) => (step.kind === 'set-route' ? (view.maps[step.route.map].get(step.route.key) ?? []) : [])),
  );
  return (step): step is SlotStep =>
    canMove(step, view) && (step.kind === 'drain-slot' ? !ledTo.has(step.backend) : isFew);
}

function needsWriter(plan: Plan | undefined, isMove: IsMove): boolean {
  return plan?.failure !== undefined || plan?.steps.some((step) => !isMove(step)) === true;
}

function outcomeOf(key: ServiceChange['key'], plan: Plan | undefined): Outcome {
  const afterMs = plan?.againMs ?? Infinity;
  return afterMs === Infinity ? { kind: 'done', key } : { kind: 'again', key, afterMs };
}

function handOver(batch: Batch): Observable<Outcome | Batch> {
  const outcomes = batch.map(({ key }): Outcome => ({ kind: 'handed-over', key }));
  return from([batch, ...outcomes]);
}
