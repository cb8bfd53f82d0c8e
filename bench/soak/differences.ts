import { configPath, mapsPath } from '../../spec-integration/support/haproxy.ts';
import type { World } from '../../spec-integration/support/world.ts';
import { readAllServers } from '../support/servers.ts';
import { backendOf } from '../support/services.ts';
import type { Wanted } from './cluster.ts';

/** Where the running HAProxy is not as Nomad's services want it: nothing when all is well. */
export async function differences(world: World, wanted: Wanted): Promise<readonly string[]> {
  return [...(await serverDifferences(world, wanted)), ...(await rowDifferences(world, wanted))];
}

async function serverDifferences({ haproxy }: World, wanted: Wanted): Promise<readonly string[]> {
  const servers = await readAllServers(haproxy);
  const sections = [...(await haproxy.file(configPath)).matchAll(/^backend (svc_\d+) /gm)].map(([, name = '']) => name);
  const expected = new Map([...wanted].map(([service, { serving }]) => [backendOf(service), serving.join(', ')]));
  return [...new Set([...expected.keys(), ...sections])].flatMap((backend) => {
    const serving = (servers.get(backend) ?? [])
      .filter(({ state }) => state === 'ready')
      .map(({ address, port, weight }) => `${address}:${port} ${weight}`)
      .toSorted()
      .join(', ');
    const should = expected.get(backend);
    if (should === undefined) return [`backend ${backend} is still there`];
    if (!sections.includes(backend)) return [`backend ${backend} is missing`];
    return serving === should ? [] : [`backend ${backend} serves ${serving}, not ${should}`];
  });
}

async function rowDifferences({ haproxy }: World, wanted: Wanted): Promise<readonly string[]> {
  const path = `${mapsPath}/nomad-exact.map`;
  const inFile = rowsOf(await haproxy.file(path));
  const inProcess = rowsOf((await haproxy.socat(`show map ${path}`)).replace(/^0x\w+ /gm, ''));
  const expected = new Map(
    [...wanted].flatMap(([service, { hosts }]) => hosts.map((host) => [host, backendOf(service)] as const)),
  );
  return [...compareRows('file', inFile, expected), ...compareRows('process', inProcess, expected)];
}

function rowsOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text
      .split('\n')
      .map((line) => line.trim().split(' '))
      .filter((words) => words.length === 2)
      .map(([host = '', backend = '']) => [host, backend]),
  );
}

function compareRows(where: string, found: ReadonlyMap<string, string>, expected: ReadonlyMap<string, string>) {
  return [...new Set([...found.keys(), ...expected.keys()])]
    .filter((host) => found.get(host) !== expected.get(host))
    .map((host) => `row ${host} of the ${where} leads to ${found.get(host)}, not to ${expected.get(host)}`);
}
