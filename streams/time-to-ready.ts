import { map, tap, type MonoTypeOperatorFunction, type SchedulerLike } from 'rxjs';
import type { Event } from '../lib/model/events.ts';
import type { Measure } from '../lib/model/kept.ts';
import type { Notice } from '../lib/model/notice.ts';
import { createStopwatch, noteTime, tellTime } from '../lib/model/stopwatch.ts';

/** How long an instance takes from its event until HAProxy serves it; notices that say `applied` carry it away. */
export interface TimeToReady {
  readonly start: () => MonoTypeOperatorFunction<Event>;
  readonly stop: () => MonoTypeOperatorFunction<Notice>;
}

export function timeToReady(prefix: string, scheduler: SchedulerLike, measure?: Measure): TimeToReady {
  const stopwatch = createStopwatch(prefix);
  measure?.('awaited', () => stopwatch.places.size);
  return {
    start: () =>
      tap((event) => {
        noteTime(stopwatch, event, scheduler.now());
      }),
    stop: () => map((notice) => tellTime(stopwatch, notice, scheduler.now())),
  };
}
