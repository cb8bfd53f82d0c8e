import { of, takeUntil, tap, timer, type Observable, type SchedulerLike } from 'rxjs';
import type { DebugTap } from '../../operators/tap-debug.ts';
import { pipeline } from '../../streams/pipeline.ts';
import type { Settings } from '../../streams/pipeline-settings.ts';
import { isOfRun, tellFacts, type RecordedLine } from '../../streams/recorded-events.ts';
import type { Config } from '../config.ts';
import type { Catalog } from '../model/catalog.ts';
import type { Event } from '../model/events.ts';
import type { Notice } from '../model/notice.ts';
import type { ServiceChange } from '../model/service.ts';
import type { View } from '../model/view.ts';
import { isProblem } from './problems.ts';
import { onlyFor, type ReplayOutput, type Tally } from './replay-output.ts';
import type { Concern } from './replay-service.ts';
import { settingsOf, timingOf, undisturbed } from './settings.ts';
import { startTwin } from './twin.ts';

/** Puts a moment behind everything that happens at its millisecond. */
export const justAfterMs = 0.5;

export interface ReplayOptions {
  readonly given: Config;
  readonly base: string | undefined;
  readonly lines: readonly RecordedLine[];
  /** Ms after the first line; absent: not before nothing is left to do. */
  readonly endMs: number | undefined;
  /** Absent: everything is shown. */
  readonly concern: Concern | undefined;
  readonly output: ReplayOutput;
  readonly debug: DebugTap | undefined;
  readonly pace: 'max' | number;
  readonly scheduler: SchedulerLike;
}

/** A recording that is played into the twin. */
export interface Replaying {
  /** Completes at the end; what is to be shown is shown on the way. */
  readonly notices: (played: Observable<RecordedLine>) => Observable<Notice>;
  /** Shows what has come of it. */
  readonly end: () => void;
  /** HAProxy's twin, and the services as they are folded; undefined before the first event. */
  readonly view: () => View;
  readonly catalog: () => Catalog | undefined;
}

/** Plays nothing before `notices` is subscribed to. Throws an InputError when the base cannot be read. */
export function createReplay(options: ReplayOptions): Replaying {
  const { lines, endMs, concern, pace, scheduler } = options;
  const { twin, config } = startTwin(options.given, options.base);
  const output = concern === undefined ? options.output : onlyFor(concern, options.output, twin.view);
  const tally: Tally = { events: 0, changes: 0, problems: [] };
  const ofRun = isOfRun(lines);
  let catalog: Catalog | undefined;
  const settings: Settings = {
    ...settingsOf(config, observingTap(tally, output, concern, options.debug)),
    witness: {
      catalog: (folded) => {
        catalog = folded;
      },
      event: () => undefined,
    },
  };
  const timing = timingOf(config, scheduler);

  function show(notice: Notice): void {
    const own = concern === undefined ? notice : concern.notice(notice);
    if (own !== undefined && isProblem(own)) tally.problems.push(own);
    output.notice(notice);
  }

  function notices(played: Observable<RecordedLine>): Observable<Notice> {
    const facts = played.pipe(
      tap(({ what }) => {
        if (what.kind === 'exchange') output.exchange(what.exchange);
      }),
      tellFacts(),
    );
    const ends = { nomad: facts, haproxy: twin.end, probe: ofRun ? undefined : () => of('admit' as const) };
    const told =
      pace === 'max'
        ? pipeline(ends, ofRun ? settings : untimed(settings), undisturbed(timing))
        : pipeline(ends, settings, timing);
    const shown = told.pipe(tap(show));
    if (endMs === undefined) return shown;
    return shown.pipe(takeUntil(timer((endMs + justAfterMs) / (pace === 'max' ? 1 : pace), scheduler)));
  }

  return {
    notices,
    view: twin.view,
    catalog: () => catalog,
    end: () => {
      output.end(twin.state, tally);
    },
  };
}

/** On virtual time nothing is gained by waiting: drains end at once, and what is retained stays to be seen. */
function untimed(settings: Settings): Settings {
  return { ...settings, policy: { ...settings.policy, drainMs: 0, retentionMs: Infinity } };
}

/** Counts and shows what passes two seams of the pipeline, and traces where DEBUG_TAP asks for it. */
function observingTap(
  tally: Tally,
  output: ReplayOutput,
  concern: Concern | undefined,
  debug: DebugTap | undefined,
): DebugTap {
  return {
    seams: new Set(['events', 'batches', ...(debug?.seams ?? [])]),
    trace: (entry) => {
      if (debug?.seams.has(entry.seam) || debug?.seams.has('*')) debug.trace(entry);
      if (entry.what !== 'value') return;
      if (entry.seam === 'batches') {
        const changes = entry.value as readonly ServiceChange[];
        tally.changes += changes.filter(({ key }) => concern?.keys.has(key) ?? true).length;
      }
      if (entry.seam === 'events') {
        const event = entry.value as Event;
        if (isFromStream(event) && (concern === undefined || concern.event(event) !== undefined)) tally.events += 1;
        output.event(event);
      }
    },
  };
}

function isFromStream({ kind }: Event): boolean {
  return kind.startsWith('service-') || kind.startsWith('job-');
}
