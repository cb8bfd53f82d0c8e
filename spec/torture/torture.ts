import { readFileSync } from 'node:fs';
import { Observable, type Subscriber } from 'rxjs';
import { createCatalog, foldEvent, type Catalog } from '../../lib/model/catalog.ts';
import type { Event } from '../../lib/model/events.ts';
import { isNotice, type Notice } from '../../lib/model/notice.ts';
import type { NomadClient } from '../../lib/nomad/client.ts';
import { nomadEvents } from '../../streams/nomad-events.ts';
import { createSimulatedNomad, type SimulatedNomad } from '../model-based/nomad.ts';
import { createVirtualTime, type VirtualTime } from '../model-based/virtual-time.ts';
import { createNomadState, type NomadState, type RawFrame, type RawSnapshot } from '../support/nomad-state.ts';

/** What a real Nomad said, with the state it started from. Heartbeats are left out. */
export interface Recording {
  readonly start: RawSnapshot;
  readonly frames: readonly RawFrame[];
}

export function readRecording(scenario: string): Recording {
  const lines = readFileSync(`fixtures/recordings/${scenario}.ndjson`, 'utf8').trim().split('\n');
  const parsed = lines.map(
    (line) => JSON.parse(line) as { readonly snapshot?: RawSnapshot; readonly frame?: RawFrame },
  );
  return {
    start: parsed[0]!.snapshot!,
    frames: parsed.flatMap(({ frame }) => (frame?.Events === undefined ? [] : [frame])),
  };
}

/** What Nomad was like when a recording was over. */
export function readEnd(scenario: string): RawSnapshot {
  return JSON.parse(readFileSync(`fixtures/recordings/${scenario}.after.json`, 'utf8')) as RawSnapshot;
}

export function bytesOf(frames: readonly RawFrame[]): Uint8Array {
  return Buffer.from(frames.map((frame) => `${JSON.stringify(frame)}\n`).join(''));
}

/** A connector that follows a Nomad, and whose first stream says what it is told to. */
export interface Torture {
  readonly time: VirtualTime;
  readonly state: NomadState;
  readonly nomad: SimulatedNomad;
  /** The first stream. Those that are opened later are as they should be. */
  readonly stream: Subscriber<Uint8Array>;
  readonly told: readonly (Event | Notice)[];
  /** What has been folded of all that was told. Throws what the connector died of. */
  readonly catalog: () => string;
  readonly stop: () => void;
}

export interface TortureOptions {
  /** So many frames can be had again from Nomad. */
  readonly buffer?: number;
  /** Done before the connector starts. */
  readonly before?: (nomad: SimulatedNomad) => void;
}

/** Started, its first snapshot read if nothing was in the way. */
export function startTorture(
  { start }: Pick<Recording, 'start'>,
  { buffer = 100, before = () => undefined }: TortureOptions = {},
): Torture {
  const time = createVirtualTime();
  const state = createNomadState(start, buffer);
  const nomad = createSimulatedNomad(state, time);
  const catalog = createCatalog('haproxy');
  const told: (Event | Notice)[] = [];
  const bugs: unknown[] = [];
  const opened: Subscriber<Uint8Array>[] = [];
  const first = new Observable<Uint8Array>((subscriber) => {
    opened.push(subscriber);
    subscriber.next(Buffer.from('{}\n'));
  });
  before(nomad);
  const client: NomadClient = {
    ...nomad.client,
    openStream: (options) => (opened.length === 0 ? first : nomad.client.openStream(options)),
  };
  const subscription = nomadEvents(client, {
    namespaces: ['*'],
    prefix: 'haproxy',
    scheduler: time,
    backoff: { random: () => 0.5 },
  }).subscribe({
    next: (one) => {
      told.push(one);
      if (!isNotice(one)) foldEvent(catalog, one);
    },
    error: (error: unknown) => bugs.push(error),
  });
  time.advance(100);
  return {
    time,
    state,
    nomad,
    stream: opened[0]!,
    told,
    catalog: () => {
      for (const bug of bugs) throw bug;
      return describe(catalog);
    },
    stop: () => {
      subscription.unsubscribe();
    },
  };
}

/** Restores the backup that was taken before anything happened. */
export function restoreStart(state: NomadState, { index, registrations }: RawSnapshot): void {
  const events = registrations.map((one) => ({
    Topic: 'Service',
    Type: 'ServiceRegistration',
    Namespace: one.Namespace,
    Key: one.ID,
    FilterKeys: null,
    Index: index,
    Payload: { Service: one },
  }));
  state.apply({ Index: index, Events: events });
  state.restore(index);
}

/** Does to Nomad's state what the frames say, and keeps them for streams that are opened later. */
export function happen(state: NomadState, frames: readonly RawFrame[]): void {
  for (const frame of frames) {
    state.apply(frame);
    state.remember(frame);
  }
}

function describe({ services }: Catalog): string {
  const all = [...services.values()]
    .map(({ key, instances, job }) => ({ key, job, instances: instances.map(({ registration }) => registration) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  return JSON.stringify(all, null, 1);
}
