import type { Haproxy } from '../../spec-integration/support/haproxy.ts';

/** A server of the running process, as HAProxy itself tells. */
export interface Server {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly state: 'ready' | 'drain' | 'maint';
}

export async function readServers(haproxy: Haproxy, backend: string): Promise<readonly Server[]> {
  return (await readAllServers(haproxy, backend)).get(backend) ?? [];
}

/** Those of all backends, or of one, by backend. */
export async function readAllServers(haproxy: Haproxy, backend = ''): Promise<ReadonlyMap<string, readonly Server[]>> {
  const [, header = '', ...rows] = (await haproxy.socat(`show servers state ${backend}`)).split('\n');
  const columns = header.replace(/^# /, '').split(' ');
  const found = rows.map((row) => row.split(' ')).filter((fields) => fields.length >= columns.length);
  const at = (fields: readonly string[], column: string) => fields[columns.indexOf(column)] ?? '';
  const byBackend = Map.groupBy(found, (fields) => at(fields, 'be_name'));
  return new Map(
    [...byBackend].map(([name, all]) => [
      name,
      all.map((fields) => ({
        name: at(fields, 'srv_name'),
        address: at(fields, 'srv_addr'),
        port: Number(at(fields, 'srv_port')),
        weight: Number(at(fields, 'srv_uweight')),
        state: adminState(Number(at(fields, 'srv_admin_state'))),
      })),
    ]),
  );
}

/** Forced or inherited maintenance: 1, 2 or 32; drain: 8 or 16; the rest is ready (HAProxy's management guide). */
function adminState(mask: number): Server['state'] {
  if ((mask & 0x23) !== 0) return 'maint';
  return (mask & 0x18) !== 0 ? 'drain' : 'ready';
}
