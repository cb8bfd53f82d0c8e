import type { Config } from '../config.ts';
import { createDataplaneClient, type DataplaneClient } from '../haproxy/client.ts';
import { createMapFiles, type MapFiles } from '../haproxy/map-files.ts';
import type { NomadNowOptions } from '../../streams/nomad-now.ts';

/** What is read of Nomad, all at once. */
export function nomadOptions({ nomad, tags }: Config): NomadNowOptions {
  const { namespaces, verifyAllocations } = nomad;
  return { namespaces, verifyAllocations, ...tags };
}

/** HAProxy for a command that only reads. `timeoutMs`: for each request; the API's own limit if not given. */
export function openHaproxy({ haproxy, domainMap }: Config, timeoutMs?: number): HaproxyReadable {
  const client = createDataplaneClient({ ...haproxy, ...(timeoutMs !== undefined && { timeoutMs }) });
  const { enabled, stem } = domainMap;
  const { mapsDir } = haproxy;
  return {
    client,
    files: createMapFiles(client, { stem, domainMap: enabled, ...(mapsDir !== undefined && { mapsDir }) }),
  };
}

export interface HaproxyReadable {
  readonly client: DataplaneClient;
  readonly files: MapFiles;
}
