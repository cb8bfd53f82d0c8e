import { Subject, switchMap, timer, type Observable } from 'rxjs';
import type { Event, ServiceKey } from '../model/events.ts';
import { foldHeld, type Losses } from '../model/guard.ts';
import type { Notice } from '../model/notice.ts';

/** What the process does about services that the guard holds. */
export interface HeldLosses {
  readonly observe: (notice: Notice) => void;
  /** Emits when a second snapshot is due. */
  readonly confirm: Observable<unknown>;
  /** An operator's words, as facts for the pipeline. */
  readonly words: Observable<Event>;
  /** An operator's word: returns what is let go, which may be nothing. */
  readonly release: () => readonly ServiceKey[];
}

export function createHeldLosses(): HeldLosses {
  let held: Losses | undefined;
  const dueInMs = new Subject<number>();
  const words = new Subject<Event>();
  return {
    observe(notice) {
      if (notice.kind !== 'losses-held' && notice.kind !== 'losses-released') return;
      held = foldHeld(held, notice);
      if (notice.kind === 'losses-held') dueInMs.next(notice.confirmInMs);
    },
    confirm: dueInMs.pipe(switchMap((ms) => timer(ms))),
    words,
    release() {
      const services = held?.services ?? [];
      if (services.length > 0) words.next({ kind: 'losses-accepted', services });
      return services;
    },
  };
}
