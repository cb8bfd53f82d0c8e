import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { Server as NetServer, type AddressInfo } from 'node:net';
import { clockMs } from './clock.ts';
import { serveCalls, startWorker, type Worker } from './worker.ts';

/** Apps that answer every request with their port, all in one process. */
export type Apps = Worker<typeof calls>;

export function startApps(): Apps {
  return startWorker<typeof calls>(new URL(import.meta.url));
}

interface App {
  readonly server: Server;
  requests: number;
  /** Connections, kept alive ones once; a probe is one too. */
  connections: number;
  lastRequestAt: number;
}

const apps = new Map<number, App>();

const calls = {
  /** Ports on which nobody listens. */
  async reserve(count: number): Promise<readonly number[]> {
    const servers = await Promise.all(Array.from({ length: count }, () => listening(createServer(), 0)));
    const ports = servers.map(portOf);
    for (const server of servers) server.close();
    return ports;
  },

  /** New apps, on any ports. */
  async open(count: number): Promise<readonly number[]> {
    return Promise.all(Array.from({ length: count }, () => open(0)));
  },

  /** Listens on this port; answers when it did, by the machine's clock. */
  async listen(port: number): Promise<number> {
    await open(port);
    return clockMs();
  },

  /**
   * Stops accepting connections at once; what is open is served for `graceMs` more, each with the announcement that it
   * will close, and then cut. 0: everything is cut at once.
   */
  async stop(port: number, graceMs: number): Promise<void> {
    const { server } = apps.get(port)!;
    NetServer.prototype.close.call(server);
    if (graceMs > 0) await new Promise((resolve) => setTimeout(resolve, graceMs));
    server.closeAllConnections();
    apps.delete(port);
  },

  counts(port: number): Omit<App, 'server'> {
    const { requests, connections, lastRequestAt } = apps.get(port)!;
    return { requests, connections, lastRequestAt };
  },
};

async function open(wanted: number): Promise<number> {
  const server = createServer({ keepAliveTimeout: 0 }, (_request, response) => {
    app.requests += 1;
    app.lastRequestAt = clockMs();
    if (!server.listening) response.setHeader('connection', 'close');
    response.end(body);
  });
  const app: App = { server, requests: 0, connections: 0, lastRequestAt: 0 };
  server.on('connection', () => (app.connections += 1));
  const port = portOf(await listening(server, wanted));
  const body = String(port);
  apps.set(port, app);
  return port;
}

async function listening(server: Server, port: number): Promise<Server> {
  server.listen({ port, host: '0.0.0.0', backlog: 1024 });
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

if (import.meta.main) serveCalls(calls);
