import { concatMap, defer, exhaustMap, from, lastValueFrom, mergeMap, timer, toArray, type Observable } from 'rxjs';
import { FailureError } from '../model/failure.ts';
import type { Notice } from '../model/notice.ts';
import type { StepOf } from '../model/step.ts';
import type { BackendView, SlotView, View } from '../model/view.ts';
import { ask } from './ask.ts';
import type { DataplaneClient, RuntimeServer } from './client.ts';
import { createDriftRotation } from './drift-rotation.ts';
import { compareSlot } from './drift.ts';
import { createHealthBook } from './health.ts';
import type { LastResort } from './last-resort.ts';
import { adoptSlot, notePending, slotOf, type Known, type Memory } from './memory.ts';
import type { Generation } from './watch.ts';

export interface DriftOptions {
  /** Ms in which everything is compared once. */
  readonly intervalMs: number;
  /** A server that somebody put into maintenance stays there, although it should serve. */
  readonly respectManualMaint: boolean;
}

export interface DriftWatchOptions extends DriftOptions {
  readonly client: DataplaneClient;
  readonly memory: Memory;
  readonly generation: Generation;
  readonly lastResort: LastResort;
  /** The view as known, else read. */
  readonly read: () => Observable<View>;
  /** The process has what the file does not say. */
  readonly changed: () => void;
  readonly checkFiles: () => Promise<readonly Notice[]>;
  readonly mendRows: () => Promise<readonly Notice[]>;
}

const tickMs = 1000;

/**
 * Compares the running process with the view: all of it after everything was read anew, else in rotation. What the process
 * has otherwise is taken into the view, so that the next plan of its service sees HAProxy as it is and mends it through
 * the lane that fits. What we are changing ourselves at that moment is not judged, and stays due.
 * Never completes by itself; errors only with a bug.
 */
export function watchDrift(options: DriftWatchOptions): Observable<Notice> {
  const { client, memory, generation, lastResort, read, changed, intervalMs, respectManualMaint } = options;

  return defer(() => {
    const rotation = createDriftRotation(Math.max(1, Math.round(intervalMs / tickMs)));
    /** Backends that the process was found without a moment ago: a reload by somebody else may be under way. */
    const missing = new Set<string>();
    const health = createHealthBook();

    async function look(): Promise<readonly Notice[]> {
      // A call that meets HAProxy as it starts holds up all runtime calls of API 3.2 and later for 30 s: none in vain.
      if (generation.lost) return [];
      // Whether it has loaded what was written at all is seen first.
      if (generation.outdated !== undefined && !generation.reloadsNothing) return [];
      const view = await ask(read());
      const isNew = memory.uncompared;
      memory.uncompared = false;
      if (isNew) rotation.all(view);
      const beginsRound = rotation.tick(view);
      if (beginsRound) health.keep(view);
      const changed = beginsRound && !isNew ? await options.checkFiles() : [];
      const mended = beginsRound || isNew ? await options.mendRows() : [];
      // One after the other: the API runs one command at a time anyway, and a change that comes meanwhile waits for one only.
      const compared = from([...rotation.due]).pipe(
        concatMap((name) => compareBackend(name).catch((error: unknown) => giveUp(name, error))),
        toArray(),
      );
      return [...changed, ...mended, ...(await lastValueFrom(compared)).flat()];
    }

    async function compareBackend(name: string): Promise<readonly Notice[]> {
      const before = known()?.view.backends.get(name);
      const { writes, writing } = generation;
      if (writing || known() === undefined) return [];
      const quiet = before?.slots.filter(quietIn(name)) ?? [];
      const servers = quiet.length > 0 ? await serversOf(name) : new Map<string, RuntimeServer>();
      const after = known();
      if (generation.writes !== writes || after === undefined) return [];
      const now = after.view.backends.get(name);
      const isQuiet = quietIn(name);
      const slots = quiet.filter((slot) => now?.slots.includes(slot) === true && isQuiet(slot));
      const isMissing = slots.some((slot) => !servers.has(slot.name));
      if (isMissing && !missing.has(name)) {
        missing.add(name);
        return [];
      }
      rotation.due.delete(name);
      missing.delete(name);
      const where = `backend ${name}`;
      if (isMissing) return lastResort.reload(where, 'HAProxy does not have it, or not all its servers');
      lastResort.helped(where);
      if (now === undefined) return [];
      return [
        ...slots.flatMap((slot) => judge(now, slot, servers.get(slot.name))),
        ...health.note(now, slots, servers),
      ];
    }

    function known(): Known | undefined {
      return memory.known;
    }

    /** An answer that makes no sense costs this backend its comparison, and no other. */
    function giveUp(name: string, error: unknown): readonly Notice[] {
      const isNobodyThere =
        error instanceof FailureError &&
        (error.failure.kind === 'unreachable' || error.failure.kind === 'unauthorized');
      if (!(error instanceof FailureError) || isNobodyThere) throw error;
      rotation.due.delete(name);
      return [];
    }

    /** Slots that nobody changes now, and of which the file says what the process was told. */
    function quietIn(backend: string): (slot: SlotView) => boolean {
      const pending = new Set(memory.pending.map(slotOf));
      return ({ name: slot }) => {
        const at = slotOf({ backend, slot });
        return !pending.has(at) && !memory.moving.has(at);
      };
    }

    /** None where HAProxy has no such backend. Rejects with a FailureError when HAProxy does not answer. */
    async function serversOf(backend: string): Promise<ReadonlyMap<string, RuntimeServer>> {
      try {
        return new Map((await ask(client.getServers(backend))).map((server) => [server.name, server]));
      } catch (error) {
        if (!(error instanceof FailureError && error.failure.kind === 'not-found')) throw error;
        await ask(client.getRuntimeInfo());
        return new Map();
      }
    }

    function judge(backend: BackendView, slot: SlotView, server: RuntimeServer | undefined): readonly Notice[] {
      const at = slotOf({ backend: backend.name, slot: slot.name });
      const drift = server && compareSlot(slot, server);
      const isLeft = drift?.isManualMaint === true && respectManualMaint;
      const isSaid = isLeft && memory.left.has(at);
      if (isLeft) memory.left.set(at, { backend: backend.name, slot });
      else memory.left.delete(at);
      if (drift === undefined || isSaid) return [];
      const service = backend.mark?.service ?? slot.service;
      if (!isLeft) adopt({ kind: 'drain-slot', service, backend: backend.name, slot: slot.name }, slot, drift.found);
      return [
        {
          kind: 'drift-found',
          service,
          where: `server ${at}`,
          what: drift.what,
          differs: drift.text,
          repair: isLeft ? 'none' : 'planned',
        },
      ];
    }

    /** A drain that no plan asked for may be what the next one wants: then there is no step to bring it into the file. */
    function adopt(drain: StepOf<'drain-slot'>, slot: SlotView, found: SlotView): void {
      if (slot.state === 'serving' && found.state === 'draining') {
        notePending(memory, [drain]);
        changed();
      }
      adoptSlot(memory, drain.backend, found);
    }

    return timer(0, tickMs).pipe(
      exhaustMap(() => look().catch(nothingIfFailure)),
      mergeMap((notices) => notices),
    );
  });
}

/** The API's end is watched elsewhere. What could not be compared is still due. */
function nothingIfFailure(error: unknown): readonly Notice[] {
  if (error instanceof FailureError) return [];
  throw error;
}
