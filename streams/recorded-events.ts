import { concatMap, defer, from, map, type Observable, type OperatorFunction, type SchedulerLike, timer } from 'rxjs';
import type { Event } from '../lib/model/events.ts';
import type { Notice } from '../lib/model/notice.ts';
import type { StreamEvent } from '../lib/nomad/frames.ts';
import type { RecordedLine } from '../lib/nomad/recording.ts';
import { ghostFacts, skippedNotice, snapshotNotice } from './nomad-notices.ts';

export { isOfRun, parseRecording, type RecordedLine } from '../lib/nomad/recording.ts';

/**
 * The lines of a recording, each as long after the first as it was recorded, `pace` times as fast. `max` leaves the offsets
 * as they are, for a scheduler of virtual time. Completes with the last line.
 */
export function recordedLines(
  lines: readonly RecordedLine[],
  pace: 'max' | number,
  scheduler: SchedulerLike,
): Observable<RecordedLine> {
  const speed = pace === 'max' ? 1 : pace;
  const [first] = lines;

  return defer(() => {
    const startedAt = scheduler.now() - (first?.t ?? 0) / speed;
    return from(lines).pipe(
      concatMap((line) => {
        const dueInMs = startedAt + line.t / speed - scheduler.now();
        return timer(Math.max(0, dueInMs), scheduler).pipe(map(() => line));
      }),
    );
  });
}

/** The facts of a recording, when its lines are due. */
export function recordedEvents(...recording: Parameters<typeof recordedLines>): Observable<Event | Notice> {
  return recordedLines(...recording).pipe(tellFacts());
}

/** What lines of a recording mean, at once. As live, a Service event that the snapshot already has is not told. */
export function tellFacts(): OperatorFunction<RecordedLine, Event | Notice> {
  return (lines) =>
    defer(() => {
      let snapshotIndex = 0;

      function tell({ what }: RecordedLine): readonly (Event | Notice)[] {
        switch (what.kind) {
          case 'snapshot-taken':
            snapshotIndex = what.index;
            return [what, snapshotNotice(what, 'recording')];
          case 'ghosts-seen':
            return ghostFacts(what.ghosts);
          case 'instance-admitted':
          case 'losses-accepted':
          case 'snapshot-probed':
            return [what];
          case 'heartbeat':
          case 'exchange':
            return [];
          case 'told':
            return [...what.skipped.map(skippedNotice), ...what.events];
          case 'events':
            return [...what.skipped.map(skippedNotice), ...what.events.filter((event) => isNews(event, snapshotIndex))];
          default:
            return what satisfies never;
        }
      }

      return lines.pipe(concatMap(tell));
    });
}

function isNews(event: StreamEvent, snapshotIndex: number): boolean {
  const isService = event.kind === 'service-registered' || event.kind === 'service-deregistered';
  return !isService || event.index > snapshotIndex;
}
