import { map, takeWhile, type Observable, type SchedulerLike } from 'rxjs';
import type { HaproxyEnd } from '../lib/haproxy/end.ts';
import { marksOf } from '../lib/haproxy/view.ts';
import type { Event } from '../lib/model/events.ts';
import { FailureError } from '../lib/model/failure.ts';
import { isNotice, type Notice } from '../lib/model/notice.ts';
import { retryWithBackoff } from '../operators/retry-with-backoff.ts';

/**
 * The first fact of all: what an earlier run left in HAProxy. Tries until HAProxy can be read, says so while it cannot,
 * then emits `marks-found` and completes. Errors only with what is not a failure of HAProxy's end.
 */
export function marksFound(haproxy: HaproxyEnd, scheduler: SchedulerLike): Observable<Event | Notice> {
  return haproxy.read().pipe(
    map((view): Event | Notice => ({ kind: 'marks-found', marks: marksOf(view) })),
    retryWithBackoff<Event | Notice>({
      scheduler,
      onRetry: (error) => {
        if (!(error instanceof FailureError)) throw error;
        return { kind: 'haproxy-lost', failure: error.failure };
      },
    }),
    takeWhile((value) => isNotice(value), true),
  );
}
