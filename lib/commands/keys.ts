import { once } from 'node:events';
import type { Readable } from 'node:stream';

/** Where keys are pressed, as `process.stdin` is. */
export type KeyInput = Readable & {
  readonly isTTY?: boolean;
  readonly setRawMode?: (raw: boolean) => unknown;
};

/** Keys that somebody presses, one by one. */
export interface Keys {
  /** The next key; `q` also for Ctrl-C, Ctrl-D and when there are no more. */
  readonly next: () => Promise<string>;
  /** Gives the terminal back. */
  readonly close: () => void;
}

/** Takes a terminal in raw mode, where no Enter is needed; undefined when the input is none. */
export function openKeys(input: KeyInput): Keys | undefined {
  if (input.isTTY !== true || input.setRawMode === undefined) return undefined;
  input.setRawMode(true);
  const pressed: string[] = [];
  let ended = input.readableEnded;
  const taken = (chunk: Buffer | string) => pressed.push(chunk.toString());
  const over = () => {
    ended = true;
  };
  input.on('data', taken).once('end', over);
  return {
    next: async () => {
      while (pressed.length === 0 && !ended) await Promise.race([once(input, 'data'), once(input, 'end')]);
      const key = pressed.shift() ?? 'q';
      return key === '\u0003' || key === '\u0004' ? 'q' : key;
    },
    close: () => {
      input.setRawMode?.(false);
      input.off('data', taken).off('end', over).pause();
    },
  };
}
