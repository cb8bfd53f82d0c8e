import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { ServiceKey } from './model/events.ts';
import { listen, type Server } from './server.ts';

/**
 * Serves `POST /release`, which lets held services go and answers which. Rejects with Node's own error when it cannot
 * listen. It is for whoever is on the machine: a request that a browser makes for a page (`Origin`) is refused, a body
 * is not read, and each connection carries one request.
 */
export function startAdmin(options: {
  readonly host: string;
  readonly port: number;
  readonly release: () => readonly ServiceKey[];
}): Promise<Server> {
  const server = createServer(
    { maxHeaderSize: 8192, headersTimeout: 5000, requestTimeout: 5000, connectionsCheckingInterval: 1000 },
    (request, response) => {
      if (request.url !== '/release') answer(response, 404, { status: 'not found' });
      else if (request.method !== 'POST') answer(response, 405, { status: 'method not allowed' }, { Allow: 'POST' });
      else if (isFromPage(request)) answer(response, 403, { status: 'not for pages' });
      else answer(response, 200, { status: 'released', services: options.release() });
    },
  );
  server.maxConnections = 10;
  return listen(server, options).then((port) => ({ port, close }));

  /** No answer takes time: whatever is open has nothing to say. */
  function close(): Promise<void> {
    return new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
      server.closeAllConnections();
    });
  }
}

function isFromPage({ headers }: IncomingMessage): boolean {
  return headers.origin !== undefined;
}

function answer(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = `${JSON.stringify(value)}\n`;
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
    Connection: 'close',
    ...headers,
  });
  response.end(body);
}
