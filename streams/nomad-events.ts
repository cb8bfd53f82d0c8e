import {
  asyncScheduler,
  defer,
  ignoreElements,
  interval,
  merge,
  NEVER,
  type Observable,
  repeat,
  type SchedulerLike,
  share,
  tap,
} from 'rxjs';
import type { Event } from '../lib/model/events.ts';
import { FailureError } from '../lib/model/failure.ts';
import type { Measure } from '../lib/model/kept.ts';
import type { Notice } from '../lib/model/notice.ts';
import type { NomadClient } from '../lib/nomad/client.ts';
import { createGhostBook } from '../lib/nomad/ghosts.ts';
import type { AliasName } from '../lib/model/tag-aliases.ts';
import { createLedger } from '../lib/nomad/ledger.ts';
import { retryWithBackoff, type RetryOptions } from '../operators/retry-with-backoff.ts';
import { nomadSession } from './nomad-session.ts';

export interface NomadEventsOptions {
  /** Names, or `*` alone. */
  readonly namespaces: readonly string[];
  /** What the tags that concern us start with, before a dot. */
  readonly prefix: string;
  /** Whose tags concern us besides. */
  readonly aliases?: readonly AliasName[];
  readonly auditEveryMs?: number;
  /** How often a snapshot is taken, with the next audit, although nothing seems to be missing. */
  readonly renewEveryMs?: number;
  /** A difference between stream and REST that lasts this long is a loss. */
  readonly lossAfterMs?: number;
  /** Stream and REST are compared besides when a burst of events has ended so long ago. */
  readonly quietMs?: number;
  /** The first heartbeat comes at once: without it nothing is subscribed. */
  readonly firstHeartbeatMs?: number;
  /** Heartbeats come every 30 s. */
  readonly silenceMs?: number;
  /** Registrations whose allocation is missing or has ended are found with each snapshot and audit. */
  readonly verifyAllocations?: boolean;
  /** Each value asks for another snapshot: what the last one missed is to be confirmed. */
  readonly confirm?: Observable<unknown>;
  readonly backoff?: Pick<RetryOptions<never>, 'minMs' | 'maxMs' | 'healthyMs' | 'random'>;
  readonly measure?: Measure;
  /** Is given how to find out by how much Nomad's index is ahead of what the stream has told. */
  readonly lag?: (read: () => number) => void;
  readonly scheduler?: SchedulerLike;
}

/**
 * Nomad's registrations and jobs as facts: first a snapshot, then what happens, and a new snapshot whenever something
 * may have been missed. The stream is opened before the snapshot is read, so that nothing falls between them, and opened
 * again with backoff whenever it fails. A failed snapshot changes nothing. Never completes, and errors on bugs only.
 *
 * Some losses leave no trace: a silent delete that an event follows before the audit, a job event that went while the
 * stream was away. For their sake a snapshot is taken from time to time whatever the audits say.
 *
 * A list of namespaces is followed by one stream each, because Nomad grants `*` only to tokens that may read them all;
 * they are opened and fail as one.
 */
export function nomadEvents(client: NomadClient, options: NomadEventsOptions): Observable<Event | Notice> {
  const {
    backoff,
    renewEveryMs = 600_000,
    confirm = NEVER,
    verifyAllocations = false,
    measure,
    lag,
    scheduler = asyncScheduler,
    ...given
  } = options;
  const session = {
    aliases: [],
    auditEveryMs: 30_000,
    lossAfterMs: 3_000,
    quietMs: 1_000,
    firstHeartbeatMs: 10_000,
    silenceMs: 45_000,
    ...given,
    scheduler,
  };

  return defer(() => {
    const ledger = createLedger();
    measure?.('nomad_events', ledger.size);
    lag?.(ledger.lag);
    const ghosts = verifyAllocations ? createGhostBook() : undefined;
    /** While the stream is down the debt is noted, and paid with the next connection. */
    const owed = confirm.pipe(
      tap(() => {
        ledger.owe('guard');
      }),
      share(),
    );
    const renewal = interval(renewEveryMs, scheduler).pipe(
      tap(() => {
        ledger.owe('renewal');
      }),
    );
    const told = nomadSession(client, ledger, { ...session, owed, ghosts }).pipe(
      repeat(),
      retryWithBackoff<Event | Notice>({ ...backoff, scheduler, onRetry: toNotice }),
    );
    return merge(told, merge(owed, renewal).pipe(ignoreElements()));
  });
}

function toNotice(error: unknown, retryInMs: number): Notice {
  if (!(error instanceof FailureError)) throw error;
  return { kind: 'nomad-lost', failure: error.failure, retryInMs };
}
