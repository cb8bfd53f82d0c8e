import { debounceTime, defer, filter, map, type OperatorFunction, type SchedulerLike, tap } from 'rxjs';
import type { StreamEvent } from '../lib/nomad/frames.ts';
import type { Line } from './nomad-lines.ts';

/** Events of so many instances are a burst; of one, however many, they are not. */
const burstInstances = 5;

/**
 * Emits when a burst of events of the stream is over, after `quietMs` without one:
 *
 *     lines:   -a-bcd-e------a-aaaaa---b-|
 *     result:  ----------x---------------|
 */
export function endsOfBursts(quietMs: number, scheduler: SchedulerLike): OperatorFunction<Line, unknown> {
  return (lines) =>
    defer(() => {
      const concerned = new Set<string>();
      return lines.pipe(
        map((line) => (line.kind === 'events' ? line.events.flatMap(instanceOf) : [])),
        filter((instances) => instances.length > 0),
        tap((instances) => {
          for (const one of instances) if (concerned.size < burstInstances) concerned.add(one);
        }),
        debounceTime(quietMs, scheduler),
        filter(() => {
          const isBurst = concerned.size >= burstInstances;
          concerned.clear();
          return isBurst;
        }),
      );
    });
}

function instanceOf(event: StreamEvent): readonly string[] {
  switch (event.kind) {
    case 'service-registered':
      return [`${event.registration.namespace}/${event.registration.id}`];
    case 'service-deregistered':
      return [`${event.namespace}/${event.id}`];
    case 'job-registered':
    case 'job-deregistered':
      return [];
    default:
      return event satisfies never;
  }
}
