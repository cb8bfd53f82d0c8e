import {
  concat,
  connect,
  defer,
  EMPTY,
  from,
  ignoreElements,
  interval,
  merge,
  mergeMap,
  of,
  takeUntil,
  tap,
  type MonoTypeOperatorFunction,
  type Observable,
  type SchedulerLike,
} from 'rxjs';
import type { Notice } from '../lib/model/notice.ts';
import type { ServiceKey } from '../lib/model/events.ts';
import type { Service, ServiceChange } from '../lib/model/service.ts';

export interface ResyncOptions {
  /** In this time (ms) every service is looked at once, spread evenly; 0: never. */
  readonly periodMs: number;
  /** HAProxy is not as it was: as a whole, which asks for all services at once, or where one service is. */
  readonly moved: Observable<Moved>;
  readonly scheduler: SchedulerLike;
}

type Moved = Extract<Notice, { kind: 'haproxy-moved' | 'drift-found' }>;
type SnapshotProbed = { readonly kind: 'snapshot-probed' };

export function asksForResync(notice: Notice): notice is Moved {
  return notice.kind === 'haproxy-moved' || notice.kind === 'drift-found';
}

/** Parts of a period; in each one the next share of the services is looked at. */
const parts = 60;

/** Services that are no longer managed and still remembered, the newest. */
const maxLeft = 1000;

/**
 * Passes changes on and adds, in rotation, changes without a difference (`before` is `after`) for every managed service,
 * so that whatever went wrong unseen is looked at again. What is no longer managed may still have servers in HAProxy: it is
 * looked at again where one of them is not as it should be, and when HAProxy has moved.
 */
export function resync<T extends ServiceChange | SnapshotProbed>({
  periodMs,
  moved,
  scheduler,
}: ResyncOptions): MonoTypeOperatorFunction<T | ServiceChange> {
  return (source) =>
    defer(() => {
      const services = new Map<ServiceKey, Service>();
      /** Those that there were when the present period began. */
      let round: readonly ServiceKey[] = [];
      const left = new Map<ServiceKey, Service | undefined>();

      function remember(value: T | ServiceChange): void {
        if ('kind' in value) return;
        const { key, after } = value;
        left.delete(key);
        if (after?.wish !== undefined) services.set(key, after);
        else {
          services.delete(key);
          left.set(key, after);
          const [oldest] = left.keys();
          if (left.size > maxLeft && oldest !== undefined) left.delete(oldest);
        }
      }

      function look(keys: readonly ServiceKey[], moved?: true): Observable<ServiceChange> {
        return from(keys).pipe(
          mergeMap((key) => {
            const service = services.get(key);
            return service === undefined ? [] : of({ key, before: service, after: service, ...(moved && { moved }) });
          }),
        );
      }

      function partAt(tick: number): readonly ServiceKey[] {
        const part = tick % parts;
        if (part === 0) round = [...services.keys()];
        const from = (n: number) => Math.ceil((n * round.length) / parts);
        return round.slice(from(part), from(part + 1));
      }

      const rotation =
        periodMs === 0 ? EMPTY : interval(periodMs / parts, scheduler).pipe(mergeMap((tick) => look(partAt(tick))));
      /** A file of an earlier day may bring back what a service had that has gone since. */
      function lookAgain(notice: Moved): Observable<ServiceChange> {
        if (notice.kind === 'haproxy-moved') {
          return concat(look([...services.keys()], true), from([...left.keys()]).pipe(mergeMap(lookAtLeft)));
        }
        const { service: key } = notice;
        if (key === undefined) return EMPTY;
        return left.has(key) ? lookAtLeft(key) : look([key], true);
      }

      function lookAtLeft(key: ServiceKey): Observable<ServiceChange> {
        const after = left.get(key);
        return of({ key, ...(after && { before: after, after }), moved: true });
      }

      const asked = moved.pipe(mergeMap(lookAgain));

      return source.pipe(
        tap(remember),
        connect((passed) => {
          const over = concat(passed.pipe(ignoreElements()), of('source-completed'));
          return merge(merge(rotation, asked).pipe(takeUntil(over)), passed);
        }),
      );
    });
}
