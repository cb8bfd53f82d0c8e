import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { createStatusFeed, type StatusFeed } from '../../lib/status-feed.ts';
import { until } from '../support/nomad-server.ts';

interface Follower {
  readonly answer: IncomingMessage;
  /** What has come so far. */
  readonly text: () => string;
  readonly events: () => readonly (readonly [event: string, data: string])[];
  readonly ended: Promise<unknown>;
}

describe('The status feed', () => {
  let server: Server;
  let feed: StatusFeed;
  let whole: string;
  let news: string[];
  let tell: () => void;
  let asked: number;
  let clients: () => number;

  beforeEach(async () => {
    whole = '{"n":0}';
    news = [];
    asked = 0;
    clients = () => NaN;
    feed = createStatusFeed({
      whole: () => whole,
      news: () => {
        asked += 1;
        return news.shift();
      },
      onNews: (act) => {
        tell = act;
      },
      measure: (_, entries) => {
        clients = entries;
      },
      everyMs: 20,
      aliveMs: 100,
      maxClients: 3,
      maxBacklog: 100_000,
    });
    server = createServer((_, response) => {
      if (!feed.take(response)) response.writeHead(503).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(async () => {
    feed.close();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  async function follow(): Promise<Follower> {
    const request = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    let text = '';
    answer.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    answer.on('error', () => undefined);
    const ended = new Promise((resolve) => answer.once('close', resolve));
    const events = () =>
      [...text.matchAll(/^event: (.*)\ndata: (.*)\n\n/gm)].map(([, event = '', data = '']) => [event, data] as const);
    return { answer, text: () => text, events, ended };
  }

  it('begins with the whole, and goes on with news', async () => {
    const { answer, events, text } = await follow();
    expect(answer.headers).to.include({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    news = ['{"n":1}'];
    tell();
    await until(() => events().length >= 2);
    expect(events().slice(0, 2)).to.deep.equal([
      ['status', '{"n":0}'],
      ['news', '{"n":1}'],
    ]);
    expect(text()).to.match(/^retry: \d+\n/);
  });

  it('tells many changes as one, and nothing where nothing has changed', async () => {
    const { events } = await follow();
    const before = asked;
    news = ['{"n":1}'];
    for (let n = 0; n < 1000; n += 1) tell();
    await until(() => events().length >= 2);
    expect(asked - before).to.equal(1);
    tell();
    await until(() => asked - before === 2);
    expect(events().filter(([event]) => event === 'news')).to.have.length(1);
  });

  it('makes nothing while nobody listens', async () => {
    const { answer } = await follow();
    answer.destroy();
    await until(() => clients() === 0);
    const before = asked;
    tell();
    await setTimeout(150);
    expect(asked).to.equal(before);
  });

  it('shows that it is alive', async () => {
    const { events } = await follow();
    await until(() => events().filter(([event]) => event === 'alive').length >= 2);
  });

  it('takes so many clients and no more, and others when they are gone', async () => {
    const followers = [await follow(), await follow(), await follow()];
    expect((await follow()).answer.statusCode).to.equal(503);
    followers[0]!.answer.destroy();
    await until(() => clients() === 2);
    expect((await follow()).answer.statusCode).to.equal(200);
  });

  it('hangs up on a client that does not read, and on no other', async () => {
    whole = JSON.stringify('x'.repeat(200_000));
    const [slow, quick] = [await follow(), await follow()];
    slow.answer.pause();
    const filled = setInterval(() => {
      news.push(JSON.stringify('y'.repeat(50_000)));
      tell();
    }, 5);
    try {
      await until(() => clients() === 1, 20_000);
    } finally {
      clearInterval(filled);
    }
    const had = quick.events().length;
    news = ['{"n":1}'];
    tell();
    await until(() => quick.events().length > had);
    slow.answer.resume();
    await slow.ended;
  });

  it('ends all when it is closed', async () => {
    const followers = [await follow(), await follow()];
    feed.close();
    await Promise.all(followers.map(({ ended }) => ended));
    await until(() => clients() === 0);
  });
});
