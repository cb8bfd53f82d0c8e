import type { Env } from '../../spec-integration/support/connector.ts';
import { images } from '../../spec-integration/support/haproxy.ts';
import { createWorld, type World } from '../../spec-integration/support/world.ts';
import { startApps } from '../support/apps.ts';
import { untilAllServed } from '../support/client.ts';
import { startLoad, type Load } from '../support/load.ts';
import { hostOf } from '../support/services.ts';
import { createCluster, type Cluster } from './cluster.ts';
import { startConnectors, type Connectors } from './connectors.ts';
import { createRandom } from './random.ts';
import { noteWrites, type PassedCall } from './calls.ts';

/** A cluster, a HAProxy that serves it, and users. */
export interface Scene {
  readonly world: World;
  readonly cluster: Cluster;
  readonly connectors: Connectors;
  readonly load: Load['call'];
  /** What was written through the API. */
  readonly calls: readonly PassedCall[];
  /** Starts the users: requests to every stable service, so many a second in all. */
  readonly open: (perSecond: number) => Promise<void>;
  /** A reload that is somebody else's has been done. */
  readonly noteForeignReload: () => void;
  /** Kills HAProxy, which is started again at once. No user asks until it is there: nobody could answer. */
  readonly killHaproxy: () => Promise<void>;
  readonly reloads: () => Promise<CountedReloads>;
  readonly close: () => Promise<void>;
}

/** Reloads since the first connector. */
export interface CountedReloads {
  /** By HAProxy, of which each process counts its own. */
  readonly counted: number;
  /** Those that were somebody else's. */
  readonly foreign: number;
  /** How often it was killed. */
  readonly kills: number;
}

const appPorts = 40;
const stableServices = 20;

/** Resolves when every stable service is served. */
export async function setScene({
  services,
  seed,
}: {
  readonly services: number;
  readonly seed: number;
}): Promise<Scene> {
  const world = await createWorld(images[0]!);
  const apps = startApps();
  const load = startLoad();
  let connectors: Connectors | undefined;

  async function close(): Promise<void> {
    await connectors?.stop();
    await Promise.all([load.stop(), apps.stop()]);
    await world.close();
  }

  try {
    const ports = await apps.call.open(appPorts);
    const [deadPort = 0] = await apps.call.reserve(1);
    const address = world.haproxy.hostAddress;
    const random = createRandom(seed);
    const cluster = createCluster(world.nomad, { services, stable: stableServices, address, ports, deadPort, random });
    const calls = noteWrites(world.proxy);
    let counted = -(await world.haproxy.reloads());
    let foreign = 0;
    let kills = 0;
    connectors = await startConnectors(environment(world));
    const hosts = cluster.stable.map(hostOf);
    const edge = world.haproxy.port(8080);
    await untilAllServed(edge, hosts);
    return {
      world,
      cluster,
      connectors,
      load: load.call,
      calls,
      open: (perSecond) => load.call.start(edge, hosts, perSecond, { keepAlive: false }),
      noteForeignReload: () => {
        foreign += 1;
      },
      killHaproxy: async () => {
        await load.call.rest();
        counted += await world.haproxy.reloads();
        kills += 1;
        await world.haproxy.kill('haproxy');
        await world.haproxy.untilUp();
        await load.call.goOn();
      },
      reloads: async () => ({ counted: counted + (await world.haproxy.reloads()), foreign, kills }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** As an operator runs it, but quick to let go, so that what was let go is seen to be gone. */
function environment({ nomad, proxy, haproxy }: World): Env {
  return {
    NOMAD_ADDR: nomad.address,
    HAPROXY_DATAPLANE_URL: proxy.address,
    HAPROXY_USERNAME: haproxy.api.username,
    HAPROXY_PASSWORD: haproxy.api.password,
    HAPROXY_FRONTEND: 'fe',
    HAPROXY_DRAIN_TIMEOUT_SEC: '2',
    HAPROXY_BACKEND_RETENTION_SEC: '5',
    HAPROXY_REMOVAL_MAX_WAIT_SEC: '10',
    HEALTH_HOST: '127.0.0.1',
    HEALTH_PORT: '0',
  };
}
