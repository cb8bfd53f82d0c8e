import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { expect } from 'chai';
import { createDataplaneClient, type DataplaneClient, type RawConfiguration } from '../../lib/haproxy/client.ts';
import { capabilitiesOf } from '../../lib/haproxy/versions.ts';
import { FailureError } from '../../lib/model/failure.ts';
import { startNomad, type NomadServer } from '../../spec/support/nomad-server.ts';
import type { RawRegistration } from '../../spec/support/nomad-state.ts';
import { startApiProxy, type ApiProxy } from './api-proxy.ts';
import { spawnConnector, startConnector, type Connector, type Env, type SpawnedConnector } from './connector.ts';
import { eventually } from './eventually.ts';
import { handWritten } from './hand-written.ts';
import { answerOf, configPath, mapsPath, startApp, startHaproxy, type App, type Haproxy } from './haproxy.ts';

/** Nomad simulated, HAProxy real with a configuration written by hand, apps that answer with their name. */
export interface World {
  readonly haproxy: Haproxy;
  readonly nomad: NomadServer;
  readonly api: DataplaneClient;
  /** Between the connectors and the API. */
  readonly proxy: ApiProxy;
  /** How every command finds both ends here, `run` among them. */
  readonly access: Env;
  /** Starts a connector; `env` over the defaults, which are those of a user with one frontend, but quick to let go. */
  readonly launch: (env?: Env) => Connector;
  /** The same, and waits until it has tried every service of its first snapshot. */
  readonly connect: (env?: Env) => Promise<Connector>;
  /** The same in a process of its own. */
  readonly spawn: (env?: Env) => Promise<SpawnedConnector>;
  /** Starts an app and registers it as an instance of a service; `haproxy.enable=true` goes without saying. */
  readonly start: (service: string, tags?: readonly string[], given?: Partial<RawRegistration>) => Promise<Instance>;
  /** A request through the frontend. */
  readonly get: (host: string, path?: string, port?: number) => Promise<Answer>;
  /** The bodies of so many requests, one after the other, by how often they came. */
  readonly spread: (host: string, requests: number) => Promise<Record<string, number>>;
  /** Admin state of each server of a backend in the running process, by HAProxy itself. */
  readonly states: (backend: string) => Promise<Record<string, AdminState>>;
  /** The file's line of a server; empty when there is none. */
  readonly serverLine: (backend: string, server: string) => Promise<string>;
  /** As a second person would, by the master's socket; the configuration stays what it is. False: HAProxy did not do it. */
  readonly reload: () => Promise<boolean>;
  /** True when the API can set addresses in the running process. */
  readonly movesAddresses: () => Promise<boolean>;
  /** The file as HAProxy would load it. */
  readonly config: () => Promise<string>;
  /** A second writer's change of the configuration, loaded at once unless `reload` says otherwise. */
  readonly rewrite: (edit: (text: string) => string, reload?: 'force' | 'skip') => Promise<RawConfiguration>;
  /** What is hand-written from now on is what the file says now, after a round trip. */
  readonly rebase: () => Promise<void>;
  /** Asserts that all that is hand-written is there as it was. */
  readonly assertHandWritten: () => Promise<void>;
  /** The same, and that no transaction is left open. */
  readonly assertUntouched: () => Promise<void>;
  /** The end of the last connector's log, for a spec that failed. */
  readonly lastLog: () => string;
  readonly close: () => Promise<void>;
}

export type AdminState = 'ready' | 'drain' | 'maint';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Instance extends App {
  readonly registration: RawRegistration;
  /** The answer that it gives. */
  readonly answer: Answer;
  /** Takes the instance out of Nomad; the app goes on. */
  readonly deregister: () => void;
  /** Registers it anew, changed. */
  readonly change: (given: Partial<RawRegistration>) => void;
}

export const noRoute: Answer = { status: 404, body: 'no route' };

const fixtures = new URL('../../fixtures/configs/', import.meta.url);
const config = readFileSync(new URL('hand-written.cfg', fixtures), 'utf8');
const maps = { 'tenants.map': readFileSync(new URL('tenants.map', fixtures), 'utf8') };

/** A world for all specs of a `describe`; after each one what is hand-written has to be as it was. */
export function useWorld(image: string): () => World {
  let world: World | undefined;
  const present = () => world!;
  before(async () => {
    world = await createWorld(image);
  });
  afterEach(async function () {
    const { state, err } = this.currentTest ?? {};
    if (state !== 'failed') await present().assertUntouched();
    else if (err) err.stack = `${err.stack}\n${present().lastLog()}`;
  });
  after(() => world?.close());
  return present;
}

