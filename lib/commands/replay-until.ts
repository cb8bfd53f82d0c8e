import type { RecordedLine } from '../nomad/recording.ts';
import { InputError } from './input.ts';

/** How far a replay goes: ms after the first line, or Nomad's index. */
export type Until = { readonly ms: number } | { readonly index: number };

/** `1500` is ms, `index:812` is Nomad's index; undefined: neither. */
export function parseUntil(text: string): Until | undefined {
  const [, what, digits = ''] = /^(index:)?(\d{1,15})$/.exec(text) ?? [];
  if (digits === '') return undefined;
  return what === undefined ? { ms: Number(digits) } : { index: Number(digits) };
}

/** A recording up to there; `endMs`: when it ends, after its first line. Throws an InputError when it begins later. */
export function cutRecording(lines: readonly RecordedLine[], until: Until) {
  const startedAt = lines[0]?.t ?? 0;
  if ('ms' in until) return { lines: lines.filter(({ t }) => t - startedAt <= until.ms), endMs: until.ms };
  const end = lines.findIndex((line) => indexOf(line) > until.index);
  const kept = end < 0 ? lines : lines.slice(0, end);
  if (!kept.some((line) => indexOf(line) > 0)) {
    const [begins] = lines.map(indexOf).filter((index) => index > 0);
    throw new InputError(`the recording does not have index ${until.index}: it begins at ${begins ?? 'none'}`);
  }
  return { lines: kept, endMs: (kept.at(-1)?.t ?? startedAt) - startedAt };
}

/** Nomad's newest index that a line tells of; 0: none. */
function indexOf({ what }: RecordedLine): number {
  if (what.kind === 'snapshot-taken') return what.index;
  if (what.kind === 'told' || what.kind === 'events') return Math.max(0, ...what.events.map(({ index }) => index));
  return 0;
}
