import {
  catchError,
  concat,
  concatMap,
  connect,
  defer,
  distinct,
  EMPTY,
  exhaustMap,
  filter,
  forkJoin,
  from,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  sampleTime,
  type SchedulerLike,
  skip,
  switchMap,
  take,
  takeWhile,
  tap,
  throwError,
  timer,
} from 'rxjs';
import type { Event } from '../lib/model/events.ts';
import { FailureError } from '../lib/model/failure.ts';
import type { Notice } from '../lib/model/notice.ts';
import type { AliasName } from '../lib/model/tag-aliases.ts';
import type { NomadClient } from '../lib/nomad/client.ts';
import type { GhostBook } from '../lib/nomad/ghosts.ts';
import type { Ledger } from '../lib/nomad/ledger.ts';
import { emitEach } from '../operators/emit-each.ts';
import { endsOfBursts } from './ends-of-bursts.ts';
import { nomadLines, type Line } from './nomad-lines.ts';
import { ghostFacts, progressNotice, skippedNotice, snapshotNotice } from './nomad-notices.ts';
import { followSnapshot, isProgress, isTaken, type SnapshotTaken } from './nomad-snapshot.ts';

export interface SessionOptions {
  readonly namespaces: readonly string[];
  readonly prefix: string;
  readonly aliases: readonly AliasName[];
  readonly auditEveryMs: number;
  readonly lossAfterMs: number;
  /** A burst of events has ended when none came for so long. */
  readonly quietMs: number;
  readonly firstHeartbeatMs: number;
  readonly silenceMs: number;
  /** Absent: allocations are not verified. */
  readonly ghosts: GhostBook | undefined;
  /** Emits when a snapshot has become due otherwise than by what the session sees. */
  readonly owed: Observable<unknown>;
  readonly scheduler: SchedulerLike;
}

type Told = Event | Notice;
interface SourcedLine {
  readonly source: string;
  readonly line: Line;
}

/** A long snapshot says so often (ms) how far it is. */
const progressEveryMs = 1000;

const reopen = { kind: 'reopen' } as const;

/**
 * One life of the event stream: open it, wait for its first heartbeat, catch up with REST, pass its events on, and audit
 * them. Errors with a FailureError when the stream or what it needs of REST fails; completes when the stream has to be
 * opened again without failure, because there is a namespace that it does not see, a newer token, or because it has fallen
 * silent. What must outlive it is in `ledger`.
 */