export async function createWorld(image: string): Promise<World> {
  const haproxy = await startHaproxy({ image, config, maps, ports: [8080, 8081] });
  const nomad = await startNomad();
  const proxy = await startApiProxy(haproxy.api.address);
  const api = createDataplaneClient(haproxy.api);
  const apps: App[] = [];
  const connectors: Connector[] = [];
  let byHand = '';

  async function start(
    service: string,
    tags: readonly string[] = [],
    given: Partial<RawRegistration> = {},
  ): Promise<Instance> {
    const app = await startApp({ name: `${service}-${apps.length + 1}`, host: haproxy.hostAddress });
    apps.push(app);
    const registration = nomad.register({
      ServiceName: service,
      Tags: ['haproxy.enable=true', ...tags],
      Address: app.address,
      Port: app.port,
      ...given,
    });
    const { ID, ServiceName, Namespace } = registration;
    return {
      ...app,
      registration,
      answer: { status: 200, body: app.name },
      deregister: () => {
        nomad.deregister(ID, 'ServiceDeregistration', Namespace);
      },
      change: (changed) => {
        nomad.register({ ...registration, ID, ServiceName, ...changed });
      },
    };
  }

  function launched<T extends Connector>(connector: T): T {
    connectors.push(connector);
    return connector;
  }

  async function afterFirstPass<T extends Connector>(connector: T): Promise<T> {
    await Promise.race([connector.logged('tried every service of the first snapshot'), connector.exited]);
    return connector;
  }

  const access: Env = {
    NOMAD_ADDR: nomad.address,
    NOMAD_NAMESPACE: '*',
    HAPROXY_DATAPLANE_URL: proxy.address,
    HAPROXY_USERNAME: haproxy.api.username,
    HAPROXY_PASSWORD: haproxy.api.password,
    HAPROXY_FRONTEND: 'fe',
  };
  const settings = (env: Env): Env => ({
    ...access,
    HAPROXY_DRAIN_TIMEOUT_SEC: '1',
    HAPROXY_BACKEND_RETENTION_SEC: '1',
    HAPROXY_REMOVAL_MAX_WAIT_SEC: '0',
    RELOAD_BURST: '100',
    HEALTH_HOST: '127.0.0.1',
    HEALTH_PORT: '0',
    ...env,
  });
  const launch = (env: Env = {}) => launched(startConnector(settings(env)));
  const get = (host: string, path = '/', port = 8080) => ask(haproxy.port(port), host, path);

  async function states(backend: string): Promise<Record<string, AdminState>> {
    const [, header = '', ...rows] = (await haproxy.socat(`show servers state ${backend}`)).split('\n');
    const columns = header.replace(/^# /, '').split(' ');
    const at = (row: readonly string[], column: string) => row[columns.indexOf(column)] ?? '';
    return Object.fromEntries(
      rows
        .map((row) => row.split(' '))
        .filter((row) => row.length > 1)
        .map((row) => [at(row, 'srv_name'), adminState(Number(at(row, 'srv_admin_state')))]),
    );
  }

  async function roundTrip(): Promise<string> {
    return handWritten(await answerOf(api.previewRoundTrip(await answerOf(api.getVersion()))));
  }

  async function assertHandWritten(): Promise<void> {
    expect(handWritten(await haproxy.file(configPath))).to.be.oneOf([byHand, handWritten(config)]);
    expect(await haproxy.file(`${mapsPath}/tenants.map`)).to.equal(maps['tenants.map']);
  }

  async function assertUntouched(): Promise<void> {
    await assertHandWritten();
    // A write under way shows as one.
    await eventually(async () => {
      expect(await answerOf(api.listTransactions())).to.deep.equal([]);
    });
  }

  async function rewrite(
    edit: (text: string) => string,
    reload: 'force' | 'skip' = 'force',
  ): Promise<RawConfiguration> {
    for (;;) {
      const { version, text } = await answerOf(api.getRaw());
      try {
        const written = await answerOf(api.postRaw({ version, text: edit(text), reload }));
        byHand = handWritten(written.text);
        return written;
      } catch (error) {
        if (!(error instanceof FailureError && error.failure.kind === 'conflict')) throw error;
      }
    }
  }

  byHand = await roundTrip();
  return {
    haproxy,
    nomad,
    api,
    proxy,
    access,
    launch,
    connect: (env) => afterFirstPass(launch(env)),
    spawn: (env = {}) => afterFirstPass(launched(spawnConnector(settings(env)))),
    start,
    get,
    spread: async (host, requests) => {
      const counts: Record<string, number> = {};
      for (let n = 0; n < requests; n += 1) {
        const { status, body } = await get(host);
        const what = status === 200 ? body : String(status);
        counts[what] = (counts[what] ?? 0) + 1;
      }
      return counts;
    },
    states,
    serverLine: async (backend, server) => {
      const [, section = ''] = (await haproxy.file(configPath)).split(new RegExp(`^backend ${backend} .*$`, 'm'));
      return new RegExp(`^ +server ${server} .*$`, 'm').exec(section.split(/^\S/m, 1)[0] ?? '')?.[0].trim() ?? '';
    },
    reload: async () => {
      // In the middle of another reload the master may not listen for a moment.
      const command = 'echo reload | socat -t 5 - UNIX-CONNECT:/var/run/haproxy-master.sock,retry=40,interval=0.05';
      return (await haproxy.exec('sh', '-c', command)).includes('Success=1');
    },
    movesAddresses: async () => {
      const { dataplane } = await answerOf(api.getInfo());
      return capabilitiesOf({ haproxy: '3.0', dataplane }).runtimeAddress;
    },
    config: () => haproxy.file(configPath),
    rewrite,
    rebase: async () => {
      byHand = await roundTrip();
    },
    assertHandWritten,
    assertUntouched,
    lastLog: () =>
      (connectors.at(-1)?.log ?? [])
        .slice(-60)
        .map((line) => JSON.stringify(line))
        .join('\n'),
    close: async () => {
      await Promise.all(connectors.map((connector) => connector.stop()));
      await Promise.all(apps.map((app) => app.close()));
      await Promise.all([nomad.close(), proxy.close()]);
      await haproxy.stop();
    },
  };
}

/** Forced or inherited maintenance: 1, 2 or 32; drain: 8 or 16; the rest is ready (HAProxy's management guide). */
function adminState(mask: number): AdminState {
  if ((mask & 0x23) !== 0) return 'maint';
  return (mask & 0x18) !== 0 ? 'drain' : 'ready';
}

/** A request to `host:port` with this Host header, on a connection of its own. */
export function ask(address: string, host: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`http://${address}${path}`, { headers: { host }, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body });
      });
    });
    sent.on('error', reject).end();
  });
}
