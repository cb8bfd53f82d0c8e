import { createServer, type IncomingMessage, type ServerResponse, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.ts';
import type { Readiness } from './readiness.ts';
import { eventStream, type StatusFeed } from './status-feed.ts';
import type { StatusPage } from './status-page.ts';

export interface Server {
  /** The one that was taken, where 0 was asked for. */
  readonly port: number;
  /** Answers what is being asked and ends within a second, whatever connections are open. */
  readonly close: () => Promise<void>;
}

interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The status, for people: its JSON now, and as it changes; and a page that shows it. */
export interface Shown {
  readonly whole: () => string;
  readonly feed: StatusFeed;
  readonly page: StatusPage;
}

/**
 * Serves `/health`, `/ready`, `/metrics`, and the status as a page (`/`), as JSON (`/status`) and as events
 * (`/events`). Rejects with Node's own error when it cannot listen. It may face a network,
 * so everything a client can spend is bounded.
 */
export function startServer(options: {
  readonly host: string;
  readonly port: number;
  readonly ready: () => Readiness;
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>;
  readonly shown: Shown;
  /** Ms in which a connection has to move; longer than the feed's signs of life are apart. */
  readonly silenceMs?: number;
}): Promise<Server> {
  const { feed, whole, page: shownPage } = options.shown;

  async function page(path: string): Promise<Page> {
    switch (path) {
      case '/health':
        return json(200, { status: 'alive' });
      case '/ready': {
        const { ready, ...said } = options.ready();
        return json(ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', ...said });
      }
      case '/metrics':
        return { status: 200, contentType: options.metrics.contentType, body: await options.metrics.text() };
      case '/':
        return {
          status: 200,
          contentType: 'text/html; charset=utf-8',
          body: shownPage.html,
          headers: shownPage.headers,
        };
      case '/status':
        return { status: 200, contentType: 'application/json', body: `${whole()}\n`, headers: noStore };
      default:
        return json(404, { status: 'not found' });
    }
  }

  /** Takes the response over for as long as both ends want; the others are answered and done. */
  function follow(request: IncomingMessage, response: ServerResponse): void {
    if (request.method === 'HEAD') response.writeHead(200, eventStream).end();
    else if (!feed.take(response)) answer(request, response, json(503, { status: 'too many clients' }));
  }

  const server = createServer(
    {
      maxHeaderSize: 8192,
      headersTimeout: 5000,
      requestTimeout: 5000,
      keepAliveTimeout: 5000,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => {
      const [path = ''] = (request.url ?? '').split('?');
      if (path === '/events' && isRead(request)) {
        follow(request, response);
        return;
      }
      (isRead(request) ? page(path) : Promise.resolve(json(405, { status: 'method not allowed' }))).then(
        (found) => {
          answer(request, response, found);
        },
        () => {
          answer(request, response, json(500, { status: 'failed' }));
        },
      );
    },
  );
  server.maxConnections = 100;
  /** Nor does who asks and never reads keep a connection from others. */
  server.timeout = options.silenceMs ?? 15_000;
  return listen(server, options).then((port) => ({ port, close }));

  function close(): Promise<void> {
    feed.close();
    return new Promise((resolve) => {
      const cut = setTimeout(() => {
        server.closeAllConnections();
      }, 500);
      server.close(() => {
        clearTimeout(cut);
        resolve();
      });
    });
  }
}

/** Resolves to the port; rejects with Node's own error when it cannot listen. */
export function listen(
  server: HttpServer,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

const noStore = { 'Cache-Control': 'no-store' };

function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

function json(status: number, value: unknown): Page {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n` };
}

/** To a request that is not a read it also says which are allowed, and what follows on its connection is not read. */
function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { status, contentType, body, headers }: Page,
): void {
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
    ...headers,
    ...(!isRead(request) && { Allow: 'GET, HEAD', Connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
