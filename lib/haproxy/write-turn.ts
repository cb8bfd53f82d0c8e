import { rowNeedsReload } from '../model/entry-key.ts';
import type { ServiceKey } from '../model/events.ts';
import { FailureError, type Failure } from '../model/failure.ts';
import type { Lane, Notice } from '../model/notice.ts';
import { needsReload } from '../model/slots.ts';
import { isSlotStep, isStructural, type SlotStep, type Step, type StepOf } from '../model/step.ts';
import type { View } from '../model/view.ts';
import { ask } from './ask.ts';
import type { DataplaneClient, RawConfiguration } from './client.ts';
import { commitWithRows } from './commit-rows.ts';
import { partyOf, reloadText } from './commit.ts';
import type { Applied } from './end.ts';
import { haveLost } from './lost-rows.ts';
import type { MapFiles } from './map-files.ts';
import { changeRows, writeRows, type RouteStep } from './map-writer.ts';
import { isEntering, orderRows } from './row-order.ts';
import { moveKnown, notePending, slotOf, tookPending, untilStill, type Known, type Memory } from './memory.ts';
import { sendSteps } from './runtime-lane.ts';
import { hasChangedNothing, parkingActions, writeWithActions } from './slot-write.ts';
import type { Vetting } from './vetting.ts';
import type { MapRows } from './view.ts';
import { writeSteps } from './write-steps.ts';

export interface WriteTurnOptions {
  readonly client: DataplaneClient;
  readonly files: MapFiles;
  readonly vetting: Vetting;
  readonly owner: string;
  readonly memory: Memory;
  /** Takes down what HAProxy is like when only the text tells. */
  readonly remember: (found: Omit<Known, 'view'>) => void;
  /** Ms, for telling how long a part took. */
  readonly now: () => number;
}

/** What will be no more when this turn is over: nobody may be put there meanwhile. */
function removedSlots(step: Step, view: View): readonly string[] {
  if (step.kind === 'remove-slots') return step.slots.map((slot) => slotOf({ backend: step.backend, slot }));
  if (step.kind !== 'remove-backend') return [];
  const slots = view.backends.get(step.backend)?.slots ?? [];
  return slots.map(({ name }) => slotOf({ backend: step.backend, slot: name }));
}

/** HAProxy is not as the view says, so that nothing planned from it can be written. */
export const conflict: Applied = { conflict: true, refused: new Map(), overtaken: new Set(), notices: [] };

/** The view is no longer the newest, or a slot is taken for the moment; what is known stays right. */
export const stale: Applied = { ...conflict };

/** How far a turn has come. */
interface Progress {
  file: RawConfiguration;
  rows: MapRows;
  /** Steps that file and process have taken, as far as the view does not show them yet. */
  taken: readonly SlotStep[];
  rowsNeedReload: boolean;
  reloaded: boolean;
  readonly refused: Map<ServiceKey, Failure>;
  readonly notices: Notice[];
}

/**
 * One turn of the writer, in the order that loses no request: rows that can come at once, rows that go, drains, the
 * configuration with all that is pending, the other rows (`orderRows`). With `persist` the configuration is written also when
 * no step asks for it. At most one reload, after which the process has to be told again what is pending by then. Rejects with
 * a FailureError.
 */
