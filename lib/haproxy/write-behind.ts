export interface WriteBehindOptions {
  /** Ms from the last change to its write, and the longest from the first. */
  readonly delayMs: number;
  readonly maxMs: number;
  /** Ms. */
  readonly now: () => number;
}

/** A write that may wait, so that many changes share it. */
export interface WriteBehind {
  /** Something changed. */
  readonly soon: () => void;
  /** Writes what waits now; from then on nothing is put off any more. */
  readonly finish: () => Promise<void>;
}

/** Ms until a write that failed is tried again. */
const retryMs = 1000;

/** `write` resolves to false when there is something left to write, and never rejects. */
export function createWriteBehind(
  write: () => Promise<boolean>,
  { delayMs, maxMs, now }: WriteBehindOptions,
): WriteBehind {
  let timer: NodeJS.Timeout | undefined;
  let dueBy: number | undefined;
  let finished = false;

  function writeIn(ms: number): void {
    clearTimeout(timer);
    if (!finished) timer = setTimeout(() => void writeNow(), Math.max(0, ms));
  }

  async function writeNow(): Promise<void> {
    clearTimeout(timer);
    dueBy = undefined;
    if (!(await write())) retry();
  }

  function retry(): void {
    if (dueBy === undefined) writeIn(retryMs);
  }

  return {
    soon: () => {
      dueBy ??= now() + maxMs;
      writeIn(Math.min(delayMs, dueBy - now()));
    },
    finish: () => {
      finished = true;
      return writeNow();
    },
  };
}
