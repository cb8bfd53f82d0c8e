import { posix } from 'node:path';
import type { RouteMap } from '../model/events.ts';
import { FailureError } from '../model/failure.ts';
import { ask } from './ask.ts';
import type { DataplaneClient } from './client.ts';
import { parseRows, renderRows } from './map-writer.ts';
import { mapPaths, type MapPaths } from './routing.ts';
import type { MapRows } from './view.ts';

export interface MapFilesOptions {
  /** The files are `<stem>-exact.map`, `<stem>-prefix.map` and `<stem>-regex.map`. */
  readonly stem: string;
  /** Without, neither maps nor their files are looked at. */
  readonly domainMap: boolean;
  /** Where the operator expects the API to keep maps; absent: wherever it does. */
  readonly mapsDir?: string;
}

export interface FoundMaps {
  readonly paths: MapPaths;
  readonly rows: MapRows;
}

/** The three map files of the connector. All reject with a FailureError. */
export interface MapFiles {
  /** Those that are the connector's: all, or none where the domain map is off. */
  readonly maps: readonly RouteMap[];
  readonly nameOf: (map: RouteMap) => string;
  /** Makes the files that are missing, and reads their paths and rows. */
  readonly read: () => Promise<FoundMaps>;
  /** The same without making any: a file that is missing has no rows, and its path is where it would be made. */
  readonly look: () => Promise<FoundMaps>;
  /** Writes the files that differ; HAProxy reads them when it reloads. */
  readonly write: (before: MapRows, after: MapRows) => Promise<void>;
}

const maps = ['exact', 'prefix', 'regex'] as const;

export function createMapFiles(client: DataplaneClient, { stem, domainMap, mapsDir }: MapFilesOptions): MapFiles {
  const nameOf = (map: RouteMap) => `${stem}-${map}.map`;

  async function listFiles(): Promise<ReadonlyMap<string, string>> {
    return new Map((await ask(client.listMaps())).map(({ name, path }) => [name, path]));
  }

  /** A file has to be there before a configuration may name it; the API's answer tells the path to name. */
  async function makeMissing(files: ReadonlyMap<string, string>): Promise<MapPaths> {
    const paths: Record<RouteMap, string> = { exact: '', prefix: '', regex: '' };
    for (const map of maps) paths[map] = files.get(nameOf(map)) ?? (await ask(client.createMap(nameOf(map), '')));
    return paths;
  }

  function refuseElsewhere({ exact }: MapPaths): void {
    const found = posix.dirname(exact);
    if (mapsDir === undefined || posix.relative(mapsDir, found) === '') return;
    throw new FailureError({
      kind: 'rejected',
      message: `the Data Plane API keeps maps in ${found}, not in ${mapsDir}`,
      where: 'maps',
      hint: 'set domain_map.file_path or haproxy.maps_dir to that directory, or remove them',
    });
  }

  async function readRows(files: readonly RouteMap[]): Promise<MapRows> {
    const rows = noRows();
    for (const map of files) rows[map] = parseRows(await ask(client.readMapFile(nameOf(map))));
    return rows;
  }

  return {
    maps: domainMap ? maps : [],
    nameOf,
    read: async () => {
      if (!domainMap) return { paths: mapPaths(mapsDir ?? '', stem), rows: noRows() };
      const paths = await makeMissing(await listFiles());
      refuseElsewhere(paths);
      return { paths, rows: await readRows(maps) };
    },
    look: async () => {
      if (!domainMap) return { paths: mapPaths(mapsDir ?? '', stem), rows: noRows() };
      const files = await listFiles();
      const [any] = files.values();
      const paths = mapPaths(any === undefined ? (mapsDir ?? '') : posix.dirname(any), stem);
      if (any !== undefined) refuseElsewhere(paths);
      return { paths, rows: await readRows(maps.filter((map) => files.has(nameOf(map)))) };
    },
    write: async (before, after) => {
      for (const map of maps) {
        const text = renderRows(after[map]);
        if (text !== renderRows(before[map])) await ask(client.writeMapFile(nameOf(map), text));
      }
    },
  };
}

function noRows(): Record<RouteMap, ReadonlyMap<string, string>> {
  return { exact: new Map<string, string>(), prefix: new Map<string, string>(), regex: new Map<string, string>() };
}
