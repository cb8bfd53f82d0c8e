import type { Observable } from 'rxjs';
import type { ServiceKey } from '../model/events.ts';
import type { Failure } from '../model/failure.ts';
import type { Notice } from '../model/notice.ts';
import type { SlotStep, Step } from '../model/step.ts';
import type { View } from '../model/view.ts';

/**
 * HAProxy, as the pipeline sees it. The Data Plane API and the in-memory twin of a dry run both are one; a contract spec
 * holds them to the same behaviour.
 */
export interface HaproxyEnd {
  /**
   * What happens to HAProxy without us: lost and back, and `haproxy-moved` when somebody else wrote or reloaded, after
   * which the next `read` reads everything anew. Never completes by itself, never errors.
   */
  readonly watch: Observable<Notice>;
  /**
   * The view, read when nothing is known yet or something moved, else as known. One value, then completes.
   * Errors with a FailureError.
   */
  readonly read: () => Observable<View>;
  /**
   * Takes steps on slots to the running process at once, also while `apply` is under way; the configuration says the same
   * soon after. Only steps that `canMove` allows. One value, then completes. Errors with a FailureError.
   */
  readonly move: (view: View, steps: readonly SlotStep[]) => Observable<Applied>;
  /**
   * Applies steps that were planned from `view`: first what takes traffic away from what goes, then the configuration,
   * then routes; at most one configuration write, at most one reload, and a reload only for structural steps.
   * One value, then completes. Errors with a FailureError when nothing can be said about single services.
   */
  readonly apply: (view: View, steps: readonly Step[]) => Observable<Applied>;
}

export interface Applied {
  /** HAProxy was no longer as `view` says; nothing was done. Read again and plan again. */
  readonly conflict: boolean;
  /** Services whose steps were refused; the steps of all others are applied. */
  readonly refused: ReadonlyMap<ServiceKey, Failure>;
  /** Services that took runtime steps in the meantime, beside what was planned for them here: look at them again. */
  readonly overtaken: ReadonlySet<ServiceKey>;
  readonly notices: readonly Notice[];
}
