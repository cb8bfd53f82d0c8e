import { setTimeout } from 'node:timers/promises';

/** Tries an assertion until it holds; fails with its last error after `withinMs`. */
export async function eventually(assertion: () => unknown, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      await assertion();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await setTimeout(20);
  }
}

/** Fails as soon as an assertion does not hold, asked for `forMs`. */
export async function throughout(forMs: number, assertion: () => unknown): Promise<void> {
  const deadline = Date.now() + forMs;
  while (Date.now() < deadline) {
    await assertion();
    await setTimeout(20);
  }
}
