import { FailureError } from '../model/failure.ts';
import type { RouteMap } from '../model/events.ts';
import type { Notice } from '../model/notice.ts';
import { ask } from './ask.ts';
import type { DataplaneClient } from './client.ts';
import type { LastResort } from './last-resort.ts';
import type { MapFiles } from './map-files.ts';
import { compareRows, loadedRows, mendRows, sayRowDrift, type RowDrift } from './map-mend.ts';
import type { Known, Memory } from './memory.ts';
import type { MapRows } from './view.ts';
import type { Generation } from './watch.ts';

export interface DriftFilesOptions {
  readonly client: DataplaneClient;
  readonly files: MapFiles;
  readonly memory: Memory;
  readonly generation: Generation;
  readonly lastResort: LastResort;
  readonly forget: () => void;
}

/** Both reject with a FailureError. */
export interface DriftFiles {
  /** Whether the files are as they were last read or written: an edit by hand need not move the version, nor reload HAProxy. */
  readonly check: () => Promise<readonly Notice[]>;
  /** Makes the rows of the running process those of the files, of the maps that are ours. The writer's line is its place. */
  readonly mendRows: () => Promise<readonly Notice[]>;
}

const maps = ['exact', 'prefix', 'regex'] as const;

export function createDriftFiles(options: DriftFilesOptions): DriftFiles {
  const { client, files, memory, generation, lastResort, forget } = options;

  async function check(): Promise<readonly Notice[]> {
    const { known } = memory;
    const { writes } = generation;
    if (known === undefined || generation.writing) return [];
    const file = await ask(client.getRaw());
    const { rows } = await files.read();
    if (memory.known?.file !== known.file || generation.writes !== writes) return [];
    const what =
      file.text !== known.file.text
        ? 'the configuration file was changed'
        : isSame(rows, known.rows)
          ? undefined
          : 'a map file was changed';
    if (what === undefined) return [];
    generation.version = file.version;
    generation.text = undefined;
    forget();
    return [{ kind: 'haproxy-moved', what }];
  }

  async function mendAll(): Promise<readonly Notice[]> {
    const { known } = memory;
    if (known === undefined) return [];
    const notices: Notice[] = [];
    for (const map of files.maps) notices.push(...(await mendMap(map, known)));
    return notices;
  }

  async function mendMap(map: RouteMap, { rows, view }: Known): Promise<readonly Notice[]> {
    const name = files.nameOf(map);
    const where = `map ${name}`;
    const entries = await loadedRows(client, name);
    if (entries === undefined) {
      const isRouted = [...view.frontends.values()].some(({ routed }) => routed);
      return isRouted ? lastResort.reload(where, 'HAProxy does not have it') : [];
    }
    // A row that is ahead of its backend, such as that of a write that was cut off, would lead away from where it leads now.
    const isAhead = (key: string) => rows[map].has(key) && !view.backends.has(rows[map].get(key) ?? '');
    const drift = compareRows(
      entries.filter(({ key }) => !isAhead(key)),
      new Map([...rows[map]].filter(([key]) => !isAhead(key))),
      map,
    );
    if (drift === undefined) {
      lastResort.helped(where);
      return [];
    }
    const differs = sayRowDrift(drift);
    if (!(await isMended(name, drift))) return lastResort.reload(where, differs);
    return [{ kind: 'drift-found', where, what: 'rows', differs, repair: 'mended' }];
  }

  /** What the API cannot do row by row is a reload's business. */
  async function isMended(name: string, drift: RowDrift): Promise<boolean> {
    try {
      return await mendRows(client, name, drift);
    } catch (error) {
      if (!(error instanceof FailureError) || error.failure.kind === 'unreachable') throw error;
      return false;
    }
  }

  return { check, mendRows: mendAll };
}

function isSame(found: MapRows, known: MapRows): boolean {
  return maps.every((map) => {
    const entries = [...found[map]].map(([key, value]) => ({ key, value }));
    return compareRows(entries, known[map], map) === undefined;
  });
}
