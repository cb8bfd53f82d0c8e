import { failureFields, fewOf, type LogLine } from './log.ts';
import { isTransient, type Failure } from './model/failure.ts';
import type { ServiceKey } from './model/events.ts';
import type { Notice } from './model/notice.ts';

/** When what was held back is told: the first time soon, to name all whom a cause meets, and then rarely (ms). */
const soonMs = 5000;
const rarelyMs = 600_000;
/** Causes that are known at once; beyond it the oldest is forgotten, and told again. */
const maxCauses = 100;

interface Cause {
  readonly failure: Failure;
  /** The service of which it was told at once. */
  readonly first: ServiceKey;
  saidAt: number;
  waitMs: number;
  tries: number;
  readonly services: Set<ServiceKey>;
}

/**
 * One cause, such as an API that refuses every write, fails every service with every try: the log is told at once of the
 * first service that it meets, soon of all others together, and from then on rarely.
 */
export function createRepeats(now: () => number) {
  const causes = new Map<string, Cause>();

  return {
    /** True where the log has this already, and is told of it later. */
    holds: (notice: Notice): boolean => {
      if (notice.kind !== 'service-failed') return false;
      const { service, failure } = notice;
      const key = JSON.stringify(failure);
      const cause = causes.get(key);
      if (cause === undefined) {
        causes.set(key, { failure, first: service, saidAt: now(), waitMs: soonMs, tries: 0, services: new Set() });
        for (const oldest of causes.keys()) if (causes.size > maxCauses) causes.delete(oldest);
        return false;
      }
      cause.tries += 1;
      cause.services.add(service);
      return true;
    },
    /** Lines that are due; asked once a second. */
    due: (): readonly LogLine[] => {
      const lines: LogLine[] = [];
      for (const [key, cause] of causes) {
        const { failure, first, saidAt, waitMs, tries, services } = cause;
        if (now() - saidAt < waitMs) continue;
        cause.waitMs = rarelyMs;
        const isFirstAgain = waitMs === soonMs && [...services].every((service) => service === first);
        if (isFirstAgain) continue;
        if (tries === 0) {
          causes.delete(key);
          continue;
        }
        lines.push({
          level: isTransient(failure) ? 'warn' : 'error',
          message: 'could not bring services to HAProxy, for one cause',
          fields: { ...fewOf([...services]), tries, ...failureFields(failure) },
        });
        Object.assign(cause, { saidAt: now(), tries: 0 });
        services.clear();
      }
      return lines;
    },
  };
}
