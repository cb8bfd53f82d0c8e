import type { ServiceKey } from '../../lib/model/events.ts';
import type { Placed } from '../../lib/model/placement.ts';
import { mergePlans, type Ages, type Plan } from '../../lib/model/plan.ts';
import type { View } from '../../lib/model/view.ts';

/**
 * Turns changes, placed in `view`, into steps for its part of HAProxy, judged by that view and by how long things have
 * been so. Every sink is asked about every change of a batch and plans for those that concern it.
 */
export type Sink = (view: View, ages: Ages) => (batch: readonly Placed[]) => Plans;
export type Plans = ReadonlyMap<ServiceKey, Plan>;

/** Plans every change, and merges what is planned for one key. */
export function collectPlans(batch: readonly Placed[], plan: (placed: Placed) => Iterable<Plan>): Plans {
  const plans = new Map<ServiceKey, Plan>();
  for (const placed of batch) {
    let whole = nothing;
    for (const part of plan(placed)) whole = mergePlans(whole, part);
    plans.set(placed.change.key, whole);
  }
  return plans;
}

const nothing: Plan = { steps: [] };
