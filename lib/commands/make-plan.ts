import {
  concat,
  defer,
  EMPTY,
  from,
  map,
  merge,
  mergeMap,
  of,
  takeUntil,
  timer,
  toArray,
  VirtualTimeScheduler,
  type Observable,
} from 'rxjs';
import { pipeline } from '../../streams/pipeline.ts';
import type { Config } from '../config.ts';
import { createTwin } from '../haproxy/dry-run.ts';
import type { Look } from '../haproxy/look.ts';
import { readView } from '../haproxy/view.ts';
import type { Event } from '../model/events.ts';
import { isNotice, type Notice } from '../model/notice.ts';
import type { Facts } from './facts.ts';
import type { Result } from './plan-output.ts';
import { countReloads, plannedOf, type Taken } from './planned.ts';
import { isProblem } from './problems.ts';
import { settingsOf, timingOf, undisturbed } from './settings.ts';

/** Services that fail again and again are given up when everything else that takes time has come (ms). */
const marginMs = 60_000;

/**
 * Runs the pipeline from what Nomad says into a twin of what HAProxy is, on virtual time, until nothing is left to do or
 * nothing more can come. One value. Every instance counts as serving, because probes take true time.
 */
export function makePlan(facts: Facts, look: Look, config: Config): Observable<Result> {
  return defer(() => {
    const { owner, drainMs, retentionMs, removalMaxWaitMs } = config.haproxy;
    const scheduler = new VirtualTimeScheduler();
    const timing = undisturbed(timingOf(config, scheduler));
    const { end } = createTwin(look.text, owner, look);
    const over = timer(timing.confirmLossAfterMs + drainMs + retentionMs + removalMaxWaitMs + marginMs, scheduler);
    const said = pipeline(
      { nomad: confirmed(facts, timing.confirmLossAfterMs, scheduler), haproxy: end, probe: () => of('admit') },
      settingsOf(config, undefined),
      timing,
    ).pipe(
      map((notice) => ({ notice, atMs: scheduler.now() })),
      takeUntil(over),
      toArray(),
    );
    const flushed = defer(() => {
      scheduler.flush();
      return EMPTY;
    });
    const before = {
      view: readView(look.text, 0, look.rows, owner, look.paths),
      registrations: facts.flatMap((fact) => (fact.kind === 'snapshot-taken' ? fact.registrations : [])),
    };
    return merge(said, flushed).pipe(
      map((all): Result => {
        const taken = all.filter((one): one is Taken => one.notice.kind === 'applied');
        return {
          planned: plannedOf(taken, before),
          reloads: countReloads(taken, before),
          problems: distinct(all.map(({ notice }) => notice).filter(isProblem)),
        };
      }),
    );
  });
}

/** A second snapshot says the same: what is held at first because too much is missing goes then. */
function confirmed(facts: Facts, afterMs: number, scheduler: VirtualTimeScheduler): Observable<Event | Notice> {
  const again = facts.filter((fact) => !isNotice(fact));
  return concat(from(facts), timer(afterMs, scheduler).pipe(mergeMap(() => again)));
}

/** What is said again and again of one service, as it was said last. */
function distinct(notices: readonly Notice[]): readonly Notice[] {
  const subject = (notice: Notice) => ('service' in notice ? notice.service : JSON.stringify(notice));
  return [...new Map(notices.map((notice) => [`${notice.kind} ${subject(notice)}`, notice])).values()];
}
