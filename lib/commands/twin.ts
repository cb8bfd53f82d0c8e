import type { Config } from '../config.ts';
import { createTwin, plainConfig, plainFrontend } from '../haproxy/dry-run.ts';
import { readInput } from './input.ts';

/**
 * HAProxy for a dry run, and the configuration as it holds there. Without a file of its own it is the plain one, whose
 * frontend stands for those that the configuration names. Throws an InputError when the file cannot be read.
 */
export function startTwin(config: Config, base: string | undefined) {
  const text = base === undefined ? plainConfig : readInput(base, `--base ${base}`);
  const frontends = base === undefined ? [plainFrontend] : config.haproxy.frontends;
  return {
    twin: createTwin(text, config.haproxy.owner),
    config: { ...config, haproxy: { ...config.haproxy, frontends } } satisfies Config,
  };
}
