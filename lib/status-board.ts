import type { Glance } from './metrics.ts';
import type { Catalog } from './model/catalog.ts';
import type { ServiceKey } from './model/events.ts';
import type { Measure } from './model/kept.ts';
import { foldLastEvents } from './model/last-events.ts';
import type { Notice } from './model/notice.ts';
import { statusOf } from './model/status-service.ts';
import { createStatus, foldStatus, forgetService, type Status } from './model/status.ts';
import type { Count } from './model/tally.ts';
import type { Witness } from './model/witness.ts';
import type { Readiness } from './readiness.ts';
import { hideIn, type Hide } from './secrets.ts';
import type { Onlooker, Seen } from '../streams/planner.ts';

export interface BoardOptions {
  readonly version: string;
  readonly dryRun: boolean;
  readonly ready: () => Readiness;
  readonly hide: Hide;
  /** Ms since 1970. */
  readonly now: () => number;
  readonly measure: Measure;
}

/** What is told beside the services; in JSON what is undefined is null. */
export interface StatusParts extends Pick<
  Status,
  'nomad' | 'haproxy' | 'snapshot' | 'counts' | 'reloads' | 'latency' | 'warnings' | 'held' | 'ghosts'
> {
  readonly about: {
    readonly version: string;
    readonly node: string;
    readonly startedAt: number;
    readonly dryRun: boolean;
  };
  readonly ready: Readiness;
}

/** The status as JSON text, whole or what is new of it. What has not changed is not made again, however often it is asked for. */
export interface StatusBoard {
  readonly observe: (notice: Notice) => void;
  readonly count: Count;
  readonly onlooker: Onlooker;
  readonly witness: Witness;
  readonly glance: () => Glance;
  /** `{ at, about, ready, nomad, ..., services: [...] }`; services in the order of their keys. */
  readonly whole: () => string;
  /** The same without what is as it was when this was last asked; a service that is gone is `{ service, state: 'gone' }`. */
  readonly news: () => string | undefined;
  /** Calls back whenever there may be news. */
  readonly onNews: (act: () => void) => void;
}

/** So many services that are to be looked at again are no reason to look for those that are gone. */
const fewTouched = 1000;

export function createStatusBoard({ version, dryRun, ready, hide, now, measure }: BoardOptions): StatusBoard {
  const startedAt = now();
  const status = createStatus(startedAt);
  const about = { version, node: process.version, startedAt, dryRun };
  let seen: Seen = { services: new Map(), view: () => undefined };
  let tell: () => void = () => undefined;
  let catalog: Catalog | undefined;
  /** To be looked at again, and not told yet; bounded by services. */
  const touched = new Set<ServiceKey>();
  const untold = new Set<ServiceKey>();
  let lookBackAt = fewTouched;
  const rows = new Map<ServiceKey, string>();
  const parts = new Map<string, string>();
  const untoldParts = new Set<string>();
  measure('status_rows', () => new Set([...rows.keys(), ...touched]).size);

  function touch(key: ServiceKey): void {
    touched.add(key);
    if (touched.size > lookBackAt) forgetGone();
    tell();
  }

  /** While nobody looks, services come and go. What was shown once is told as gone first. */
  function forgetGone(): void {
    for (const key of touched) {
      if (seen.services.has(key) || catalog?.services.has(key) === true || rows.has(key)) continue;
      touched.delete(key);
      forgetService(status, key);
    }
    lookBackAt = fewTouched + 2 * touched.size;
  }

  function partsNow(): StatusParts {
    const { nomad, haproxy, snapshot, counts, reloads, latency, warnings, held, ghosts } = status;
    return { about, ready: ready(), nomad, haproxy, snapshot, counts, reloads, latency, warnings, held, ghosts };
  }

  function refresh(): void {
    for (const [name, part] of Object.entries(partsNow())) {
      const text = JSON.stringify(hideIn(part ?? null, hide));
      if (parts.get(name) !== text) untoldParts.add(name);
      parts.set(name, text);
    }
    const view = seen.view();
    for (const key of touched) {
      const row = statusOf(key, seen.services.get(key), view, status);
      const text = row && JSON.stringify(hideIn(row, hide));
      if (rows.get(key) !== text) untold.add(key);
      if (text === undefined) {
        rows.delete(key);
        if (catalog?.services.has(key) !== true) forgetService(status, key);
      } else rows.set(key, text);
    }
    touched.clear();
  }

  function textOf(names: Iterable<string>, services: readonly string[]): string {
    const members = [...names].map((name) => `"${name}":${parts.get(name) ?? 'null'}`);
    return `{${[`"at":${now()}`, ...members, `"services":[${services.join(',')}]`].join(',')}}`;
  }

  return {
    observe: (notice) => {
      for (const key of foldStatus(status, notice, now())) touch(key);
      tell();
    },
    count: (what) => {
      status.counts[what] += 1;
      tell();
    },
    onlooker: {
      see: (given) => {
        seen = given;
      },
      touch,
    },
    witness: {
      catalog: (given) => {
        catalog = given;
      },
      event: (event) => {
        const key = catalog && foldLastEvents(status.events, event, catalog, now());
        if (key !== undefined) touch(key);
      },
    },
    glance: () => {
      const slots = { serving: 0, draining: 0, free: 0 };
      for (const backend of seen.view()?.backends.values() ?? [])
        for (const { state } of backend.slots) slots[state] += 1;
      return { slots, problematic: status.problems.size, failing: status.failures.size };
    },
    whole: () => {
      refresh();
      const inOrder = [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
      return textOf(
        parts.keys(),
        inOrder.map(([, row]) => row),
      );
    },
    news: () => {
      refresh();
      if (untold.size === 0 && untoldParts.size === 0) return undefined;
      const changed = [...untold].map((key) => rows.get(key) ?? JSON.stringify({ service: key, state: 'gone' }));
      const text = textOf(untoldParts, changed);
      untold.clear();
      untoldParts.clear();
      return text;
    },
    onNews: (act) => {
      tell = act;
    },
  };
}
