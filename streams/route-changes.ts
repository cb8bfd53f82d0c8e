import { catchError, concat, defer, EMPTY, from, map, mergeMap, type Observable, type SchedulerLike } from 'rxjs';
import type { Applied, HaproxyEnd } from '../lib/haproxy/end.ts';
import type { ServiceKey } from '../lib/model/events.ts';
import { FailureError, isTransient, type Failure } from '../lib/model/failure.ts';
import type { Notice, Outcome } from '../lib/model/notice.ts';
import { reloadWaitMs, spendReload, type ReloadBudget } from '../lib/model/reload-budget.ts';
import type { Service, ServiceChange } from '../lib/model/service.ts';
import type { Plan } from '../lib/model/plan.ts';
import { canMove, needsReload } from '../lib/model/slots.ts';
import { isSlotStep, type Step } from '../lib/model/step.ts';
import { takeTurn, type Turn } from '../lib/model/turn.ts';
import type { View } from '../lib/model/view.ts';
import { followInstances } from './follow-instances.ts';
import { maxMoves, planAnew, refuseConflict, whenThrough } from './in-turn.ts';
import type { Planner } from './planner.ts';
import type { Plans } from './sinks/sink.ts';

export interface RouteOptions {
  /** Of all reloads, also those of the end's own accord. */
  readonly budget: ReloadBudget;
  readonly scheduler: SchedulerLike;
}

/**
 * The writer's lane: for each batch it reads HAProxy's view, asks every sink for steps, gives all of them to the writer in
 * one turn, and says what came of each key. Failures become outcomes; only a bug errors.
 */
