import type { Policy } from '../../lib/model/plan.ts';
import { planLeaving, planShared } from '../../lib/model/plan-backends.ts';
import { collectPlans, type Sink } from './sink.ts';

/**
 * Slots in backends that somebody else wrote: for services that name one, and for dynamic services that use an existing
 * one. Hand-written servers there are never touched. It also takes away the slots of services that have gone or moved.
 */
export function customBackend(policy: Policy): Sink {
  return (view, ages) => (batch) => {
    const taken = new Map<string, Set<string>>();
    return collectPlans(batch, function* ({ change: { key, after }, placement, left }) {
      for (const backend of left) {
        if (view.backends.get(backend)?.mark !== undefined) continue;
        yield planLeaving(key, backend, after === undefined ? policy.retentionMs : 0, view, policy, ages);
      }
      if (after?.wish === undefined || placement.kind !== 'shared') return;
      const names = taken.get(placement.backend) ?? new Set<string>();
      taken.set(placement.backend, names);
      yield planShared(after, after.wish, placement.backend, view, policy, ages, names);
    });
  };
}
