import { asyncScheduler, type SchedulerLike } from 'rxjs';
import type { Logger } from 'pino';
import type { Measure } from '../model/kept.ts';
import type { Witness } from '../model/witness.ts';
import type { DebugTap } from '../../operators/tap-debug.ts';
import type { Settings, Timing } from '../../streams/pipeline-settings.ts';
import type { Config } from '../config.ts';

/** By a clock that nobody sets: all that waits would else wait by as much longer as the machine's clock is set back. */
const steady: SchedulerLike = {
  now: () => performance.timeOrigin + performance.now(),
  schedule: asyncScheduler.schedule.bind(asyncScheduler),
};

/** The pipeline's durations as they hold in operation. */
export function timingOf(config: Config, scheduler: SchedulerLike = steady): Timing {
  return {
    quietMs: 25,
    maxQuietMs: 250,
    resyncMs: 60_000,
    backoffMs: (attempt) => Math.min(30_000, 500 * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2),
    reloadBurst: config.reload.burst,
    reloadIntervalMs: config.reload.intervalMs,
    admissionMaxWaitMs: config.admission.maxWaitMs,
    admissionFallbackMs: config.admission.fallbackMs,
    confirmLossAfterMs: config.guard.confirmAfterMs,
    scheduler,
  };
}

/** On virtual time nothing is looked at again because time passes, and chance plays no part. */
export function undisturbed(timing: Timing): Timing {
  return { ...timing, resyncMs: 0, backoffMs: (attempt) => Math.min(30_000, 500 * 2 ** (attempt - 1)) };
}

export function settingsOf(
  config: Config,
  debug: DebugTap | undefined,
  measure?: Measure,
  witness?: Witness,
): Settings {
  return {
    policy: config.haproxy,
    prefix: config.tags.prefix,
    aliases: config.tags.aliases,
    domainMap: config.domainMap.enabled,
    maxLossPercent: config.guard.maxLossPercent,
    ...(debug && { debug }),
    ...(measure && { measure }),
    ...(witness && { witness }),
  };
}

/** The pipeline's seams, in the order of the flow. */
export const seams = ['events', 'admitted', 'changes', 'batches'];

/** The seams named in DEBUG_TAP go to the log, values and all; undefined when there are none. */
export function debugTap(names: string | undefined, log: Logger): DebugTap | undefined {
  const asked = (names ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const unknown = asked.filter((name) => name !== '*' && !seams.includes(name));
  if (unknown.length > 0) log.warn({ unknown, known: [...seams, '*'] }, 'DEBUG_TAP names seams that there are not');
  if (asked.length === unknown.length) return undefined;
  return {
    seams: new Set(asked),
    trace: (entry) => {
      log.info(entry, 'debug tap');
    },
  };
}
