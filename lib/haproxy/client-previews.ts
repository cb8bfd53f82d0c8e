import { catchError, defer, retry, tap, timer } from 'rxjs';
import type { MonoTypeOperatorFunction, Observable } from 'rxjs';
import { FailureError, type FailureKind } from '../model/failure.ts';
import { ask } from './ask.ts';
import { isCrowded } from './client-failures.ts';
import type { TransactionCalls } from './client-transactions.ts';

export interface PreviewCalls {
  /**
   * The text that a write of the present configuration would result in, without writing: a transaction is opened, read and
   * deleted. It shows what the API has parsed; anything missing from it the API does not know. Where the API has as many
   * open transactions as it takes, those that can never be committed any more, because the version has moved, are deleted.
   *
   * What has no answer is sent again five times within a second. What it may have opened, and could not tell of, is looked for
   * after the next call that is answered. Goes on to its end when its subscriber leaves.
   */
  readonly previewRoundTrip: (version: number) => Observable<string>;
}

/** Calls that may have opened a transaction: how many, and which ones were open before the first of them. */
interface Unanswered {
  readonly before: ReadonlySet<string>;
  readonly calls: number;
}

export function createPreviewCalls(calls: TransactionCalls): PreviewCalls {
  /** Opened by us and, as far as we know, not deleted. */
  const ours = new Set<string>();
  let unanswered: Unanswered | undefined;

  async function preview(version: number): Promise<string> {
    for (const id of ours) await remove(id);
    const before = new Set(await ask(calls.listTransactions()));
    const id = await ask(open(version, before));
    let text: string;
    try {
      text = await ask(calls.readTransaction(id));
    } finally {
      await remove(id);
    }
    await removeUntold(text, version);
    return text;
  }

  function open(version: number, before: ReadonlySet<string>): Observable<string> {
    return start(version).pipe(
      catchError(async (error: unknown) => {
        if (isAway(error)) unanswered = { before: unanswered?.before ?? before, calls: (unanswered?.calls ?? 0) + 1 };
        const isFull = error instanceof FailureError && isCrowded(error.failure);
        if (!isFull || (await removeDead(version)) === 0) throw error;
        return ask(start(version));
      }),
      insist(),
    );
  }

  function start(version: number): Observable<string> {
    return calls.startTransaction(version).pipe(tap((id) => ours.add(id)));
  }

  /** Gone is gone, also by a call whose answer was lost. */
  async function remove(id: string): Promise<void> {
    await unless(['not-found'], ask(calls.deleteTransaction(id).pipe(insist())));
    ours.delete(id);
  }

  /** Resolves to how many there were. */
  async function removeDead(version: number): Promise<number> {
    let removed = 0;
    for (const id of await ask(calls.listTransactions())) {
      if (!(baseVersion(await readIfThere(id)) < version)) continue;
      await unless(['not-found', 'conflict'], ask(calls.deleteTransaction(id)));
      removed += 1;
    }
    return removed;
  }

  /** Nothing says whose a transaction is. One that is as untouched as ours is given up by nobody who has work in it. */
  async function removeUntold(untouched: string, version: number): Promise<void> {
    if (unanswered === undefined) return;
    const { before, calls: most } = unanswered;
    let removed = 0;
    for (const id of await ask(calls.listTransactions())) {
      if (before.has(id) || removed === most) continue;
      const text = await readIfThere(id);
      if (text !== untouched && !(baseVersion(text) < version)) continue;
      await remove(id);
      removed += 1;
    }
    unanswered = undefined;
  }

  /** Somebody may end it at the same moment. */
  function readIfThere(id: string): Promise<string | undefined> {
    return unless(['not-found', 'conflict'], ask(calls.readTransaction(id)));
  }

  return { previewRoundTrip: (version) => defer(() => preview(version)) };
}

const insistence = { count: 5, everyMs: 200 };

function insist<T>(): MonoTypeOperatorFunction<T> {
  return retry({
    count: insistence.count,
    delay: (error: unknown) => {
      if (isAway(error)) return timer(insistence.everyMs);
      throw error;
    },
  });
}

/** No answer that says what became of the call. */
function isAway(error: unknown): boolean {
  return error instanceof FailureError && error.failure.kind === 'unreachable' && !isCrowded(error.failure);
}

async function unless<T>(kinds: readonly FailureKind[], answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof FailureError && kinds.includes(error.failure.kind)) return undefined;
    throw error;
  }
}

/** The version that a transaction was opened at; as new as can be where its text does not tell. */
function baseVersion(text = ''): number {
  return Number(/^# _version=(\d+)$/m.exec(text)?.[1] ?? Infinity);
}
