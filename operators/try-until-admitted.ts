import { Observable, type SchedulerLike } from 'rxjs';
import type { Places } from './share-places.ts';

/**
 * `unreachable`: no answer at all, which may be for lack of a way from here to there. `forbidden`: its name leads where
 * nobody is to be sent.
 */
export type ProbeResult = 'admit' | 'refuse' | 'unreachable' | 'forbidden';

/** How long attempts are repeated, and how often; ms. */
export interface Patience {
  /** Pause before a repeated attempt: `everyMs` in the first `firstMs`, then `laterMs`. */
  readonly firstMs: number;
  readonly everyMs: number;
  readonly laterMs: number;
  /** After this long an instance that is not `forbidden` is admitted: HAProxy's own checks decide then. */
  readonly maxWaitMs: number;
  /** The same for an instance of which nothing was heard in that time but `unreachable`. */
  readonly fallbackMs: number;
  readonly scheduler: SchedulerLike;
}

export interface Candidate<T> {
  /** When it began to wait, by the scheduler; ms. */
  readonly since: number;
  /** Only an attempt tells: a name, for instance. It is not admitted before one. */
  readonly mayBeForbidden: boolean;
  /** One attempt a subscription. */
  readonly attempt: Observable<ProbeResult>;
  /** What is emitted when it is admitted; called at that moment. */
  readonly admit: () => T;
  /** An attempt has ended, or there will be none; may be told more than once. */
  readonly tried: () => void;
  /** Is given what ends it all, at once and without admission. */
  readonly endedBy: (end: () => void) => void;
}

/**
 * Tries one instance until an attempt succeeds, each in a place that all instances share; the first attempt is urgent.
 *
 *     attempts: R---R---A             R: refuse, A: admit
 *     result:   --------(a|)
 *
 *     attempts: U---U---U             U: unreachable, for all of `fallbackMs`
 *     result:   --------(a|)
 *
 * A start has thousands of these: it is one Observable, not a chain of operators.
 */
export function tryUntilAdmitted<T>(
  { since, mayBeForbidden, attempt, admit, tried, endedBy }: Candidate<T>,
  places: Places,
  { firstMs, everyMs, laterMs, maxWaitMs, fallbackMs, scheduler }: Patience,
): Observable<T> {
  return new Observable((admitted) => {
    const waited = () => scheduler.now() - since;
    let answered = false;
    let forbidden = mayBeForbidden;
    let late = waited() >= maxWaitMs;

    function conclude(): void {
      admitted.next(admit());
      admitted.complete();
    }

    /** Where the connector hears nothing of an instance for `fallbackMs`, HAProxy may still reach it. */
    function judge(result: ProbeResult): void {
      answered ||= result === 'refuse';
      forbidden = result === 'forbidden';
      const isSilent = !answered && result === 'unreachable' && waited() >= fallbackMs;
      if (result === 'admit' || isSilent) conclude();
      else concludeIfLate();
    }

    function concludeIfLate(): void {
      if (late && !forbidden) conclude();
    }

    function tryOnce(urgent: boolean): void {
      const place = places.hold(attempt, urgent).subscribe({
        next: judge,
        error: (error: unknown) => {
          admitted.error(error);
        },
        complete: () => {
          tried();
          if (!admitted.closed) tryLater();
        },
      });
      admitted.add(place);
    }

    function tryLater(): void {
      const pauseMs = waited() < firstMs ? everyMs : laterMs;
      const again = scheduler.schedule(() => {
        tryOnce(false);
      }, pauseMs);
      admitted.add(again);
    }

    admitted.add(tried);
    concludeIfLate();
    if (admitted.closed) return;
    endedBy(() => {
      admitted.complete();
    });
    tryOnce(true);
    // The clock is not asked again: a timer may be a millisecond early by it.
    const atLast = scheduler.schedule(
      () => {
        late = true;
        concludeIfLate();
      },
      Math.max(0, maxWaitMs - waited()),
    );
    admitted.add(atLast);
  });
}
