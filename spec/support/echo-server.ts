import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An end that answers every request by repeating it, as an error page or a proxy in a bad mood does. */
export interface EchoServer {
  readonly port: number;
  readonly asked: () => number;
  readonly close: () => Promise<void>;
}

/** What it does with the request's own words: credentials come again as they were sent, and decoded. */
export type Echo = (words: string, response: ServerResponse) => void;

export async function startEcho(echo: Echo): Promise<EchoServer> {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    request.resume();
    echo(wordsOf(request), response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    asked: () => asked,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function wordsOf({ headers }: IncomingMessage): string {
  const sent = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`);
  const basic = /^Basic (.*)$/.exec(headers.authorization ?? '')?.[1] ?? '';
  return [headers['x-nomad-token'] ?? '', Buffer.from(basic, 'base64').toString(), ...sent].join('\n');
}
