import { FailureError } from '../model/failure.ts';
import type { Notice } from '../model/notice.ts';
import { moveSlots } from '../model/slots.ts';
import { findSlot, type View } from '../model/view.ts';
import { ask } from './ask.ts';
import type { DataplaneClient, RawConfiguration } from './client.ts';
import { isRefusal } from './client-failures.ts';
import { reloadText } from './commit.ts';
import type { LostReloads } from './lost-reloads.ts';
import { putBackRows } from './lost-rows.ts';
import type { FoundMaps, MapFiles } from './map-files.ts';
import { loadedRows } from './map-mend.ts';
import type { Known, Memory } from './memory.ts';
import { sendSteps } from './runtime-lane.ts';
import { capabilitiesOf, type Capabilities, type Versions } from './versions.ts';
import { readView, type MapRows } from './view.ts';
import type { Generation } from './watch.ts';

export interface ReaderOptions {
  readonly client: DataplaneClient;
  readonly files: MapFiles;
  readonly owner: string;
  readonly memory: Memory;
  readonly generation: Generation;
  readonly lostReloads: LostReloads;
  readonly say: (notice: Notice) => void;
  /** The process has taken steps that the file does not say. */
  readonly changed: () => void;
  /** Ms from one reload of the reader's to the next. */
  readonly reloadIntervalMs: number;
  /** Ms. */
  readonly now: () => number;
}

/** Makes the view from the file, and the process agree with it. */
export interface Reader {
  /** Reads everything, and tells the process again what is pending. Rejects with a FailureError. */
  readonly readAll: () => Promise<View>;
  /** Takes down what HAProxy is like when only the text tells. */
  readonly remember: (found: Omit<Known, 'view'>) => View;
  /** The process is suspect, and a reload may make sure of it. */
  readonly wantsReload: () => boolean;
}

/** Ms for which steps are told again to a HAProxy that is there, when the failures do not say that it refuses them. */
const patienceMs = 10_000;

export function createReader(options: ReaderOptions): Reader {
  const { client, files, owner, memory, generation, lostReloads, say, changed, reloadIntervalMs, now } = options;
  let capabilities: Capabilities | undefined;
  /** What had been greeted when they were found. */
  let judged: Versions | undefined;
  let reloadedAt = -Infinity;
  /** When telling steps again began to fail, if it does. */
  let failingSince: number | undefined;

  async function readAll(): Promise<View> {
    if (capabilities === undefined || judged !== generation.versions) {
      judged = generation.versions;
      capabilities = await findCapabilities();
    }
    memory.uncompared = true;
    let file = await ask(client.getRaw());
    const hasMoved = generation.version !== undefined && generation.version !== file.version;
    if (hasMoved || (generation.text !== undefined && generation.text !== file.text)) {
      say({ kind: 'haproxy-moved', what: 'the configuration was changed' });
    }
    const maps = await readMaps(file);
    if (await lostReloads.found(file)) sayReloaded(file.version, 0);
    if (wantsReload()) file = await reload(file);
    generation.version = file.version;
    generation.text = file.text;
    const found = { file, ...maps };
    if (memory.pending.length > 0) {
      dropLostSteps(viewOf(found));
      await tellAgain();
    }
    return remember(found);
  }

  /**
   * HAProxy would lose with its next reload what the files have lost, and a comparison with them would take it from HAProxy at
   * once, whoever wants it.
   */
  async function readMaps(file: RawConfiguration): Promise<FoundMaps> {
    const found = await files.read();
    const rows = putBackRows(found.rows, memory.rows ?? (await rowsInUse({ file, ...found })));
    if (rows === undefined) return found;
    await files.write(found.rows, rows);
    say({ kind: 'haproxy-moved', what: 'a map file had lost its rows, which were put back' });
    return { ...found, rows };
  }

  /** The rows that the running HAProxy has, and that lead to where we have servers. */
  async function rowsInUse(found: Omit<Known, 'view'>): Promise<MapRows> {
    const { backends } = viewOf(found);
    const rows = {
      exact: new Map<string, string>(),
      prefix: new Map<string, string>(),
      regex: new Map<string, string>(),
    };
    for (const map of files.maps) {
      for (const { key, value } of (await loadedRows(client, files.nameOf(map))) ?? []) {
        const isOurs = (backends.get(value)?.slots.length ?? 0) > 0;
        if (isOurs && !rows[map].has(key)) rows[map].set(key, value);
      }
    }
    return rows;
  }

  function wantsReload(): boolean {
    return memory.suspect && generation.reloadsNothing !== true && now() - reloadedAt >= reloadIntervalMs;
  }

  /** The process that it leaves is nobody else's. */
  async function reload(file: RawConfiguration): Promise<RawConfiguration> {
    reloadedAt = now();
    generation.writing = true;
    generation.writes += 1;
    try {
      const loaded = await load(file);
      generation.pid = undefined;
      memory.suspect = false;
      return loaded;
    } finally {
      generation.writing = false;
      generation.writes += 1;
    }
  }

  /** Where HAProxy cannot load the file, all goes on with the process as it is. */
  async function load(file: RawConfiguration): Promise<RawConfiguration> {
    const startedAt = now();
    try {
      const loaded = await reloadText(client, file);
      sayReloaded(loaded.version, Math.round(now() - startedAt));
      return loaded;
    } catch (error) {
      if (!(error instanceof FailureError && error.failure.kind === 'reload-failed')) throw error;
      const { message: text, hint } = error.failure;
      say({ kind: 'haproxy-warning', text, hint });
      return ask(client.getRaw());
    }
  }

  function sayReloaded(version: number, tookMs: number): void {
    say({ kind: 'applied', lane: 'commit', steps: [], version, reloaded: true, unasked: 'repair', tookMs });
  }

  async function findCapabilities(): Promise<Capabilities> {
    const { dataplane } = await ask(client.getInfo());
    const { haproxyVersion } = await ask(client.getRuntimeInfo());
    return capabilitiesOf({ haproxy: haproxyVersion, dataplane });
  }

  /** What HAProxy refuses is given up for a reload, which makes it what the file says. What does not get there keeps. */
  async function tellAgain(): Promise<void> {
    try {
      await sendSteps(client, memory.pending);
    } catch (error) {
      await ask(client.getRuntimeInfo());
      failingSince ??= now();
      const isRefused = error instanceof FailureError && isRefusal(error.failure);
      if (!isRefused && now() - failingSince < patienceMs) throw error;
      failingSince = undefined;
      memory.pending = [];
      memory.suspect = true;
      say({ kind: 'haproxy-moved', what: 'HAProxy refused what it was told at runtime' });
      throw error;
    }
    failingSince = undefined;
    changed();
  }

  function remember(found: Omit<Known, 'view'>): View {
    const view = viewOf(found);
    dropLostSteps(view);
    memory.rows = found.rows;
    memory.known = { ...found, view: moveSlots(view, memory.pending) };
    return memory.known.view;
  }

  function viewOf({ file, rows, paths }: Omit<Known, 'view'>): View {
    return readView(file.text, file.version, rows, owner, paths, capabilities?.runtimeAddress ? 'address' : 'state');
  }

  /** A slot that is no more takes its steps with it. */
  function dropLostSteps(view: View): void {
    memory.pending = memory.pending.filter((step) => findSlot(step, view) !== undefined);
  }

  return { readAll, remember, wantsReload };
}
