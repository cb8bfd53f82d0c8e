import { defer, from, merge, of, Subject, tap, type Observable } from 'rxjs';
import { FailureError } from '../model/failure.ts';
import type { Measure } from '../model/kept.ts';
import type { Notice } from '../model/notice.ts';
import { endpoint } from '../model/service.ts';
import type { SlotStep } from '../model/step.ts';
import type { View } from '../model/view.ts';
import { ask } from './ask.ts';
import type { DataplaneClient, RawConfiguration, RawWrite } from './client.ts';
import type { Applied, HaproxyEnd } from './end.ts';
import { createDriftFiles } from './drift-files.ts';
import { watchDrift, type DriftOptions } from './drift-watch.ts';
import { heard } from './heard.ts';
import { createLastResort } from './last-resort.ts';
import { createLostReloads } from './lost-reloads.ts';
import { createMapFiles, type MapFilesOptions } from './map-files.ts';
import { createMemory, noteMoving, notePending, parkedSlots, slotOf, untilStill } from './memory.ts';
import { createReader } from './reader.ts';
import { sendSteps } from './runtime-lane.ts';
import { hasChangedNothing } from './slot-write.ts';
import { createVetting } from './vetting.ts';
import { watchHaproxy, type Generation } from './watch.ts';
import { createWriteBehind } from './write-behind.ts';
import { conflict, stale, takeWriteTurn } from './write-turn.ts';

export interface DataplaneOptions extends MapFilesOptions {
  readonly owner: string;
  readonly drift: DriftOptions;
  /** Ms from the last runtime step to the write that makes the file say it too, and the longest from the first. */
  readonly persistDelayMs: number;
  readonly persistMaxMs: number;
  /** Ms between reloads that nothing but making sure of the process asks for. */
  readonly reloadIntervalMs: number;
  /** Ms, for telling how long a write took. */
  readonly now: () => number;
  readonly measure?: Measure;
}

/** A HaproxyEnd that can be stopped. */
export interface DataplaneEnd extends HaproxyEnd {
  /**
   * Writes what the file does not say yet. When no write is under way it resolves to what nobody has heard of, because
   * whoever asked for it, or watched, has left.
   */
  readonly idle: () => Promise<readonly Notice[]>;
}

/**
 * HAProxy by its Data Plane API. Configuration writes never overlap, and go on to their end when their subscriber leaves,
 * because half a write cannot be taken back. Runtime steps do not wait for them.
 */
