import {
  asyncScheduler,
  catchError,
  concatMap,
  connect,
  defer,
  EMPTY,
  exhaustMap,
  filter,
  forkJoin,
  interval,
  map,
  merge,
  type Observable,
  of,
  Subject,
  tap,
  throwError,
} from 'rxjs';
import type { Event } from '../lib/model/events.ts';
import { FailureError } from '../lib/model/failure.ts';
import { isNotice, type Notice } from '../lib/model/notice.ts';
import type { NomadClient } from '../lib/nomad/client.ts';
import { createGhostBook } from '../lib/nomad/ghosts.ts';
import { parseRecording } from '../lib/nomad/recording.ts';
import { lineOf } from '../lib/nomad/write-recording.ts';
import { guardLosses } from '../operators/guard-losses.ts';
import { ignoreGhosts } from '../operators/ignore-ghosts.ts';
import { readAliases } from '../operators/read-aliases.ts';
import { skippedNotice } from './nomad-notices.ts';
import { recordEvents, type RecordOptions } from './record-events.ts';
import { tellFacts } from './recorded-events.ts';

export interface RecordFactsOptions extends RecordOptions {
  readonly maxLossPercent: number;
  readonly confirmAfterMs: number;
  /** Registrations that outlived their allocation are found with each snapshot, and every 30 s. */
  readonly verifyAllocations: boolean;
  /** What an operator says. */
  readonly words: Observable<Event>;
}

const ghostsEveryMs = 30_000;

/**
 * The lines of `recordEvents`, and among them what the connector would have learned otherwise: registrations without a
 * living allocation, and an operator's words. Says besides what a guard would hold of what is recorded, so that an operator
 * has something to say about. Never completes, and errors on bugs only.
 */
export function recordFacts(client: NomadClient, options: RecordFactsOptions): Observable<string | Notice> {
  const { namespaces, prefix, aliases = [], verifyAllocations, words, scheduler = asyncScheduler } = options;

  return defer(() => {
    const startedAt = scheduler.now();
    const book = createGhostBook();
    const snapshots = new Subject<void>();
    const lineNow = (event: Event) => [...lineOf(scheduler.now() - startedAt, event)].join('');

    const findGhosts = defer(() =>
      forkJoin(namespaces.map((namespace) => client.getLivingAllocations(namespace))),
    ).pipe(
      map((living) => book.judge(living)),
      filter((found) => found !== undefined),
      map(({ ghosts }) => lineNow({ kind: 'ghosts-seen', ghosts })),
      catchError((error: unknown) => {
        if (!(error instanceof FailureError)) return throwError(() => error as Error);
        return of(skippedNotice({ what: 'the list of allocations', why: error.message }));
      }),
    );
    const ghosts = verifyAllocations
      ? merge(snapshots, interval(ghostsEveryMs, scheduler)).pipe(exhaustMap(() => findGhosts))
      : EMPTY;

    /** What the guard says of lines as `replay` will read them. */
    const judged = (lines: Observable<string | Notice>) =>
      lines.pipe(
        filter((said) => typeof said === 'string'),
        concatMap(parseRecording),
        tellFacts(),
        tap((fact) => {
          book.note(fact);
          if (fact.kind === 'snapshot-taken') snapshots.next();
        }),
        ignoreGhosts(),
        readAliases(prefix, aliases),
        guardLosses({ ...options, scheduler }),
        filter((fact) => isNotice(fact)),
        filter(({ kind }) => kind === 'losses-held' || kind === 'losses-released' || kind === 'ghosts-ignored'),
      );
    return merge(recordEvents(client, options), ghosts, words.pipe(map(lineNow))).pipe(
      connect((lines) => merge(lines, judged(lines))),
    );
  });
}
