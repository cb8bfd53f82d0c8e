import { concat, concatMap, defer, type OperatorFunction } from 'rxjs';

const newline = 0x0a;

/**
 * Decodes newline-delimited UTF-8 into frames, whatever the chunks are cut like; blank lines are no frames.
 *
 *     source:  -x--y--|     x: {"a":1}\n{"b"    y: :2}\n
 *     result:  -A--B--|
 *
 * A line of more than `maxLineBytes` is not kept: `oversized` is called once, with its full length, when it ends, and
 * decoding goes on with the next line. The last line need not be terminated. `parse` must not throw: a line it cannot
 * read is a value too.
 */
export function decodeFrames<F>(
  parse: (line: string) => F,
  oversized: (bytes: number) => F,
  maxLineBytes = 4 * 1024 * 1024,
): OperatorFunction<Uint8Array, F> {
  return (source) =>
    defer(() => {
      /** The line that the chunks so far have begun; empty also where it is too long to be kept. */
      let begun: Buffer[] = [];
      let bytes = 0;

      function begin(part: Buffer): void {
        bytes += part.length;
        if (bytes > maxLineBytes) begun = [];
        else if (part.length > 0) begun.push(part);
      }

      /** Undefined: no frame. */
      function endLine(): F | undefined {
        const text = Buffer.concat(begun).toString();
        const length = bytes;
        begun = [];
        bytes = 0;
        return read(text, length);
      }

      function read(text: string, length: number): F | undefined {
        if (length > maxLineBytes) return oversized(length);
        return text.trim() === '' ? undefined : parse(text);
      }

      function* frames(chunk: Buffer): Iterable<F> {
        let start = 0;
        for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
          if (bytes > 0) begin(chunk.subarray(start, end));
          const frame = bytes > 0 ? endLine() : read(chunk.toString('utf8', start, end), end - start);
          start = end + 1;
          if (frame !== undefined) yield frame;
        }
        begin(chunk.subarray(start));
      }

      function* last(): Iterable<F> {
        const frame = endLine();
        if (frame !== undefined) yield frame;
      }

      return concat(
        source.pipe(concatMap((chunk) => frames(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)))),
        defer(last),
      );
    });
}
