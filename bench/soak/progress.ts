import { clockMs } from '../support/clock.ts';
import type { Scene } from './scene.ts';

/** Says on a terminal, once a second in one line, how far it has come; elsewhere each fault gets a line. */
export function showProgress(
  seconds: number,
  { cluster, connectors: { lives }, load }: Scene,
): { readonly say: (what: string) => void; readonly stop: () => void } {
  const startedAt = clockMs();
  const since = () => Math.round((clockMs() - startedAt) / 1000);
  let now = '';

  async function show(): Promise<void> {
    const rss = Math.round((lives.at(-1)?.memory.at(-1) ?? 0) / 2 ** 20);
    const figures = `${since()} of ${seconds} s, ${cluster.events()} events, ${await load.failed()} failed requests, ${rss} MiB`;
    process.stderr.write(`\r\u001b[K${figures}: ${now}`);
  }

  const timer = process.stderr.isTTY ? setInterval(() => void show(), 1000) : undefined;
  return {
    say: (what) => {
      now = what;
      if (timer === undefined) process.stderr.write(`${since()} s: ${what}\n`);
    },
    stop: () => {
      clearInterval(timer);
      if (timer !== undefined) process.stderr.write('\r\u001b[K');
    },
  };
}
