import { setTimeout } from 'node:timers/promises';

/** Ms of the machine's monotonic clock, which is the same in all processes. */
export function clockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Resolves once it is true, asked every `everyMs`; rejects after `withinMs`. */
export async function waitUntil(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  { everyMs = 20, withinMs = 120_000 } = {},
): Promise<void> {
  const deadline = clockMs() + withinMs;
  while (!(await isTrue())) {
    if (clockMs() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await pause(everyMs);
  }
}

export function pause(ms: number): Promise<void> {
  return setTimeout(ms);
}
