import { forkJoin, map, of, type Observable } from 'rxjs';
import type { Event } from '../lib/model/events.ts';
import type { Notice } from '../lib/model/notice.ts';
import type { NomadClient } from '../lib/nomad/client.ts';
import { createGhostBook } from '../lib/nomad/ghosts.ts';
import { createLedger } from '../lib/nomad/ledger.ts';
import { ghostFacts, skippedNotice } from './nomad-notices.ts';
import { takeSnapshot, type SnapshotOptions } from './nomad-snapshot.ts';

export interface NomadNowOptions extends SnapshotOptions {
  /** Registrations whose allocation is missing or has ended are found, too. */
  readonly verifyAllocations: boolean;
}

/**
 * Nomad's registrations and jobs as they are at this moment, by REST alone: the facts that `nomadEvents` begins with, in
 * one value. Errors with the FailureError of the first request that fails; nothing is tried again.
 */
export function nomadNow(
  client: NomadClient,
  { verifyAllocations, ...options }: NomadNowOptions,
): Observable<readonly (Event | Notice)[]> {
  const allocations = verifyAllocations ? options.namespaces.map((name) => client.getLivingAllocations(name)) : [];
  const living = allocations.length === 0 ? of([]) : forkJoin(allocations);
  return forkJoin([takeSnapshot(client, options), living]).pipe(
    map(([{ snapshot, skipped }, lists]) => {
      const event = createLedger().merge(snapshot, undefined);
      const book = createGhostBook();
      book.note(event);
      const { ghosts } = (lists.length > 0 ? book.judge(lists) : undefined) ?? { ghosts: [] };
      return [...(ghosts.length > 0 ? ghostFacts(ghosts) : []), event, ...skipped.map(skippedNotice)];
    }),
  );
}
