import { identity, type MonoTypeOperatorFunction, tap } from 'rxjs';

/** Which seams of the pipeline are traced, and where to. */
export interface DebugTap {
  /** Names of seams; `*` stands for all. */
  readonly seams: ReadonlySet<string>;
  readonly trace: (entry: {
    readonly seam: string;
    readonly what: 'subscribe' | 'value' | 'error' | 'complete' | 'teardown';
    /** The value, or the error. */
    readonly value?: unknown;
  }) => void;
}

/**
 * Traces what goes through a seam of the pipeline, and costs nothing where that seam is off: then the source is returned
 * as it is.
 *
 *     source:  ^--a---b---|
 *     result:  ---a---b---|
 *     trace:   s--v---v---(ct)
 */
export function tapDebug<T>(seam: string, debug: DebugTap | undefined): MonoTypeOperatorFunction<T> {
  if (debug === undefined || !(debug.seams.has(seam) || debug.seams.has('*'))) return identity;
  const { trace } = debug;
  return tap({
    subscribe: () => {
      trace({ seam, what: 'subscribe' });
    },
    next: (value) => {
      trace({ seam, what: 'value', value });
    },
    error: (error: unknown) => {
      trace({ seam, what: 'error', value: error });
    },
    complete: () => {
      trace({ seam, what: 'complete' });
    },
    finalize: () => {
      trace({ seam, what: 'teardown' });
    },
  });
}
