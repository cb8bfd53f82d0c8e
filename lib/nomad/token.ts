import { readFileSync, statSync } from 'node:fs';
import { FailureError } from '../model/failure.ts';

/** The token in force: one text, or a file that Nomad rewrites while we run (workload identities with a `ttl`). */
export interface Token {
  /** Reads the file again when its modification time moved. Throws a FailureError `unauthorized` when it cannot. */
  readonly current: () => string | undefined;
  /** After a refusal: reads the file whatever its time says; true when that is another token than before. */
  readonly renew: () => boolean;
  /** The token in force and the one before it, of which an answer may still speak. */
  readonly known: () => readonly string[];
}

export function createToken(settings: { readonly token?: string; readonly tokenFile?: string }): Token {
  const { token, tokenFile } = settings;
  if (tokenFile === undefined)
    return { current: () => token, renew: () => false, known: () => (token === undefined ? [] : [token]) };
  return fileToken(tokenFile);
}

function fileToken(path: string): Token {
  let modifiedMs = Number.NaN;
  let known: string | undefined;
  let earlier: string | undefined;

  function read(): void {
    try {
      modifiedMs = statSync(path).mtimeMs;
      const found = readFileSync(path, 'utf8').trim();
      if (found !== known) earlier = known;
      known = found;
    } catch (error) {
      throw new FailureError({
        kind: 'unauthorized',
        message: `cannot read the token: ${(error as Error).message}`,
        where: path,
        hint: 'check nomad.token_file, and that the connector may read it',
      });
    }
  }

  function moved(): boolean {
    return statSync(path, { throwIfNoEntry: false })?.mtimeMs !== modifiedMs;
  }

  return {
    current() {
      if (moved()) read();
      return known;
    },
    renew() {
      const before = known;
      read();
      return known !== before;
    },
    known: () => [known, earlier].filter((one) => one !== undefined),
  };
}
