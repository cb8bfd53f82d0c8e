import { createHash } from 'node:crypto';
import { FailureError } from '../model/failure.ts';
import { hidePasswords } from '../secrets.ts';
import { ask } from './ask.ts';
import type { DataplaneClient, RawConfiguration } from './client.ts';
import { lostLines } from './config-text.ts';

/** Makes sure that the API's parser knows all of a text before something is written over it. */
export interface Vetting {
  /**
   * Rejects with `unsupported` when a rewrite would lose directives, and with `conflict` while the API has not read yet
   * what somebody wrote into the file; nothing was written then.
   */
  readonly vet: (raw: RawConfiguration) => Promise<void>;
  /** A text that came back from the API is what its parser made of it. */
  readonly trust: (text: string) => void;
}

/** One preview for each text that somebody else wrote, by a transaction that is opened, read and deleted. */
export function createVetting(client: DataplaneClient): Vetting {
  let trusted: string | undefined;
  return {
    trust: (text) => {
      trusted = text;
    },
    vet: async ({ text, version }) => {
      if (trusted === text) return;
      const preview = await ask(client.previewRoundTrip(version));
      const lost = lostLines(text, preview);
      const isUnread = isOther(text, version) || (trusted !== undefined && saysTheSame(preview, trusted));
      if (lost.length === 0 || (isAsWritten(text) && (isUnread || lostLines(preview, text).length > 0))) {
        trusted = text;
        return;
      }
      if (isUnread) {
        throw new FailureError({
          kind: 'conflict',
          message: 'the file was edited and the Data Plane API has not read it yet',
          where: 'haproxy.cfg',
          hint: 'this is tried again',
        });
      }
      throw new FailureError({
        kind: 'unsupported',
        message: `the Data Plane API does not know, and would lose: ${lost.slice(0, 5).map(hidePasswords).join(' | ')}`,
        where: 'haproxy.cfg',
        hint: 'upgrade the Data Plane API or remove these lines; nothing was written',
      });
    },
  };
}

/**
 * True for a file as the API wrote it, whose parser therefore knows it all: it begins with a checksum of what follows. By
 * that the API takes a file that was put back from an earlier day for one that it knows, and never reads it (3.2 does so).
 */
function isAsWritten(text: string): boolean {
  const [, checksum, rest] = /^# _md5hash=(\w+)\n(.*)$/s.exec(text) ?? [];
  return rest !== undefined && createHash('md5').update(rest).digest('hex') === checksum;
}

/**
 * True for a file of another version than the API's memory, which is of another text then: so it is since a reload has failed,
 * and until the API reads the file.
 */
function isOther(text: string, version: number): boolean {
  return Number(/^# _version=(\d+)$/m.exec(text)?.[1] ?? version) !== version;
}

function saysTheSame(one: string, other: string): boolean {
  return lostLines(one, other).length === 0 && lostLines(other, one).length === 0;
}