export function createDataplaneEnd(given: DataplaneClient, options: DataplaneOptions): DataplaneEnd {
  const { owner, now, reloadIntervalMs } = options;
  const memory = createMemory();
  options.measure?.('unwritten_steps', () => memory.pending.length);
  const generation: Generation = { writes: 0, writing: false };
  const lostReloads = createLostReloads(given, generation);
  const client = { ...given, postRaw: (write: RawWrite) => lostReloads.postRaw(write).pipe(tap(noteForeign(write))) };
  const files = createMapFiles(client, options);
  const said = new Subject<Notice>();
  /** Somebody else wrote while a write of ours was under way. */
  let foreign = false;
  const unheard: Notice[] = [];
  const behind = createWriteBehind(persist, { delayMs: options.persistDelayMs, maxMs: options.persistMaxMs, now });
  const reader = createReader({
    client,
    files,
    owner,
    memory,
    generation,
    lostReloads,
    say,
    changed: behind.soon,
    reloadIntervalMs,
    now,
  });
  const turn = { client, files, vetting: createVetting(client), owner, memory, remember: reader.remember, now };
  let reading: Promise<View> | undefined;
  let forgotten = 0;
  /** The last write in line; never rejects. */
  let writer: Promise<unknown> = Promise.resolve();

  function say(notice: Notice): void {
    if (said.observed) said.next(notice);
    else unheard.push(notice);
  }

  function forget(): void {
    forgotten += 1;
    memory.known = undefined;
  }

  function reloadSoon(): void {
    memory.suspect = true;
    forget();
  }

  /** What is known, at once; else everything anew, once no write is under way. */
  function read(): Observable<View> {
    if (reader.wantsReload()) forget();
    if (memory.known !== undefined) return of(memory.known.view);
    reading ??= writer.then(readUnforgotten).finally(() => {
      reading = undefined;
    });
    return from(reading);
  }

  /** What somebody changes while it is being read would be taken for read. */
  async function readUnforgotten(): Promise<View> {
    for (;;) {
      const before = forgotten;
      const view = await reader.readAll();
      if (forgotten === before) return view;
    }
  }

  // Runtime lane

  async function move(view: View, steps: readonly SlotStep[]): Promise<Applied> {
    if (memory.known?.view !== view) return stale;
    const slots = steps.map(slotOf);
    if (slots.some((slot) => memory.busy.has(slot))) {
      await writer;
      return stale;
    }
    if (slots.some((slot) => memory.moving.has(slot))) {
      await untilStill(memory, slots);
      return stale;
    }
    const startedAt = now();
    // Before it is taken down, for users wait for it.
    const sent = sendSteps(client, steps, parkedSlots(memory, steps));
    notePending(memory, steps);
    for (const { service } of steps) memory.overtaken.add(service);
    try {
      await noteMoving(memory, slots, sent);
    } catch (error) {
      forget();
      throw error;
    } finally {
      behind.soon();
    }
    const tookMs = Math.round(now() - startedAt);
    return { ...nothing, notices: [{ kind: 'applied', lane: 'runtime', steps, reloaded: false, tookMs }] };
  }

  /** Resolves to false when the file does not say everything yet. */
  async function persist(): Promise<boolean> {
    if (memory.pending.length === 0) return true;
    try {
      const view = await ask(read());
      const { notices } = await inLine(() => takeWriteTurn(turn, view, [], { persist: true }));
      for (const notice of notices) say(notice);
    } catch (error) {
      if (error instanceof FailureError) warn(error);
      else said.error(error instanceof Error ? error : new Error(String(error)));
    }
    return memory.pending.length === 0;
  }

  function warn({ failure }: FailureError): void {
    const text = `runtime steps are not in the file yet: ${failure.message}`;
    say({ kind: 'haproxy-warning', text, hint: failure.hint });
  }

  // Writer

  /** Each write makes the next version. One that is answered with a later one was followed by somebody else's. */
  function noteForeign(write: RawWrite): (answer: RawConfiguration) => void {
    return ({ version }) => {
      foreign ||= version > write.version + 1;
    };
  }

  function takeForeign(): boolean {
    const was = foreign;
    foreign = false;
    return was;
  }

  /** One turn after the other. A conflict is an answer, any other failure rejects; after either nothing is known. */
  function inLine(work: () => Promise<Applied>): Promise<Applied> {
    const turn = writer.then(async () => {
      generation.writing = true;
      generation.writes += 1;
      try {
        const result = await work();
        if (result === conflict) forget();
        if (result.conflict) return result;
        if (result.notices.some((notice) => notice.kind === 'applied' && notice.reloaded)) await catchUp();
        if (takeForeign()) {
          forget();
          say({ kind: 'haproxy-moved', what: 'the configuration was changed' });
        }
        generation.version = memory.known?.file.version;
        generation.text = memory.known?.file.text;
        return result;
      } catch (error) {
        forget();
        if (!hasChangedNothing(error)) generation.version = generation.text = undefined;
        if (error instanceof FailureError && error.failure.kind === 'conflict') return conflict;
        throw error;
      } finally {
        memory.busy = new Set();
        generation.writing = false;
        generation.writes += 1;
      }
    });
    writer = turn.catch(() => undefined);
    return turn;
  }

  /** After a reload the process is as the text says: what it took since that text was made is told again. */
  async function catchUp(): Promise<void> {
    memory.busy = new Set(memory.pending.map(slotOf));
    generation.pid = undefined;
    try {
      await sendSteps(client, memory.pending);
      await closeAgain();
      generation.pid = (await ask(client.getRuntimeInfo())).pid;
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      forget();
    }
    behind.soon();
  }

  const lastResort = createLastResort(reloadSoon, () => generation.reloadsNothing === true);
  const shared = { client, memory, generation };
  const { check: checkFiles, mendRows: mendInLine } = createDriftFiles({ ...shared, files, lastResort, forget });

  /** An API that comes back may have been set right. */
  function believeAgain(notice: Notice): void {
    if (notice.kind !== 'haproxy-connected') return;
    lastResort.forget();
    if (!generation.reloadsNothing) return;
    generation.reloadsNothing = false;
    generation.outdated = undefined;
    reloadSoon();
  }

  /** Rows are written by one at a time; those of the process alone move no version. */
  function mendRows(): Promise<readonly Notice[]> {
    const mended = writer.then(mendInLine);
    writer = mended.catch(() => undefined);
    return mended;
  }

  /** A reload of ours must not bring back what somebody put into maintenance, and is to stay there. */
  async function closeAgain(): Promise<void> {
    for (const { backend, slot } of memory.left.values()) {
      const now = memory.known?.view.backends.get(backend)?.slots.find(({ name }) => name === slot.name);
      const isSame = now?.state === 'serving' && endpoint(now) === endpoint(slot);
      if (isSame) await ask(client.setServerState(backend, slot.name, 'maint'));
    }
  }

  return {
    watch: merge(
      said,
      watchHaproxy(client, generation, forget).pipe(tap(believeAgain)),
      watchDrift({ ...options.drift, ...shared, lastResort, read, changed: behind.soon, checkFiles, mendRows }),
    ),
    read: () => defer(read),
    move: (view, steps) => heard(() => move(view, steps), say),
    apply: (view, steps) => heard(() => inLine(() => takeWriteTurn(turn, view, steps, { persist: false })), say),
    idle: async () => {
      await behind.finish();
      await writer;
      await (lostReloads.any() ? ask(read()) : reading)?.catch(() => undefined);
      return unheard;
    },
  };
}

const nothing: Applied = { ...conflict, conflict: false };
