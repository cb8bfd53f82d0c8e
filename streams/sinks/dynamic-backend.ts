import type { Policy } from '../../lib/model/plan.ts';
import { planHeld, planLeaving, planOwned } from '../../lib/model/plan-backends.ts';
import { collectPlans, type Sink } from './sink.ts';

/**
 * One backend of our own per dynamic service. It also takes away the sections of services that have gone or moved.
 * A dynamic service that uses an existing backend is `custom-backend`'s: its slots are in somebody else's section.
 */
export function dynamicBackend(policy: Policy): Sink {
  return (view, ages) => (batch) =>
    collectPlans(batch, function* ({ change: { key, after }, placement, left }) {
      for (const backend of left) {
        if (view.backends.get(backend)?.mark === undefined) continue;
        yield planLeaving(key, backend, after === undefined ? policy.retentionMs : 0, view, policy, ages);
      }
      if (after?.wish === undefined) return;
      if (placement.kind === 'own') yield planOwned(after, after.wish, placement.backend, view, policy, ages);
      if (placement.kind !== 'refused') return;
      const { failure, concedes = '' } = placement;
      const isConceding = view.backends.get(concedes)?.mark?.service === key;
      if (isConceding) yield planLeaving(key, concedes, 0, view, policy, ages);
      const kept = (view.backendsOf.get(key) ?? []).filter((backend) => backend !== concedes);
      yield { ...planHeld(after, kept, view, policy, ages), failure };
    });
}
