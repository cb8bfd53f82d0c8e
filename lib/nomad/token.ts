import { readFileSync, statSync } from 'node:fs';
import { FailureError } from '../model/failure.ts';

/** The token in force: one text, or a file that Nomad rewrites while we run (workload identities with a `ttl`). */
export interface Token {
  /**
   * Reads the file again when its modification time moved. Throws a FailureError `unauthorized` when it cannot, or when what it
   * reads cannot be sent as a token.
   */
  readonly current: () => string | undefined;
  /** After a refusal: reads the file whatever its time says; true when that is another token than before. */
  readonly renew: () => boolean;
  /** How often the file has turned out to hold another token; looks at it, and is the same where it cannot be read. */
  readonly changes: () => number;
  /** The token in force and the one before it, of which an answer may still speak. */
  readonly known: () => readonly string[];
}

/** What Node sends as a header without a word, and Nomad could have made: one word of printable ASCII. */
const usable = /^[\x21-\x7e]+$/;
const unusable = 'it is not one line of printable ASCII without blanks';

export function createToken(settings: { readonly token?: string; readonly tokenFile?: string }): Token {
  const { token, tokenFile } = settings;
  if (tokenFile !== undefined) return fileToken(tokenFile);
  return {
    current() {
      if (token !== undefined && !usable.test(token)) throw refusal(unusable, 'nomad.token', 'check nomad.token');
      return token;
    },
    renew: () => false,
    changes: () => 0,
    known: () => (token === undefined ? [] : [token]),
  };
}

function refusal(why: string, where: string, hint: string): FailureError {
  return new FailureError({ kind: 'unauthorized', message: `cannot read the token: ${why}`, where, hint });
}

function fileToken(path: string): Token {
  let modifiedMs = Number.NaN;
  let known: string | undefined;
  let earlier: string | undefined;
  let changes = 0;

  function read(): void {
    try {
      const { mtimeMs } = statSync(path);
      const found = readFileSync(path, 'utf8').trim();
      if (!usable.test(found)) throw new Error(unusable);
      modifiedMs = mtimeMs;
      if (found === known) return;
      if (known !== undefined) changes += 1;
      earlier = known;
      known = found;
    } catch (error) {
      throw refusal((error as Error).message, path, 'check nomad.token_file, and that the connector may read it');
    }
  }

  /** Also where it cannot be looked at: reading it says why. */
  function moved(): boolean {
    try {
      return statSync(path).mtimeMs !== modifiedMs;
    } catch {
      return true;
    }
  }

  function current(): string | undefined {
    if (moved()) read();
    return known;
  }

  return {
    current,
    renew() {
      const before = known;
      read();
      return known !== before;
    },
    changes() {
      try {
        current();
      } catch {
        // Whoever needs it says so.
      }
      return changes;
    },
    known: () => [known, earlier].filter((one) => one !== undefined),
  };
}
