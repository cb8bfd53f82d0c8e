import { serviceKey, type Event, type Ghost } from '../lib/model/events.ts';
import type { Notice } from '../lib/model/notice.ts';
import type { Skipped } from '../lib/nomad/frames.ts';
import type { SnapshotReason } from '../lib/nomad/ledger.ts';
import type { SnapshotProgress } from './nomad-snapshot.ts';

export function skippedNotice({ what, why }: Skipped): Notice {
  return { kind: 'nomad-input-skipped', what, why };
}

export function ghostFacts(ghosts: readonly Ghost[]): readonly [Event, Notice] {
  return [
    { kind: 'ghosts-seen', ghosts },
    { kind: 'ghosts-ignored', ghosts },
  ];
}

export function progressNotice({ read, of }: SnapshotProgress): Notice {
  return { kind: 'snapshot-progress', read, of };
}

export function snapshotNotice(event: Extract<Event, { kind: 'snapshot-taken' }>, reason: SnapshotReason): Notice {
  const services = new Set(event.registrations.map((one) => serviceKey(one.namespace, one.service))).size;
  return { kind: 'snapshot-read', index: event.index, services, registrations: event.registrations.length, reason };
}
