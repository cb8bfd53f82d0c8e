import { readFileSync } from 'node:fs';

/** A file that the command line names and that cannot be used; the message says which and why. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** Throws an InputError; Node's own words name the path. */
export function readInput(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InputError((error as Error).message);
  }
}
