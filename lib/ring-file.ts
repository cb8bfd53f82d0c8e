import { open, rename, type FileHandle } from 'node:fs/promises';

/** A line, or one that is made in pieces when the file takes it, and of which `head` says the same by then. */
export type Piece = string | Iterable<string>;

export interface RingOptions {
  readonly path: string;
  /** Of both segments together. */
  readonly maxBytes: number;
  /** Lines that say where things stand now, for a segment to begin with. */
  readonly head: () => Iterable<string>;
  /** So many lines were not written. */
  readonly lost: (lines: number) => void;
  /** Why nothing can be written, once each time; undefined: it can be again. */
  readonly trouble: (why: string | undefined) => void;
  /** Ms until the next line after a failure tries again. */
  readonly retryMs?: number;
  /** So many bytes of lines may wait for the disk. */
  readonly maxWaitingBytes?: number;
  /** Ms. */
  readonly now?: () => number;
}

/** The last lines of a recording that never ends. */
export interface Ring {
  /** Neither waits nor throws: what cannot be written is lost. */
  readonly add: (piece: Piece) => void;
  /** Resolves when what waits is written or given up. */
  readonly close: () => Promise<void>;
}

/**
 * Writes lines to `path`. When that holds half of `maxBytes` it becomes `path.1`, in place of the one before, and a new
 * file goes on. Each begins with `head`, and so does what follows on lines that were lost. A file of an earlier process
 * is gone on with. Empty lines before each `head` keep it apart from a line that a crash has cut.
 *
 * One write at a time; meanwhile lines wait, up to a bound. While the disk is full or not there lines are lost, and every
 * `retryMs` one of them tries again.
 */
export function openRing(options: RingOptions): Ring {
  const { path, head, lost, trouble, retryMs = 30_000, maxWaitingBytes = 4 * 1024 * 1024 } = options;
  const { now = () => performance.now() } = options;
  const half = Math.floor(options.maxBytes / 2);
  const waiting: Item[] = [];
  let waitingBytes = 0;
  /** Lines that are neither waiting nor written. */
  let inHand = 0;
  let file: FileHandle | undefined;
  /** Bytes in the file; those in it once what waits is written, as far as that is known; those of the last `head`. */
  let written = 0;
  let planned = 0;
  let headBytes = 0;
  /** The last `head` and what follows it say everything. */
  let whole = false;
  let retryAt: number | undefined;
  let writing: Promise<void> | undefined;

  function add(piece: Piece): void {
    const bytes = sizeOf(piece);
    const isAway = writing === undefined && retryAt !== undefined && now() < retryAt;
    if (isAway || (waiting.length > 0 && waitingBytes + bytes > maxWaitingBytes)) {
      whole = false;
      lost(1);
      return;
    }
    if (!whole || planned + bytes > half) {
      const inNewFile = whole;
      put({ begins: head(), inNewFile }, Math.max(headBytes, leastHead));
      planned = (inNewFile ? 0 : planned) + headBytes;
      whole = true;
    }
    put(piece, bytes);
    planned += bytes;
    writing ??= writeAll().finally(() => {
      writing = undefined;
    });
  }

  function put(item: Item, bytes: number): void {
    waiting.push(item);
    waitingBytes += bytes;
  }

  /** Of what is made later it is only known that it is like a `head`. */
  function sizeOf(piece: Piece): number {
    return typeof piece === 'string' ? Buffer.byteLength(piece) : headBytes;
  }

  /** Never rejects. */
  async function writeAll(): Promise<void> {
    try {
      while (waiting.length > 0) {
        file ??= await openFile();
        const item = take();
        if (isBegin(item)) await begin(item.begins, item.inNewFile || written + headBytes > half);
        else if (!(await append(typeof item === 'string' ? [item] : item))) await goOn(item);
        inHand = 0;
        if (waiting.length === 0) planned = written;
      }
      if (retryAt !== undefined) trouble(undefined);
      retryAt = undefined;
    } catch (error) {
      await giveUp(error as Error);
    }
  }

  /** The next item: of short lines as many as there is room for. */
  function take(): Item {
    const first = waiting.shift() ?? '';
    if (typeof first !== 'string') {
      waitingBytes = Math.max(0, waitingBytes - (isBegin(first) ? Math.max(headBytes, leastHead) : headBytes));
      inHand = isBegin(first) ? 0 : 1;
      return first;
    }
    const lines = [first];
    let bytes = Buffer.byteLength(first);
    for (let next = waiting[0]; typeof next === 'string'; next = waiting[0]) {
      const more = Buffer.byteLength(next);
      if (written + bytes + more > half) break;
      lines.push(next);
      bytes += more;
      waiting.shift();
    }
    waitingBytes = waiting.length === 0 ? 0 : Math.max(0, waitingBytes - bytes);
    inHand = lines.length;
    return lines.join('');
  }

  async function begin(lines: Iterable<string>, inNewFile: boolean): Promise<void> {
    if (inNewFile) await turn();
    const before = written;
    const fits = await append(gap(lines));
    headBytes = written - before;
    if (fits) return;
    if (inNewFile) throw tooSmall();
    await begin(head(), true);
  }

  /** There was less room than planned: the state of now begins the next file, and what waits comes to the same again. */
  async function goOn(piece: Piece): Promise<void> {
    await begin(head(), true);
    if (typeof piece === 'string' && !(await append([piece]))) throw tooSmall();
    planned = written + waitingBytes;
  }

  async function append(texts: Iterable<string>): Promise<boolean> {
    for (const text of inChunks(texts)) {
      const bytes = Buffer.byteLength(text);
      if (written + bytes > half) return false;
      await file?.appendFile(text);
      written += bytes;
    }
    return true;
  }

  async function turn(): Promise<void> {
    await file?.close();
    await rename(path, `${path}.1`);
    file = await openFile();
  }

  async function openFile(): Promise<FileHandle> {
    const opened = await open(path, 'a', 0o600);
    const stat = await opened.stat();
    written = stat.size;
    planned += written;
    if (stat.isFile()) return opened;
    await opened.close();
    throw new Error(`${path} is not a regular file`);
  }

  async function giveUp(error: Error): Promise<void> {
    lost(waiting.filter((item) => !isBegin(item)).length + inHand);
    inHand = 0;
    waiting.length = 0;
    waitingBytes = 0;
    planned = 0;
    whole = false;
    await file?.close().catch(() => undefined);
    file = undefined;
    if (retryAt === undefined) trouble(error.message);
    retryAt = now() + retryMs;
  }

  function tooSmall(): Error {
    return new Error(`where things stand, or a line, takes more than ${half} bytes, half of what is allowed`);
  }

  return {
    add,
    close: async () => {
      await writing;
      await file?.close();
    },
  };
}

/** Where things stood when it was put there. */
interface Begin {
  readonly begins: Iterable<string>;
  readonly inNewFile: boolean;
}
type Item = Piece | Begin;

/** Bytes that a `head` counts for at least, while it waits. */
const leastHead = 4096;

function isBegin(item: Item): item is Begin {
  return typeof item === 'object' && 'begins' in item;
}

function* gap(lines: Iterable<string>): Generator<string> {
  yield '\n\n';
  yield* lines;
}

const chunkLength = 65_536;

/** Short texts joined: a write each would take longer than they are worth. */
function* inChunks(texts: Iterable<string>): Generator<string> {
  let chunk = '';
  for (const text of texts) {
    chunk += text;
    if (chunk.length < chunkLength) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}