export async function takeWriteTurn(
  { client, files, vetting, owner, memory, remember, now }: WriteTurnOptions,
  view: View,
  steps: readonly Step[],
  { persist }: { readonly persist: boolean },
): Promise<Applied> {
  const base = memory.known;
  if (base?.view !== view) return stale;
  const { paths } = base;
  const leaving = steps.filter((step) => step.kind === 'delete-route');
  const entering = steps.filter((step) => step.kind === 'set-route');
  const configured = steps.filter((step) => step.kind !== 'set-route' && step.kind !== 'delete-route');
  const slotSteps = configured.filter(isSlotStep);
  const turn: Progress = {
    file: base.file,
    rows: base.rows,
    taken: [],
    rowsNeedReload: false,
    reloaded: false,
    refused: new Map(),
    notices: [],
  };
  memory.busy = new Set([...slotSteps.map(slotOf), ...configured.flatMap((step) => removedSlots(step, view))]);
  memory.overtaken = new Set();
  await untilStill(memory, slotSteps.map(slotOf));

  if (configured.length > 0 || persist || steps.some((step) => rowNeedsReload(step, view))) {
    const current = await ask(client.getRaw());
    if (current.text !== turn.file.text || current.version !== turn.file.version) return conflict;
    await vetting.vet(current);
  }
  const reloads = configured.some((step) => isStructural(step) || needsReload(step));
  if (reloads || steps.some((step) => rowNeedsReload(step, view))) {
    const found = await files.read();
    if (haveLost(found.rows, turn.rows)) return conflict;
  }
  const { atOnce, before, after } = orderRows(entering, leaving, configured, view);
  await changeLoadedRows(atOnce);
  await changeLoadedRows(before);
  await drainFirst();
  if (reloads) await commit(after.filter(isEntering));
  else {
    if (configured.length > 0 || persist) await writeSlots(configured);
    await changeLoadedRows(after.filter(isEntering));
  }
  await changeLoadedRows(after.filter((step) => !isEntering(step) && !turn.refused.has(step.service)));
  if (turn.rowsNeedReload) await reload();
  conclude();
  return { conflict: false, refused: turn.refused, overtaken: memory.overtaken, notices: turn.notices };

  async function changeLoadedRows(changes: readonly RouteStep[]): Promise<void> {
    if (changes.length === 0) return;
    const startedAt = now();
    const leaving = changes.filter((step) => !isEntering(step));
    if (leaving.length > 0) memory.rows = changeRows(turn.rows, leaving);
    if (await writeRows(client, files.nameOf, turn.rows, changes)) turn.rowsNeedReload = true;
    turn.rows = changeRows(turn.rows, changes);
    note('maps', changes, startedAt);
  }

  async function drainFirst(): Promise<void> {
    const drains = slotSteps.filter((step) => step.kind === 'drain-slot');
    notePending(memory, drains);
    await sendSteps(client, drains);
  }

  async function commit(rows: readonly StepOf<'set-route'>[]): Promise<void> {
    const startedAt = now();
    const { text, pending } = textWithPending();
    const intended = { version: turn.file.version, text };
    const options = { client, files, owner };
    const done = await commitWithRows(options, intended, configured, turn.rows, rows, paths).catch(suspectProcess);
    turn.rows = done.rows;
    noteRefusals(done.refused);
    const kept = (step: Step) => !done.refused.has(partyOf(step));
    if (done.written) {
      turn.file = done.configuration;
      tookPending(memory, pending);
      turn.reloaded = true;
      turn.rowsNeedReload = false;
      note('commit', configured.filter(kept), startedAt, turn.file.version);
      if (rows.some(kept)) note('maps', rows.filter(kept), startedAt);
      return;
    }
    if (configured.some(kept)) await writeSlots(configured.filter(kept));
    await changeLoadedRows(rows.filter(kept));
  }

  /** A text may be in the file and not loaded when its write has no answer; one that cannot be loaded was put back. */
  function suspectProcess(error: unknown): never {
    const isPutBack = error instanceof FailureError && error.failure.kind === 'reload-failed';
    if (!isPutBack && !hasChangedNothing(error)) memory.suspect = true;
    throw error;
  }

  async function writeSlots(steps: readonly Step[]): Promise<void> {
    const startedAt = now();
    const parking = parkingActions(memory.pending);
    const { text: intended, pending } = textWithPending();
    const { text, actions } = writeSteps(intended, steps, owner, paths);
    const raw = { version: turn.file.version, text };
    turn.file = await writeWithActions(client, memory, raw, [...parking, ...actions]);
    tookPending(memory, pending);
    turn.taken = steps.filter(isSlotStep);
    note('slots', steps, startedAt, turn.file.version);
  }

  async function reload(): Promise<void> {
    const startedAt = now();
    turn.file = await reloadText(client, turn.file);
    turn.reloaded = true;
    note('commit', [], startedAt, turn.file.version);
  }

  /** Whoever has forgotten everything meanwhile reads it anew. */
  function conclude(): void {
    const { file, rows, taken, reloaded } = turn;
    vetting.trust(file.text);
    memory.rows = rows;
    if (memory.known === undefined) return;
    if (reloaded) remember({ file, rows, paths });
    else memory.known = moveKnown(memory.known, taken, file, rows);
  }

  /** Runtime steps taken from here on are not in the text. */
  function textWithPending(): { readonly text: string; readonly pending: readonly SlotStep[] } {
    const { pending } = memory;
    return { text: writeSteps(turn.file.text, pending, owner, paths).text, pending };
  }

  function noteRefusals(refused: ReadonlyMap<string, Failure>): void {
    for (const [party, failure] of refused) {
      if (party.startsWith('frontend '))
        turn.notices.push({ kind: 'haproxy-warning', text: failure.message, hint: failure.hint });
      else turn.refused.set(party as ServiceKey, failure);
    }
  }

  function note(lane: Lane, done: readonly Step[], startedAt: number, version?: number): void {
    const tookMs = Math.round(now() - startedAt);
    turn.notices.push({
      kind: 'applied',
      lane,
      steps: done,
      ...(version !== undefined && { version }),
      reloaded: lane === 'commit',
      ...(lane === 'commit' && done.length === 0 && { unasked: 'rows' }),
      tookMs,
    });
  }
}
