import { ask } from './ask.ts';
import type { DataplaneClient } from './client.ts';
import type { FoundMaps, MapFiles } from './map-files.ts';
import { capabilitiesOf } from './versions.ts';

/** HAProxy's configuration and the connector's maps, as the files say. */
export interface Look extends FoundMaps {
  readonly text: string;
}

/** Reads what a plan needs and changes nothing, not even by a transaction. Rejects with a FailureError. */
export async function lookAtHaproxy(client: DataplaneClient, files: MapFiles): Promise<Look> {
  const { dataplane } = await ask(client.getInfo());
  const { haproxyVersion } = await ask(client.getRuntimeInfo());
  capabilitiesOf({ haproxy: haproxyVersion, dataplane });
  const { text } = await ask(client.getRaw());
  return { text, ...(await files.look()) };
}
