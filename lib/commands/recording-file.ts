import { accessSync, constants, createWriteStream, existsSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

/** Bytes that may wait for the disk beside the line that is written last. */
const maxWaitingBytes = 64 * 1024 * 1024;

/**
 * Writes lines to a file, and gives the file up (`error`) when the disk takes them slower than Nomad says them: what waits
 * would have no end. A single line is as long as it is: a snapshot is one.
 */
export function createLineWriter(file: Writable, maxBytes = maxWaitingBytes): (line: string) => void {
  return (line) => {
    if (file.writableLength <= maxBytes) file.write(line);
    else file.destroy(new Error(`the disk is too slow: ${file.writableLength} bytes wait for it`));
  };
}

/** A file that does not exist before its first line. */
export interface RecordingFile {
  readonly write: (line: string) => void;
  /** Resolves when all is written, or nothing was to be. Rejects as soon as the file cannot be written. */
  readonly closed: Promise<void>;
  readonly end: () => void;
}

/**
 * Makes a new file for its owner alone, with the first line: who tries again after a Nomad that did not answer finds none in
 * the way. What can be known before is said at once: throws where the file exists, or its directory cannot be written.
 */
export function createRecordingFile(path: string): RecordingFile {
  if (existsSync(path)) throw new Error(`EEXIST: file already exists, open '${path}'`);
  accessSync(dirname(path), constants.W_OK);
  const { promise: closed, resolve, reject } = Promise.withResolvers<undefined>();
  let file: WriteStream | undefined;
  let append: ((line: string) => void) | undefined;

  function open(): (line: string) => void {
    file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
    finished(file).then(() => {
      resolve(undefined);
    }, reject);
    return createLineWriter(file);
  }

  return {
    write: (line) => {
      append ??= open();
      append(line);
    },
    closed,
    end: () => {
      if (file === undefined) resolve(undefined);
      else file.end();
    },
  };
}
