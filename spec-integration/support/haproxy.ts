import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GenericContainer, Wait } from 'testcontainers';
import type { Observable } from 'rxjs';
import type { DataplaneSettings } from '../../lib/haproxy/client-http.ts';

const home = '/usr/local/etc/haproxy';
const masterSocket = '/var/run/haproxy-master.sock';
const apiPort = 5555;
/** The container's name for the machine it runs on; with Docker Desktop that is not the bridge's gateway. */
const hostName = 'host.docker.internal';

export interface HaproxyOptions {
  /** With HAProxy and the Data Plane API, laid out as the vendor's `s6` images are. */
  readonly image?: string;
  /** The text of haproxy.cfg. */
  readonly config: string;
  /** The text of dataplaneapi.yml, on any address at port 5555, and the user in it; that of the images if not given. */
  readonly dataplane?: { readonly text: string; readonly username: string; readonly password: string };
  /** Files in the directory for maps, by name. */
  readonly maps?: Readonly<Record<string, string>>;
  /** Ports that its frontends listen on. */
  readonly ports?: readonly number[];
}

/** A container with a HAProxy and its Data Plane API, both started again when they end. */
export interface Haproxy {
  readonly api: DataplaneSettings;
  /** The address of this machine as the container sees it: an IP literal, for server lines. */
  readonly hostAddress: string;
  /** `host:port` by which a port in the container is reached from here. */
  readonly port: (inside: number) => string;
  /** Output of a command in the container; rejects when it fails. */
  readonly exec: (...command: readonly string[]) => Promise<string>;
  /** HAProxy's answer to a runtime command, from the newest worker. */
  readonly socat: (command: string) => Promise<string>;
  /** Reloads since HAProxy's start as its master counts them, failed ones included. */
  readonly reloads: () => Promise<number>;
  /** Without mercy, all processes of that name. The container starts it again. */
  readonly kill: (process: 'haproxy' | 'dataplaneapi') => Promise<void>;
  /**
   * Resolves when HAProxy answers after a kill. Ask here and not the API, from 3.2 on: a call that meets HAProxy as it
   * starts holds up all the API's runtime calls for 30 s.
   */
  readonly untilUp: () => Promise<void>;
  readonly file: (path: string) => Promise<string>;
  readonly stop: () => Promise<void>;
}

export const configPath = `${home}/haproxy.cfg`;
export const mapsPath = `${home}/maps`;
/** Only with TESTCONTAINERS_RYUK_DISABLED=true where its image cannot be had. */
export const images = (
  process.env['HAPROXY_IMAGES'] ??
  process.env['HAPROXY_IMAGE'] ??
  'haproxytech/haproxy-debian:s6-3.4'
).split(',');

/** A `describe` for each image of HAPROXY_IMAGES (separated by commas), else for that of HAPROXY_IMAGE. */
export function forEachImage(define: (image: string) => void): void {
  for (const image of images)
    describe(image, () => {
      define(image);
    });
}

/** Resolves when both HAProxy and the API answer; it takes 2-5 s. */
export async function startHaproxy({
  image = images[0]!,
  config,
  dataplane = { text: apiConfig(), username: 'admin', password: 'dataplane' },
  maps = {},
  ports = [8080],
}: HaproxyOptions): Promise<Haproxy> {
  const { text, ...account } = dataplane;
  const files = { 'haproxy.cfg': config, 'dataplaneapi.yml': text, ...prefixed('maps/', maps) };
  const container = await new GenericContainer(image)
    .withExposedPorts(apiPort, ...ports)
    .withExtraHosts([{ host: hostName, ipAddress: 'host-gateway' }])
    .withCopyContentToContainer(
      // The API rewrites them all, and it need not run as root.
      Object.entries(files).map(([name, content]) => ({ content, target: `${home}/${name}`, mode: 0o666 })),
    )
    .withWaitStrategy(
      // The API answers 200 also while HAProxy does not answer it.
      Wait.forHttp('/v3/services/haproxy/runtime/info', apiPort)
        .withBasicCredentials(account.username, account.password)
        .forResponsePredicate((answer) => answer.includes('"pid":')),
    )
    .withStartupTimeout(60_000)
    .start();

  async function exec(...command: readonly string[]): Promise<string> {
    const { exitCode, output, stdout } = await container.exec([...command]);
    if (exitCode !== 0) throw new Error(`${command.join(' ')}: exit code ${exitCode}: ${output}`);
    return stdout;
  }

  function master(command: string): Promise<string> {
    // While HAProxy reloads, its master may not listen for a moment.
    const socket = `UNIX-CONNECT:${masterSocket},retry=40,interval=0.05`;
    return exec('sh', '-c', `printf '%s\\n' "$1" | socat -t 5 - ${socket}`, 'sh', command);
  }

  function port(inside: number): string {
    return `${container.getHost()}:${container.getMappedPort(inside)}`;
  }

  return {
    api: { address: `http://${port(apiPort)}`, ...account },
    hostAddress: (await exec('getent', 'ahostsv4', hostName)).split(/\s/, 1)[0]!,
    port,
    exec,
    socat: (command) => master(`@1 ${command}`),
    reloads: async () => Number(/ master +(\d+)/.exec(await master('show proc'))?.[1]),
    kill: async (process) => {
      await exec('pkill', '-KILL', '-x', process);
    },
    untilUp: async () => {
      const answers = `echo '@1 show info' | socat -t 1 - UNIX-CONNECT:${masterSocket} 2>/dev/null | grep -q ^Version`;
      await exec('timeout', '30', 'sh', '-c', `until ${answers}; do sleep 0.05; done`);
    },
    file: (path) => exec('cat', path),
    stop: async () => {
      await container.stop();
    },
  };
}

/** The value of a call, or its failure. */
export function answerOf<T>(call: Observable<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    call.subscribe({ next: resolve, error: reject });
  });
}

/** That of the images, but a reload that nobody forces comes after 1 s. */
function apiConfig(): string {
  const text = readFileSync(new URL('../images/dataplaneapi.yml', import.meta.url), 'utf8');
  return text.replace(/reload_delay: \d+/, 'reload_delay: 1');
}

function prefixed(prefix: string, files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [prefix + name, content]));
}

/** An HTTP server in this process, to be put behind HAProxy. */
export interface App {
  readonly name: string;
  /** For a server line. */
  readonly address: string;
  readonly port: number;
  /** Requests so far. */
  readonly requests: () => number;
  /** Stops listening; requests that run come to their end. */
  readonly closeListener: () => void;
  /** Cuts all connections. */
  readonly close: () => Promise<void>;
}

/** What `/slow` takes (ms). */
const slowMs = 1500;

/**
 * Starts an app that answers every request with its name, `/slow` late. `host`: as HAProxy sees this machine,
 * `Haproxy.hostAddress`.
 */
export async function startApp({ name, host = '127.0.0.1' }: { name: string; host?: string }): Promise<App> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    setTimeout(() => response.end(name), request.url === '/slow' ? slowMs : 0);
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  return {
    name,
    address: host,
    port: (server.address() as AddressInfo).port,
    requests: () => requests,
    closeListener: () => server.close(),
    close: async () => {
      const closed = server.listening ? once(server, 'close') : undefined;
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
