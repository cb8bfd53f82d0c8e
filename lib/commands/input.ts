import { readFileSync } from 'node:fs';

/** A file that the command line names and that cannot be used; the message says which and why. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** Throws an InputError; `name` is what the command line calls the file. */
export function readInput(path: string, name = path): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InputError(`${name}: cannot be read: ${(error as Error).message}`);
  }
}
