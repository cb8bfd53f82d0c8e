import { PassThrough } from 'node:stream';

/** A terminal at which these keys are pressed; `modes`: raw or not, as it was asked for. */
export function terminal(...keys: readonly string[]) {
  const modes: boolean[] = [];
  const setRawMode = (raw: boolean) => modes.push(raw);
  const input = Object.assign(new PassThrough({ objectMode: true }), { isTTY: true, setRawMode });
  for (const key of keys) input.write(Buffer.from(key));
  return { input, modes };
}
