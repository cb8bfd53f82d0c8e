import type { ServerResponse } from 'node:http';
import type { Measure } from './model/kept.ts';

/** The last one is for nginx, which would wait for more. */
export const eventStream = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'X-Accel-Buffering': 'no',
};

export interface FeedOptions {
  /** JSON text, in one line. */
  readonly whole: () => string;
  readonly news: () => string | undefined;
  readonly onNews: (act: () => void) => void;
  readonly measure: Measure;
  /** Ms between two tellings of news, and between signs of life. */
  readonly everyMs?: number;
  readonly aliveMs?: number;
  readonly maxClients?: number;
  /** Bytes that may wait for a client beyond the first message. */
  readonly maxBacklog?: number;
}

/** Server-sent events: `status`, the whole of it, then `news`, and `alive` from time to time (HTML standard, chapter 9.2). */
export interface StatusFeed {
  /** Takes a response over until either end closes it; false, and nothing done, where there are enough clients. */
  readonly take: (response: ServerResponse) => boolean;
  readonly close: () => void;
}

/**
 * A client that does not read is hung up on: its browser asks again, and begins with the whole anew. Nothing is made while
 * nobody listens.
 */
export function createStatusFeed({ whole, news, onNews, measure, ...given }: FeedOptions): StatusFeed {
  const { everyMs = 250, aliveMs = 10_000, maxClients = 16, maxBacklog = 1_048_576 } = given;
  /** How much may wait for each. */
  const clients = new Map<ServerResponse, number>();
  let due: NodeJS.Timeout | undefined;
  let alive: NodeJS.Timeout | undefined;
  measure('status_clients', () => clients.size);
  onNews(() => {
    if (clients.size > 0) due ??= setTimeout(tell, everyMs);
  });

  function tell(): void {
    clearTimeout(due);
    due = undefined;
    const text = news();
    if (text !== undefined) sendAll('news', text);
  }

  function sendAll(event: string, data: string): void {
    const message = `event: ${event}\ndata: ${data}\n\n`;
    for (const [response, limit] of clients) {
      if (response.writableLength > limit) response.destroy();
      else response.write(message);
    }
  }

  function rest(): void {
    clearTimeout(due);
    clearInterval(alive);
    due = alive = undefined;
  }

  return {
    take: (response) => {
      if (clients.size >= maxClients) return false;
      response.on('error', () => undefined); // a write that meets a client who has just gone
      response.on('close', () => {
        clients.delete(response);
        if (clients.size === 0) rest();
      });
      if (clients.size === 0) news(); // told by the whole
      const first = `retry: 2000\nevent: status\ndata: ${whole()}\n\n`;
      clients.set(response, Buffer.byteLength(first) + maxBacklog);
      response.writeHead(200, eventStream);
      response.write(first);
      alive ??= setInterval(() => {
        tell();
        sendAll('alive', '');
      }, aliveMs);
      return true;
    },
    close: () => {
      for (const response of clients.keys()) response.end();
      rest();
    },
  };
}