export function routeChanges(
  planner: Planner,
  haproxy: HaproxyEnd,
  { budget, scheduler }: RouteOptions,
): (batch: readonly ServiceChange[]) => Observable<Outcome | Notice> {
  const follow = followInstances(planner, haproxy, take);
  let passed = false;
  let lazy: Turn['lazy'] = new Map<ServiceKey, readonly Step[]>();
  /** The services that these removals were planned for, as they were then. */
  const plannedFor = new Map<ServiceKey, Service | undefined>();

  function takeBatch(given: readonly ServiceChange[]): Observable<Outcome | Notice> {
    const batch = planner.newest(given);
    const keys = batch.map(({ key }) => key);
    for (const key of keys) planner.writing.add(key);
    return haproxy.read().pipe(
      mergeMap((view) => {
        const now = scheduler.now();
        const plans = planner.plan(view, batch);
        const turn = takeTurn(plans, stillPlanned(), view, reloadWaitMs(budget, now), now);
        lazy = turn.lazy;
        notePlanned(batch);
        if (turn.steps.length === 0) {
          planner.conclude(view, keys, []);
          return from(keys.map((key) => outcomeOf(key, plans, turn)));
        }
        return take(view, turn.steps).pipe(
          map(refuseConflict),
          whenThrough((applied) => {
            if (turn.reloads) spendReload(budget, now);
            return concludeTurn(batch, plans, turn, applied);
          }),
        );
      }),
    );
  }

  /** A service that came back meanwhile may have been taken care of at runtime: what was to be removed is in use again. */
  function stillPlanned(): Turn['lazy'] {
    return new Map([...lazy].filter(([key]) => planner.newest([{ key }])[0]?.after === plannedFor.get(key)));
  }

  function notePlanned(batch: readonly ServiceChange[]): void {
    for (const { key, after } of batch) plannedFor.set(key, after);
    for (const key of plannedFor.keys()) if (!lazy.has(key)) plannedFor.delete(key);
  }

  /** What the process can take without a write is not worth one, in this lane either. */
  function take(view: View, steps: readonly Step[]): Observable<Applied> {
    const canMoveAll = steps.length <= maxMoves && steps.every((step) => canMove(step, view));
    return canMoveAll ? haproxy.move(view, steps) : haproxy.apply(view, steps);
  }

  /** What began with this turn, a drain for instance, counts from now. */
  function concludeTurn(
    batch: readonly ServiceChange[],
    plans: Plans,
    turn: Turn,
    applied: Applied,
  ): Observable<Outcome | Notice> {
    const keys = batch.map(({ key }) => key);
    const outcomes = haproxy.read().pipe(
      mergeMap((view) => {
        planner.conclude(view, keys, turn.steps);
        const refused = batch.filter(({ key }) => applied.refused.has(key));
        const taken = from(
          keys.filter((key) => !applied.refused.has(key)).map((key) => outcomeOf(key, plans, turn, applied)),
        );
        return refused.length === 0 ? taken : concat(taken, followRefused(refused, turn, applied));
      }),
    );
    return concat(from(applied.notices), outcomes);
  }

  function followRefused(batch: readonly ServiceChange[], turn: Turn, applied: Applied): Observable<Outcome | Notice> {
    const outcomes = (plans: Plans) => from(batch.map(({ key }) => outcomeOf(key, plans, turn, applied)));
    return follow(batch, (step) => isSlotStep(step) && !needsReload(step), outcomes).pipe(
      catchError((error: unknown) => {
        if (!(error instanceof FailureError)) throw error;
        const later = batch.map(({ key }): [ServiceKey, Plan] => [key, { steps: [], againMs: askAgainMs }]);
        return outcomes(new Map(later));
      }),
    );
  }

  /** While nothing can be written at all, what the process can take is told to it. */
  function followWhatMoves(batch: readonly ServiceChange[], error: unknown): Observable<Outcome | Notice> {
    if (!(error instanceof FailureError) || !isRefusedWhole(error.failure)) return EMPTY;
    return follow(planner.newest(batch), canMove, () => EMPTY).pipe(
      catchError((again: unknown) => {
        if (!(again instanceof FailureError)) throw again;
        return EMPTY;
      }),
    );
  }

  return (batch) => {
    const turn = defer(() => takeBatch(batch)).pipe(
      planAnew(),
      catchError((error: unknown) => concat(followWhatMoves(batch, error), from(failAll(batch, error)))),
    );
    const isFirstPass = !passed && (batch.length === 0 || batch.some((change) => change.snapshot));
    passed ||= isFirstPass;
    const firstPass: readonly Notice[] = isFirstPass ? [{ kind: 'first-pass-done' }] : [];
    const over = defer(() => {
      planner.writing.clear();
      return EMPTY;
    });
    return concat(batch.length === 0 ? EMPTY : turn, over, firstPass);
  };
}

function outcomeOf(key: ServiceKey, plans: Plans, turn: Turn, applied?: Applied): Outcome {
  const plan = plans.get(key);
  const refused = applied?.refused.get(key);
  const failure = refused ?? plan?.failure;
  const overtaken = applied?.overtaken.has(key) ? 0 : Infinity;
  const afterMs = Math.min(plan?.againMs ?? Infinity, turn.waits.get(key) ?? Infinity, overtaken);
  if (failure !== undefined) return { kind: 'failed', key, failure, ...(afterMs < Infinity && { afterMs }) };
  return afterMs === Infinity ? { kind: 'done', key } : { kind: 'again', key, afterMs };
}

/** Ms. */
const askAgainMs = 30_000;

function isRefusedWhole({ kind }: Failure): boolean {
  return kind === 'rejected' || kind === 'unsupported' || kind === 'reload-failed';
}

/** The batch as a whole is refused: nobody in it is to blame, and what they wait for may be no change of theirs. */
function failAll(batch: readonly ServiceChange[], error: unknown): readonly Outcome[] {
  if (!(error instanceof FailureError)) throw error;
  const { failure } = error;
  const afterMs = isTransient(failure) ? {} : { afterMs: askAgainMs };
  return batch.map(({ key }) => ({ kind: 'failed', key, failure, ...afterMs }));
}
