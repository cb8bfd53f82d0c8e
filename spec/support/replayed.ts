import { expect } from 'chai';
import type { Notice } from '../../lib/model/notice.ts';
import { linesOf, runCommand } from './command-line.ts';

/** The last line of `replay --json`. */
export interface Replayed {
  readonly kind: 'replay-finished';
  readonly events: number;
  readonly changes: number;
  readonly commits: number;
  readonly reloads: number;
  readonly config: string;
  readonly maps: Readonly<Record<'exact' | 'prefix' | 'regex', Readonly<Record<string, string>>>>;
  readonly problems: readonly Notice[];
}

/** Replays a recording on virtual time, as `replay --pace max --json` of a command line does. */
export async function replayRecording(path: string, ...more: readonly string[]) {
  const line = ['replay', path, '--dry-run', '--pace', 'max', '--json', ...more];
  const { code, stdout, stderr } = await runCommand(line);
  expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
  const said = linesOf(stdout).map((text) => JSON.parse(text) as Notice | Replayed);
  return { stdout, notices: said.slice(0, -1) as Notice[], end: said.at(-1) as Replayed };
}

/** What serves in each backend that holds slots of ours: `address:port weight`, sorted. */
export function servingIn(config: string): Readonly<Record<string, readonly string[]>> {
  const serving: Record<string, string[]> = {};
  let section = '';
  for (const line of config.split('\n')) {
    if (/^\S/.test(line)) [, section = ''] = line.split(' ');
    const [, endpoint = '', options = ''] = /^ {2}server nomad\d+ (\S+) (.*) #/.exec(line) ?? [];
    if (endpoint === '') continue;
    serving[section] ??= [];
    if (options.includes('disabled')) continue;
    const [, weight = ''] = /\bweight (\d+)/.exec(options) ?? [];
    serving[section]?.push(`${endpoint} ${weight}`);
  }
  return Object.fromEntries(Object.entries(serving).map(([backend, slots]) => [backend, slots.sort()]));
}

/** The rows of all maps, as `map key backend`. */
export function rowsIn(maps: Replayed['maps']): readonly string[] {
  return Object.entries(maps).flatMap(([map, rows]) =>
    Object.entries(rows).map(([key, backend]) => `${map} ${key} ${backend}`),
  );
}