export function nomadSession(client: NomadClient, ledger: Ledger, options: SessionOptions): Observable<Told> {
  const { namespaces, prefix, aliases, auditEveryMs, lossAfterMs, quietMs, owed, ghosts, scheduler } = options;
  const everywhere = namespaces.includes('*');

  let tokenOpenedWith = 0;
  /** Read before the stream is opened: Nomad expands `*` at that moment, and never again. */
  const visibleNamespaces = everywhere ? client.getNamespaces() : of([]);
  const newestIndex = defer(() => {
    ledger.asking();
    return client.readIndex(namespaces[0] ?? 'default');
  });

  function openStreams(): Observable<SourcedLine> {
    return merge(
      ...namespaces.map((source) =>
        nomadLines(client, { ...options, namespace: source, index: ledger.position(source) }).pipe(
          map((line) => ({ source, line })),
        ),
      ),
    );
  }

  function pass({ source, line }: SourcedLine): readonly Told[] {
    switch (line.kind) {
      case 'heartbeat':
        return [];
      case 'oversized':
        ledger.owe('gap');
        return [
          { kind: 'nomad-input-skipped', what: 'a line of the event stream', why: `too long: ${line.bytes} bytes` },
        ];
      case 'events':
        if (line.skipped.length > 0) ledger.owe('gap');
        return [...line.skipped.map(skippedNotice), ...line.events.filter((event) => ledger.take(source, event))];
      default:
        return line satisfies never;
    }
  }

  function snapshotIfOwed(): Observable<Told> {
    return defer(() => {
      const debt = ledger.owed();
      if (debt === undefined) return EMPTY;
      const known = ledger.askingJobs();
      const jobs = debt.reason === 'renewal' ? known : [];
      const concluded = ({ snapshot, skipped }: SnapshotTaken): readonly Told[] => {
        const event = ledger.merge(snapshot, debt);
        return [event, snapshotNotice(event, debt.reason), ...skipped.map(skippedNotice)];
      };
      return followSnapshot(client, { namespaces, prefix, aliases, jobs }).pipe(
        connect((said) =>
          merge(
            said.pipe(filter(isProgress), sampleTime(progressEveryMs, scheduler), map(progressNotice)),
            said.pipe(filter(isTaken), concatMap(concluded)),
          ),
        ),
      );
    });
  }

  /**
   * Before the first snapshot, and after a restore, there is nothing that events could follow on: they stay held. Of several
   * streams one may have lost what the newest index says nothing of, because another has told that index, or a later one.
   */
  function catchUp(): Observable<Told> {
    if (ledger.known() === 0) return snapshotIfOwed();
    return newestIndex.pipe(
      concatMap((index) => {
        const verdict = ledger.judge(index);
        if (verdict !== 'same' || namespaces.length > 1) ledger.owe('gap');
        if (verdict === 'restored') ledger.forget();
        return concat(verdict === 'restored' ? EMPTY : from(ledger.release()), snapshotIfOwed());
      }),
    );
  }

  /** One at a time, or an older snapshot could overtake a newer one; what is owed and not taken now is the next audit's. */
  function lookAgain(visible: readonly string[], lines: Observable<SourcedLine>): Observable<Told | typeof reopen> {
    return merge(
      timer(auditEveryMs, auditEveryMs, scheduler).pipe(map(() => audit(visible))),
      lines.pipe(
        map(({ line }) => line),
        endsOfBursts(quietMs, scheduler),
        map(auditBurst),
      ),
      owed.pipe(map(() => verified(snapshotIfOwed()))),
    ).pipe(exhaustMap((work: Observable<Told | typeof reopen>) => work.pipe(catchError(unlessRefused))));
  }

  /** What is missing of the stream is found out by comparison alone: garbage collection deletes without an event. */
  function audit(visible: readonly string[]): Observable<Told | typeof reopen> {
    return concat(
      reopenForNewNamespace(visible),
      defer(() => (ledger.owed() === undefined ? compareWithRest() : EMPTY)),
      verified(snapshotIfOwed()),
      reopenForNewToken(),
    );
  }

  /**
   * A burst may overrun the server's buffer. Nomad from 1.11.2 on tells nothing from there on, and may leave the connection
   * open for half a minute (measured on 2.0): what a stream has missed then it does not make up for.
   */
  function auditBurst(): Observable<Told | typeof reopen> {
    return concat(
      defer(() => (ledger.owed() === undefined ? compareWithRest() : EMPTY)),
      defer(() => (ledger.owed() === undefined ? EMPTY : of(reopen))),
    );
  }

  /** One that is alive again comes back with a snapshot. */
  function verified(knowledge: Observable<Told>): Observable<Told> {
    return ghosts === undefined ? knowledge : concat(knowledge, findGhosts(ghosts), snapshotIfOwed());
  }

  /** What keeps the list from being read keeps nothing else from working. */
  function findGhosts(book: GhostBook): Observable<Told> {
    return forkJoin(namespaces.map((namespace) => client.getLivingAllocations(namespace))).pipe(
      concatMap((living): readonly Told[] => {
        const found = book.judge(living);
        if (found === undefined) return [];
        if (found.returned) ledger.owe('audit');
        return ghostFacts(found.ghosts);
      }),
      catchError((error: unknown) => {
        if (!(error instanceof FailureError)) return throwError(() => error as Error);
        return of(skippedNotice({ what: 'the list of allocations', why: error.message }));
      }),
    );
  }

  function reopenForNewNamespace(visible: readonly string[]): Observable<typeof reopen> {
    return visibleNamespaces.pipe(
      filter((now) => now.some((namespace) => !visible.includes(namespace))),
      map(() => {
        ledger.owe('namespace');
        return reopen;
      }),
    );
  }

  /** Nomad says nothing when the token that a stream was opened with expires, and sends nothing either. REST has taken the new one. */
  function reopenForNewToken(): Observable<typeof reopen> {
    return defer(() => (client.tokenChanges() === tokenOpenedWith ? EMPTY : of(reopen)));
  }

  function compareWithRest(): Observable<never> {
    return newestIndex.pipe(
      concatMap((index) => {
        const known = ledger.known();
        const first = ledger.judge(index);
        ledger.settle(index);
        if (first === 'same') return EMPTY;
        return timer(lossAfterMs, scheduler).pipe(
          concatMap(() => (first === 'restored' ? newestIndex.pipe(map((now) => now < known)) : of(false))),
          tap((restored) => {
            if (restored) ledger.forget();
            if (restored || (first === 'missed' && ledger.judge(index) !== 'same')) ledger.owe('audit');
          }),
          ignoreElements(),
        );
      }),
    );
  }

  return defer(() => {
    ledger.hold();
    tokenOpenedWith = client.tokenChanges();
    return visibleNamespaces.pipe(
      switchMap((visible) =>
        openStreams().pipe(
          connect((lines) =>
            merge(
              lines.pipe(emitEach(pass)),
              greeting(lines, namespaces.length).pipe(
                switchMap(() =>
                  concat(
                    of<Told>({ kind: 'nomad-connected', address: client.address }),
                    verified(defer(catchUp)),
                    lookAgain(visible, lines),
                  ),
                ),
              ),
            ),
          ),
        ),
      ),
      takeWhile((told): told is Told => told.kind !== 'reopen'),
      tap((told) => {
        ghosts?.note(told);
      }),
    );
  });
}

/** The moment at which each of the streams has proven itself by a heartbeat. */
function greeting(lines: Observable<SourcedLine>, streams: number): Observable<unknown> {
  return lines.pipe(
    filter(({ line }) => line.kind === 'heartbeat'),
    distinct(({ source }) => source),
    skip(streams - 1),
    take(1),
  );
}

/** An audit may fail while the stream is well, and is held again; but a token that REST refuses will not do for the stream. */
function unlessRefused(error: unknown): Observable<Notice> {
  if (error instanceof FailureError && error.failure.kind !== 'unauthorized') {
    return of(skippedNotice({ what: 'an audit of the event stream', why: error.message }));
  }
  return throwError(() => error as Error);
}
