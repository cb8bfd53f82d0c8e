import { FailureError, type Failure } from '../model/failure.ts';
import { needsReload } from '../model/slots.ts';
import { isStructural, type Step } from '../model/step.ts';
import { ask } from './ask.ts';
import { isOfCommand } from './client-failures.ts';
import type { DataplaneClient, RawConfiguration } from './client.ts';
import type { MapPaths } from './routing.ts';
import { writeSteps } from './write-steps.ts';

export interface Commit {
  /** What the file says now; the text the commit started from when nothing was written, since nothing that is left needs a reload. */
  readonly configuration: RawConfiguration;
  readonly written: boolean;
  /** By what `partyOf` says of a step. */
  readonly refused: ReadonlyMap<string, Failure>;
}

/** On whose account a step is refused: its service; the routing rule of a frontend serves all and stands by itself. */
export function partyOf(step: Step): string {
  return step.kind === 'install-routing' ? `frontend ${step.frontend}` : step.service;
}

/**
 * Writes steps with one reload. What HAProxy's validation refuses is found by halving, without a reload,
 * and left out; `leaveOut` is told before the rest is written. When HAProxy cannot load what it validated, the text the commit started from is put back at once: the API
 * would otherwise write the bad one again with whatever comes next (measured on API 3.0 to 3.4).
 * Rejects with a FailureError: `reload-failed`; `rejected` when the text was refused before we added anything; or what the
 * API's end says.
 */
export async function commitSteps(
  client: DataplaneClient,
  base: RawConfiguration,
  steps: readonly Step[],
  owner: string,
  paths: MapPaths,
  leaveOut: (refused: ReadonlyMap<string, Failure>) => Promise<void>,
): Promise<Commit> {
  const write = (kept: readonly Step[]) => writeSteps(base.text, kept, owner, paths).text;
  const post = async (kept: readonly Step[]) =>
    ask(client.postRaw({ version: base.version, text: write(kept), reload: 'force' }));
  try {
    return { configuration: await post(steps), written: true, refused: new Map() };
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    if (error.failure.kind === 'reload-failed') return await repair(client, base, error.failure);
    if (error.failure.kind !== 'rejected') throw error;
  }

  const refused = new Map<string, Failure>();
  await findRefused(client, steps, write, refused);
  const rest = steps.filter((step) => !refused.has(partyOf(step)));
  // What is left may do without a reload: that is another way to write.
  if (!rest.some((step) => isStructural(step) || needsReload(step)))
    return { configuration: base, written: false, refused };
  await leaveOut(refused);
  try {
    return { configuration: await post(rest), written: true, refused };
  } catch (error) {
    if (error instanceof FailureError && error.failure.kind === 'reload-failed')
      return repair(client, base, error.failure);
    throw error;
  }
}

/** Notes the parties whose steps make a text that HAProxy refuses, each with HAProxy's message. */
async function findRefused(
  client: DataplaneClient,
  steps: readonly Step[],
  write: (kept: readonly Step[]) => string,
  refused: Map<string, Failure>,
): Promise<void> {
  const bare = await ask(client.validate(write([])));
  if (!bare.ok) {
    throw new FailureError({
      kind: 'rejected',
      message: `the configuration file is refused by HAProxy as it stands: ${bare.message}`,
      where: 'haproxy.cfg',
      hint: 'correct the file by hand; everything goes on by itself then',
    });
  }
  const search = async (parties: readonly string[]): Promise<void> => {
    const kept = new Set(parties);
    const answer = await ask(client.validate(write(steps.filter((step) => kept.has(partyOf(step))))));
    if (answer.ok) return;
    const [only] = parties;
    if (parties.length === 1 && only !== undefined) {
      refused.set(only, {
        kind: 'rejected',
        message: `HAProxy refuses the configuration: ${answer.message}`,
        where: only,
        hint: 'correct what HAProxy names; everything else is applied',
      });
      return;
    }
    const half = Math.ceil(parties.length / 2);
    const found = refused.size;
    await search(parties.slice(0, half));
    await search(parties.slice(half));
    if (refused.size > found) return;
    for (const party of parties) {
      refused.set(party, {
        kind: 'rejected',
        message: `HAProxy refuses the configuration of these together: ${answer.message}`,
        where: parties.join(', ').slice(0, 200),
        hint: 'correct what HAProxy names; everything else is applied',
      });
    }
  };
  await search([...new Set(steps.map(partyOf))]);
}

/**
 * Has HAProxy load a text that is in the file already. Rejects with a FailureError; when that is `reload-failed`, HAProxy
 * runs on as before and the file says what it said.
 */
export async function reloadText(client: DataplaneClient, text: RawConfiguration): Promise<RawConfiguration> {
  try {
    return await ask(client.postRaw({ ...text, reload: 'force' }));
  } catch (error) {
    if (error instanceof FailureError && error.failure.kind === 'reload-failed')
      return repair(client, text, error.failure);
    throw error;
  }
}

async function repair(client: DataplaneClient, base: RawConfiguration, failure: Failure): Promise<never> {
  const version = await ask(client.getVersion());
  await ask(client.postRaw({ version, text: base.text, reload: 'skip' }));
  throw new FailureError({
    ...failure,
    hint: isOfCommand(failure)
      ? `${failure.hint} HAProxy runs on as before and the configuration was put back.`
      : 'HAProxy runs on as before and the configuration was put back; correct what HAProxy names',
  });
}
