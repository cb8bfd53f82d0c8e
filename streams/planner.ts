import type { SchedulerLike } from 'rxjs';
import { createAgeBook, forgetAges, noteAges, readAges } from '../lib/model/ages.ts';
import type { ServiceKey } from '../lib/model/events.ts';
import type { Notice } from '../lib/model/notice.ts';
import { planHeld } from '../lib/model/plan-backends.ts';
import { place, placeAll } from '../lib/model/placement.ts';
import { mergePlans, type Ages, type Plan, type Policy } from '../lib/model/plan.ts';
import { mergeChanges, problemsOf, type Service, type ServiceChange } from '../lib/model/service.ts';
import type { Step } from '../lib/model/step.ts';
import type { View } from '../lib/model/view.ts';
import type { Plans, Sink } from './sinks/sink.ts';

type Batch = readonly ServiceChange[];

/** What lies before the planner, for whoever wants to show it. */
export interface Seen {
  /** The newest state of every service on its way or in place; undefined: gone from Nomad, not yet from HAProxy. */
  readonly services: ReadonlyMap<ServiceKey, Service | undefined>;
  /** HAProxy as it was last planned for. */
  readonly view: () => View | undefined;
}

/** Looks on: is given what there is to see, and told where to look again. */
export interface Onlooker {
  readonly see: (seen: Seen) => void;
  readonly touch: (key: ServiceKey) => void;
}

/**
 * What both lanes plan by: the sinks, the newest state of every service on its way, and since when slots drain and
 * backends are empty. Times in ms of the scheduler.
 */
export interface Planner {
  /** Takes a batch in, and says what the owners of its services should mend, where that has changed. */
  readonly take: (batch: Batch) => readonly Notice[];
  /** Services that the writer plans and writes for at this moment: what else happens to them is for its next turn. */
  readonly writing: Set<ServiceKey>;
  /** The same changes with the newest `after` that any lane has taken in. */
  readonly newest: (batch: Batch) => Batch;
  readonly plan: (view: View, batch: Batch) => Plans;
  /** What keeps services that HAProxy refuses in step with their instances, where they are until it takes them. */
  readonly planRefused: (view: View, batch: Batch) => Plans;
  /** Notes what began with these steps, a drain for instance. */
  readonly conclude: (view: View, keys: readonly ServiceKey[], steps: readonly Step[]) => void;
}

export function createPlanner(
  policy: Policy,
  sinks: readonly Sink[],
  scheduler: SchedulerLike,
  onlooker?: Onlooker,
): Planner {
  const ages = createAgeBook();
  const said = new Map<ServiceKey, string>();
  const latest = new Map<ServiceKey, Service | undefined>();
  let newestView: View | undefined;
  onlooker?.see({ services: latest, view: () => newestView });

  function say({ key, after }: ServiceChange): readonly Notice[] {
    const problems = after === undefined ? [] : problemsOf(after);
    if (problems.length === 0 && !said.has(key)) return [];
    const text = JSON.stringify(problems);
    if (said.get(key) === text) return [];
    if (problems.length > 0) said.set(key, text);
    else said.delete(key);
    return [{ kind: 'service-problems', service: key, problems }];
  }

  /** Takes down the view, and since when things have been so. */
  function agesIn(view: View, batch: Batch): Ages {
    const now = scheduler.now();
    newestView = view;
    noteAges(
      ages,
      view,
      batch.map(({ key }) => key),
      now,
    );
    return readAges(ages, now);
  }

  return {
    writing: new Set(),
    take: (batch) => {
      for (const { key, after } of batch) {
        latest.set(key, after);
        onlooker?.touch(key);
      }
      return batch.flatMap(say);
    },
    newest: (batch) =>
      batch.map((change) => {
        const after = latest.has(change.key) ? latest.get(change.key) : change.after;
        if (after === change.after) return change;
        const { key, snapshot } = change;
        return mergeChanges(change, { key, ...(after && { after }), ...(snapshot && { snapshot }) });
      }),
    plan: (view, batch) => {
      const agesNow = agesIn(view, batch);
      const placed = placeAll(batch, view, policy);
      const plans = new Map<ServiceKey, Plan>();
      for (const sink of sinks) {
        for (const [key, plan] of sink(view, agesNow)(placed)) {
          const earlier = plans.get(key);
          plans.set(key, earlier === undefined ? plan : mergePlans(earlier, plan));
        }
      }
      return plans;
    },
    planRefused: (view, batch) => {
      const agesNow = agesIn(view, batch);
      const plans = new Map<ServiceKey, Plan>();
      for (const { key, after } of batch) {
        const held = view.backendsOf.get(key) ?? [];
        const placement = place(after, view, policy);
        if (after === undefined || (placement.kind !== 'own' && placement.kind !== 'shared')) continue;
        const stays = held.includes(placement.backend) ? [placement.backend] : held;
        plans.set(key, planHeld(after, stays, view, policy, agesNow));
      }
      return plans;
    },
    conclude: (view, keys, steps) => {
      newestView = view;
      forgetAges(ages, steps);
      noteAges(ages, view, keys, scheduler.now());
      for (const key of keys) {
        if (latest.get(key) === undefined && !view.backendsOf.has(key)) latest.delete(key);
        onlooker?.touch(key);
      }
    },
  };
}
