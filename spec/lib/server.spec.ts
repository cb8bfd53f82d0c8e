import { expect } from 'chai';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import type { Readiness } from '../../lib/readiness.ts';
import { createStatusFeed } from '../../lib/status-feed.ts';
import { startServer, type Server } from '../../lib/server.ts';

const notReady = { ready: false, reasons: ['Nomad has been unreachable for 31 s'] };
const held = { why: 'namespace shop is missing whole', services: ['shop/web'], servicesInAll: 1 };

describe('server', () => {
  let server: Server;
  let ready: Readiness;
  let text: () => Promise<string>;

  const feed = createStatusFeed({
    whole: () => '{"n":0}',
    news: () => undefined,
    onNews: () => undefined,
    measure: () => undefined,
    maxClients: 2,
  });
  const shown = { whole: () => '{"n":0}', feed, page: { html: '<!doctype html>', headers: { 'X-Page': 'yes' } } };

  beforeEach(async () => {
    ready = { ready: true, reasons: [] };
    text = () => Promise.resolve('up 1\n');
    server = await startServer({
      host: '127.0.0.1',
      port: 0,
      ready: () => ready,
      metrics: { text: () => text(), contentType: 'text/plain; version=0.0.4' },
      shown,
    });
  });

  afterEach(() => server.close());

  function ask(path: string, method = 'GET'): Promise<Response> {
    return fetch(`http://127.0.0.1:${server.port}${path}`, { method, headers: { connection: 'close' } });
  }

  async function raw(text: string): Promise<Socket> {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(text);
    return socket;
  }

  const cases: readonly (readonly [string, string, number, string, string])[] = [
    ['GET', '/health', 200, 'application/json', '{"status":"alive"}\n'],
    ['GET', '/health?from=docker', 200, 'application/json', '{"status":"alive"}\n'],
    ['HEAD', '/health', 200, 'application/json', ''],
    ['GET', '/ready', 200, 'application/json', '{"status":"ready","reasons":[]}\n'],
    ['GET', '/metrics', 200, 'text/plain; version=0.0.4', 'up 1\n'],
    ['GET', '/status', 200, 'application/json', '{"n":0}\n'],
    ['HEAD', '/events', 200, 'text/event-stream', ''],
    ['POST', '/events', 405, 'application/json', '{"status":"method not allowed"}\n'],
    ['GET', '/', 200, 'text/html; charset=utf-8', '<!doctype html>'],
    ['HEAD', '/', 200, 'text/html; charset=utf-8', ''],
    ['GET', '/index.html', 404, 'application/json', '{"status":"not found"}\n'],
    ['GET', '/health/', 404, 'application/json', '{"status":"not found"}\n'],
    ['HEAD', '//x', 404, 'application/json', ''],
    ['GET', '/..%2f..%2fetc/passwd', 404, 'application/json', '{"status":"not found"}\n'],
    ['GET', '/<script>', 404, 'application/json', '{"status":"not found"}\n'],
    ['PUT', '/ready', 405, 'application/json', '{"status":"method not allowed"}\n'],
    ['DELETE', '/nowhere', 405, 'application/json', '{"status":"method not allowed"}\n'],
    ['POST', '/health', 405, 'application/json', '{"status":"method not allowed"}\n'],
    ['OPTIONS', '/metrics', 405, 'application/json', '{"status":"method not allowed"}\n'],
  ];
  for (const [method, path, status, type, body] of cases) {
    it(`answers ${method} ${path} with ${status}`, async () => {
      const response = await ask(path, method);
      expect(response.status).to.equal(status);
      expect(response.headers.get('content-type')).to.equal(type);
      expect(response.headers.get('x-content-type-options')).to.equal('nosniff');
      expect(response.headers.get('allow')).to.equal(status === 405 ? 'GET, HEAD' : null);
      expect(response.headers.has('access-control-allow-origin')).to.equal(false);
      expect(await response.text()).to.equal(body);
    });
  }

  it('answers /ready with 503 and the reasons', async () => {
    ready = notReady;
    const response = await ask('/ready');
    expect(response.status).to.equal(503);
    expect(await response.json()).to.deep.equal({ status: 'not ready', reasons: notReady.reasons });
  });

  it('says on /ready what is held', async () => {
    ready = { ready: true, reasons: [], held };
    const response = await ask('/ready');
    expect(response.status).to.equal(200);
    expect(await response.json()).to.deep.equal({ status: 'ready', reasons: [], held });
  });

  it('follows up on /events, for so many clients and no more', async () => {
    const sockets = [];
    for (let n = 0; n < 2; n += 1) {
      const socket = await raw('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString())
        .to.match(/^HTTP\/1\.1 200 /)
        .and.include('event: status\ndata: {"n":0}\n\n');
      sockets.push(socket);
    }
    expect((await ask('/events')).status).to.equal(503);
    expect((await ask('/health')).status).to.equal(200);
    for (const socket of sockets) socket.destroy();
  });

  it('answers 500 where the metrics cannot be collected', async () => {
    text = () => Promise.reject(new Error('secret detail'));
    const response = await ask('/metrics');
    expect(response.status).to.equal(500);
    expect(await response.text()).to.equal('{"status":"failed"}\n');
  });

  it('refuses long headers', async () => {
    const socket = await raw(`GET /health HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(9000)}\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).to.match(/^HTTP\/1\.1 431 /);
  });

  const odd: readonly (readonly [what: string, text: string, status: string])[] = [
    ['TRACE', 'TRACE /health HTTP/1.1\r\nHost: x\r\n\r\n', '405'],
    ['an address for a proxy', 'GET http://evil/health HTTP/1.1\r\nHost: x\r\n\r\n', '404'],
    ['an upgrade', 'GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', '200'],
    ['no Host', 'GET /health HTTP/1.1\r\n\r\n', '400'],
    [
      'two lengths',
      'GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      '400',
    ],
  ];
  for (const [what, text, status] of odd) {
    it(`answers ${what} with ${status} and repeats nothing`, async () => {
      const socket = await raw(text);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString())
        .to.match(new RegExp(`^HTTP/1\\.1 ${status} `))
        .and.not.include('evil');
      socket.destroy();
    });
  }

  it('is no proxy', async () => {
    const socket = await raw('CONNECT evil:80 HTTP/1.1\r\nHost: evil:80\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
  });

  it('hangs up on who asks too slowly, or for nothing', async () => {
    const begun = performance.now();
    const slow = await Promise.all([
      raw(''),
      raw('GET /health HTTP/1.1\r\nHost: x\r\nX: '),
      raw('GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx'),
    ]);
    const trickle = setInterval(() => slow[1].write('x'), 100);
    slow.forEach((socket) => socket.resume());
    await Promise.all(slow.map((socket) => once(socket, 'close')));
    clearInterval(trickle);
    expect(performance.now() - begun).to.be.below(10_000);
  });

  it('takes so many connections and no more, and goes on when they are gone', async () => {
    const held = await Promise.all(Array.from({ length: 100 }, () => raw('')));
    expect(await ask('/health').then(undefined, () => 'hung up on')).to.equal('hung up on');
    for (const socket of held) socket.destroy();
    await eventuallyHealthy();
  });

  it('hangs up on who asks and does not read, so that others are answered', async () => {
    await server.close();
    const metrics = { text, contentType: 'text/plain' };
    /** Twenty of it are more than the kernel keeps for a connection. */
    const large = { ...shown, page: { html: 'x'.repeat(1_000_000), headers: {} } };
    server = await startServer({
      ...{ host: '127.0.0.1', port: 0, ready: () => ready, metrics, shown: large },
      silenceMs: 500,
    });
    const requests = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20);
    const deaf = await Promise.all(Array.from({ length: 100 }, () => raw(requests)));
    await eventuallyHealthy();
    for (const socket of deaf) socket.destroy();
  });

  /** The server sees by and by that connections are gone. */
  async function eventuallyHealthy(): Promise<void> {
    for (;;) {
      const answer = await ask('/health').catch(() => undefined);
      if (answer?.status === 200) return;
      await setTimeout(20);
    }
  }

  it('survives nonsense', async () => {
    const socket = await raw('\u0000\u0001\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).to.match(/^HTTP\/1\.1 400 /);
    expect((await ask('/health')).status).to.equal(200);
  });

  it('rejects when the port is taken', async () => {
    const metrics = { text, contentType: 'text/plain' };
    const taken = startServer({ host: '127.0.0.1', port: server.port, ready: () => ready, metrics, shown });
    const error = await taken.then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    expect(error?.message).to.match(/EADDRINUSE.*127\.0\.0\.1:\d+/);
  });

  it('closes within a second, idle, kept-alive, half-asked and unanswered connections included', async () => {
    text = () => new Promise(() => undefined);
    const sockets = [
      await raw(''),
      await raw('GET /health HTTP/1.1\r\nHost: x\r\n\r\n'),
      await raw('GET /health HT'),
      await raw('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'),
      await raw('GET /events HTTP/1.1\r\nHost: x\r\n\r\n'),
    ];
    await once(sockets[1]!, 'data');
    const closed = Promise.all(sockets.map((socket) => once(socket, 'close')));
    sockets.forEach((socket) => socket.resume());
    const begun = performance.now();
    await server.close();
    expect(performance.now() - begun).to.be.below(1000);
    await closed;
  });
});
