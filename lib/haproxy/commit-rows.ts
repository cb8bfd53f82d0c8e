import type { Step, StepOf } from '../model/step.ts';
import type { DataplaneClient, RawConfiguration } from './client.ts';
import { commitSteps, partyOf, type Commit } from './commit.ts';
import type { MapFiles } from './map-files.ts';
import { changeRows } from './map-writer.ts';
import type { MapPaths } from './routing.ts';
import type { MapRows } from './view.ts';

export interface CommitRowsOptions {
  readonly client: DataplaneClient;
  readonly files: MapFiles;
  readonly owner: string;
}

/**
 * A commit that brings new rows with it: they are in the map files before the reload, and out of them again where nothing
 * came of it. Rejects with a FailureError.
 */
export async function commitWithRows(
  { client, files, owner }: CommitRowsOptions,
  base: RawConfiguration,
  steps: readonly Step[],
  rows: MapRows,
  entering: readonly StepOf<'set-route'>[],
  paths: MapPaths,
): Promise<Commit & { readonly rows: MapRows }> {
  let inFiles = rows;
  async function settle(wanted: MapRows): Promise<void> {
    await files.write(inFiles, wanted);
    inFiles = wanted;
  }

  await settle(changeRows(rows, entering));
  try {
    const done = await commitSteps(client, base, steps, owner, paths, (refused) => {
      const kept = entering.filter((step) => !refused.has(partyOf(step)));
      return settle(changeRows(rows, kept));
    });
    if (!done.written) await settle(rows);
    return { ...done, rows: inFiles };
  } catch (error) {
    await settle(rows);
    throw error;
  }
}
