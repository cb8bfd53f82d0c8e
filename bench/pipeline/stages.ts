import { of } from 'rxjs';
import { createAgeBook, readAges } from '../../lib/model/ages.ts';
import { createCatalog, foldEvent, type Catalog } from '../../lib/model/catalog.ts';
import type { Event, Registration } from '../../lib/model/events.ts';
import { placeAll } from '../../lib/model/placement.ts';
import type { ServiceChange } from '../../lib/model/service.ts';
import { parseFrame, type Frame, type StreamEvent } from '../../lib/nomad/frames.ts';
import { decodeFrames } from '../../operators/decode-frames.ts';
import { domainMap } from '../../streams/sinks/domain-map.ts';
import { dynamicBackend } from '../../streams/sinks/dynamic-backend.ts';
import type { Plans } from '../../streams/sinks/sink.ts';
import { jobOf, policy, prefix, registrationsOf, rethrow, startDryRun } from './dry-run.ts';
import type { Chunk, Cluster } from './wire.ts';

/** One part of the work that events cause. */
export interface Stage {
  /** Not measured. */
  readonly prepare: (chunk: Chunk) => void;
  /** Does the part for all events of the chunk that was prepared last. */
  readonly run: () => void;
  readonly stop?: () => void;
}

/** What every consumer of the stream pays at the least: `JSON.parse` alone, on lines that are strings already. */
export function jsonParse(): Stage {
  let lines: readonly string[] = [];
  return {
    prepare: (chunk) => {
      lines = chunk.lines;
    },
    run: () => {
      for (const line of lines) JSON.parse(line);
    },
  };
}

/** Bytes to events. */
export function decode(): Stage {
  let bytes: Uint8Array = new Uint8Array();
  let expected = 0;
  return {
    prepare: (chunk) => {
      bytes = chunk.bytes;
      expected = chunk.lines.length;
    },
    run: () => {
      let events = 0;
      of(bytes)
        .pipe(decodeFrames<Frame>(parseFrame, oversized))
        .subscribe({
          next: (frame) => {
            if (frame.kind === 'events') events += frame.events.length;
          },
          error: rethrow,
        });
      if (events !== expected) throw new Error(`${events} events decoded of ${expected}`);
    },
  };
}

/** Events to changes; a new instance is admitted at once. */
export function fold(cluster: Cluster): Stage {
  const catalog = startCatalog(cluster);
  let events: readonly StreamEvent[] = [];
  return {
    prepare: (chunk) => {
      events = eventsOf(chunk);
    },
    run: () => {
      for (const event of events) foldAdmitted(catalog, event);
    },
  };
}

/** Changes to steps, each by itself, always against HAProxy as it was at the beginning. */
export function plan(cluster: Cluster): Stage {
  const { end, stop } = startDryRun(cluster);
  const ages = readAges(createAgeBook(), 0);
  const planners: ((change: ServiceChange) => Plans)[] = [];
  end.read().subscribe({
    next: (view) => {
      for (const sink of [dynamicBackend(policy), domainMap(policy)]) {
        const plan = sink(view, ages);
        planners.push((change) => plan(placeAll([change], view, policy)));
      }
    },
    error: rethrow,
  });
  const catalog = startCatalog(cluster);
  const all: ServiceChange[] = [];
  let changes: readonly ServiceChange[] = [];
  return {
    prepare: ({ lines }) => {
      if (all.length === 0) {
        for (const event of eventsOf(cluster.next(2 * cluster.services.length))) {
          const change = foldAdmitted(catalog, event).at(-1);
          if (change !== undefined) all.push(change);
        }
      }
      changes = lines.map((_, n) => all[n % all.length]!);
    },
    run: () => {
      for (const change of changes) {
        let steps = 0;
        for (const plan of planners) for (const planned of plan(change).values()) steps += planned.steps.length;
        if (steps === 0) throw new Error(`nothing is planned for ${change.key}`);
      }
    },
    stop,
  };
}

/** Bytes to steps that the dry run's twin of HAProxy has taken. */
export function pipeline(cluster: Cluster): Stage {
  const { take, stop, state } = startDryRun(cluster);
  let chunk: Chunk = { bytes: new Uint8Array(), lines: [] };
  return {
    prepare: (next) => {
      chunk = next;
    },
    run: () => {
      const { commits } = state;
      take(chunk.bytes);
      if (state.commits === commits) throw new Error('nothing was done');
    },
    stop,
  };
}

function startCatalog(cluster: Cluster): Catalog {
  const catalog = createCatalog(prefix);
  const registrations = cluster.services.flatMap((service) => registrationsOf(cluster, service));
  const jobs = cluster.services.map((service) => jobOf(cluster, service));
  foldEvent(catalog, { kind: 'snapshot-taken', index: cluster.index(), registrations, jobs });
  for (const registration of registrations) foldEvent(catalog, admission(registration));
  return catalog;
}

function foldAdmitted(catalog: Catalog, event: StreamEvent): readonly ServiceChange[] {
  const changes = foldEvent(catalog, event);
  return event.kind === 'service-registered' ? foldEvent(catalog, admission(event.registration)) : changes;
}

function admission({ namespace, id, address, port }: Registration): Event {
  return { kind: 'instance-admitted', namespace, id, address, port };
}

function eventsOf({ lines }: Chunk): readonly StreamEvent[] {
  return lines.map(parseFrame).flatMap((frame) => (frame.kind === 'events' ? frame.events : []));
}

function oversized(bytes: number): never {
  throw new Error(`a line of ${bytes} bytes`);
}
