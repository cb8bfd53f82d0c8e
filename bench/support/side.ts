import { createDataplaneClient, type DataplaneClient } from '../../lib/haproxy/client.ts';
import { startApiProxy, type ApiProxy } from '../../spec-integration/support/api-proxy.ts';
import { spawnConnector, type Connector, type Env } from '../../spec-integration/support/connector.ts';
import { startHaproxy, type Haproxy } from '../../spec-integration/support/haproxy.ts';
import { startNomad, type NomadServer } from '../../spec/support/nomad-server.ts';
import type { RawRegistration } from '../../spec/support/nomad-state.ts';
import { untilAllServed } from './client.ts';
import { waitUntil } from './clock.ts';
import { compileCache } from './compile-cache.ts';
import { startFloor } from './floor.ts';
import { baseConfig, frontend, frontendPort, runtimePort } from './haproxy-config.ts';
import { prepare } from './prepared.ts';
import { hostOf, instanceOf, jobOf } from './services.ts';

/** A service and the ports of the apps that are its instances from the beginning. */
export interface Running {
  readonly service: string;
  readonly ports: readonly number[];
}

export interface Setup {
  readonly running: readonly Running[];
  /** Instances that each job asks for. */
  readonly count: number;
}

/** A simulated Nomad, a real HAProxy, and somebody in a process of its own who makes the second follow the first. */
export interface Side {
  readonly haproxy: Haproxy;
  readonly nomad: NomadServer;
  /** `host:port` of the frontend. */
  readonly edge: string;
  /** Starts the follower; resolves when every service that runs is served. */
  readonly start: () => Promise<void>;
  /** Starts the follower and does not wait for anything. */
  readonly launch: () => void;
  readonly appear: (service: string, port: number, tags?: readonly string[]) => RawRegistration;
  readonly leave: (registration: RawRegistration) => void;
  readonly stop: () => Promise<void>;
}

export interface ConnectorSide extends Side {
  readonly api: DataplaneClient;
  /** Between connector and API, where `counted` asked for it. */
  readonly proxy: ApiProxy | undefined;
  /** The connector that was launched last. */
  readonly connector: () => Connector;
}

/** The connector as its image runs it, but that it lets go after 1 s, so that a benchmark can go on. */
export async function connectorSide(
  setup: Setup & { readonly counted?: boolean; readonly env?: Env },
): Promise<ConnectorSide> {
  const haproxy = await startHaproxy({ config: baseConfig, ports: [frontendPort] });
  const nomad = await populate(setup, haproxy.hostAddress);
  const proxy = setup.counted ? await startApiProxy(haproxy.api.address) : undefined;
  const cache = compileCache();
  let connector: Connector | undefined;

  function launch(): void {
    connector = spawnConnector({
      NOMAD_ADDR: nomad.address,
      HAPROXY_DATAPLANE_URL: proxy?.address ?? haproxy.api.address,
      HAPROXY_USERNAME: haproxy.api.username,
      HAPROXY_PASSWORD: haproxy.api.password,
      HAPROXY_FRONTEND: frontend,
      HAPROXY_DRAIN_TIMEOUT_SEC: '1',
      HEALTH_HOST: '127.0.0.1',
      HEALTH_PORT: '0',
      NODE_COMPILE_CACHE: cache,
      ...setup.env,
    });
  }

  return {
    ...sideOf(setup, haproxy, nomad, launch),
    api: createDataplaneClient(haproxy.api),
    proxy,
    connector: () => connector!,
    stop: async () => {
      await connector?.stop();
      await proxy?.close();
      await Promise.all([nomad.close(), haproxy.stop()]);
    },
  };
}

/** The floor: HAProxy has a backend with free slots for each service that runs, and for each that will come. */
export async function floorSide(setup: Setup & { readonly coming?: readonly string[] }): Promise<Side> {
  const { running, count, coming = [] } = setup;
  const services = [...running.map(({ service }) => service), ...coming];
  const { config, maps } = prepare(
    services.map((service) => instanceOf(service, '127.0.0.1', 1)),
    services.map((service) => jobOf(service, count)),
  );
  const haproxy = await startHaproxy({ config, maps, ports: [frontendPort, runtimePort] });
  const nomad = await populate(setup, haproxy.hostAddress);
  const script = startFloor();
  return {
    ...sideOf(setup, haproxy, nomad, () => void script.call.start(nomad.address, haproxy.port(runtimePort))),
    stop: async () => {
      await script.stop();
      await Promise.all([nomad.close(), haproxy.stop()]);
    },
  };
}

async function populate({ running, count }: Setup, address: string): Promise<NomadServer> {
  const nomad = await startNomad();
  for (const { service, ports } of running) {
    nomad.setJob(jobOf(service, count));
    for (const port of ports) nomad.register(instanceOf(service, address, port));
  }
  return nomad;
}

function sideOf({ running, count }: Setup, haproxy: Haproxy, nomad: NomadServer, launch: () => void) {
  const edge = haproxy.port(frontendPort);
  const known = new Set(running.map(({ service }) => service));
  return {
    haproxy,
    nomad,
    edge,
    launch,
    start: async () => {
      launch();
      await untilAllServed(
        edge,
        running.map(({ service }) => hostOf(service)),
      );
      await waitUntil('a stream is open', () => nomad.streams() > 0);
    },
    appear: (service: string, port: number, tags?: readonly string[]) => {
      if (!known.has(service)) nomad.setJob(jobOf(service, count));
      known.add(service);
      return nomad.register(instanceOf(service, haproxy.hostAddress, port, tags));
    },
    leave: ({ ID, Namespace }: RawRegistration) => {
      nomad.deregister(ID, 'ServiceDeregistration', Namespace);
    },
  };
}
