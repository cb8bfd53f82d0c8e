import type { Writable } from 'node:stream';

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
