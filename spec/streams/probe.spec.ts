import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import type { Job } from '../../lib/model/events.ts';
import type { ProbeResult } from '../../operators/try-until-admitted.ts';
import { probeInstances } from '../../streams/probe.ts';
import { enabled, job, jobCheck, registration } from '../support/given.ts';

const health = ['haproxy.check.type=http', 'haproxy.check.path=/health'];

describe('probeInstances', () => {
  const closers: (() => unknown)[] = [];

  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  function closeLater(server: Server): void {
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => sockets.add(socket));
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
      return server.listening ? once(server.close(), 'close') : undefined;
    });
  }

  async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
    closeLater(server);
    server.listen(0, host);
    await once(server, 'listening');
    return portOf(server);
  }

  /** An app that speaks HTTP, and what it was asked. */
  async function serve(answer: RequestListener, host?: string) {
    const asked: IncomingMessage[] = [];
    const server = createHttpServer((request, response) => {
      asked.push(request);
      answer(request, response);
    });
    return { port: await listen(server, host), asked, server };
  }

  /** An app that answers every connection with these bytes, over and over if it has to. */
  async function shout(bytes: string, again = false): Promise<number> {
    return listen(
      createServer((socket) => {
        socket.on('error', () => undefined);
        const say = () => {
          if (!socket.destroyed) socket.write(bytes, again ? () => setTimeout(say, 5) : undefined);
        };
        socket.once('data', say);
      }),
    );
  }

  function probe(at: { address?: string; port: number }, tags: readonly string[] = [], of?: Job): Promise<ProbeResult> {
    const asked = registration({ address: '127.0.0.1', ...at, tags: [enabled, ...tags] });
    return firstValueFrom(probeInstances('haproxy')(asked, of));
  }

  async function answered(status: number, headers: Record<string, string> = {}): Promise<ProbeResult> {
    const { port } = await serve((_, response) => response.writeHead(status, headers).end());
    return probe({ port }, health);
  }

  describe('of a TCP check', () => {
    it('admits what listens, without a word', async () => {
      let heard = '';
      const server = createServer((socket) => socket.on('data', (data) => (heard += String(data))));
      const port = await listen(server);
      expect(await probe({ port })).to.equal('admit');
      expect(heard).to.equal('');
    });

    it('is refused where nobody listens', async () => {
      const server = createServer();
      const port = await listen(server);
      await once(server.close(), 'close');
      expect(await probe({ port })).to.equal('refuse');
    });

    it('reaches nobody where no connection comes about in time', async () => {
      const port = await listenDeaf(closers);
      const startedAt = performance.now();
      expect(await probe({ port })).to.equal('unreachable');
      expect(performance.now() - startedAt).to.be.within(900, 1500);
    });

    it('finds host names and IPv6 addresses', async () => {
      const named = await listen(createServer(), 'localhost');
      expect(await probe({ address: 'localhost', port: named })).to.equal('admit');
      const six = await listen(createServer(), '::1');
      expect(await probe({ address: '::1', port: six })).to.equal('admit');
    });
  });

  describe('of an HTTP check', () => {
    it('admits what HAProxy would take, and nothing else', async () => {
      expect(await answered(200)).to.equal('admit');
      expect(await answered(204)).to.equal('admit');
      expect(await answered(302, { location: '/login' })).to.equal('admit');
      expect(await answered(404)).to.equal('refuse');
      expect(await answered(500)).to.equal('refuse');
      expect(await answered(503)).to.equal('refuse');
    });

    it('asks for the path with the method and the host of the check', async () => {
      const { port, asked } = await serve((_, response) => response.end());
      const tags = [...health, 'haproxy.check.method=HEAD', 'haproxy.check.host=shop.example.com'];
      expect(await probe({ port }, tags)).to.equal('admit');
      expect(asked).to.have.length(1);
      expect(asked[0]).to.include({ method: 'HEAD', url: '/health' });
      expect(asked[0]?.headers).to.include({ host: 'shop.example.com' });
    });

    it("follows the job's check where no tag says more", async () => {
      const { port, asked } = await serve((_, response) => response.end());
      const checks = [jobCheck({ path: '/alive?deep=1' })];
      expect(await probe({ port }, [], job({}, { checks }))).to.equal('admit');
      expect(asked[0]).to.include({ method: 'GET', url: '/alive?deep=1' });
    });

    it('never follows a redirect', async () => {
      const target = await serve((_, response) => response.end());
      const location = `http://127.0.0.1:${target.port}/elsewhere`;
      expect(await answered(301, { location })).to.equal('admit');
      expect(target.asked).to.deep.equal([]);
    });

    it('asks over IPv6', async () => {
      const { port, asked } = await serve((_, response) => response.end(), '::1');
      expect(await probe({ address: '::1', port }, health)).to.equal('admit');
      expect(asked[0]?.headers.host).to.equal(`[::1]:${port}`);
    });

    it('is refused by an answer that does not come in time', async () => {
      const { port } = await serve(() => undefined);
      const startedAt = performance.now();
      expect(await probe({ port }, health)).to.equal('refuse');
      expect(performance.now() - startedAt).to.be.within(900, 1500);
    });

    it("waits for an answer as long as the job's check does", async () => {
      const { port } = await serve((_, response) => setTimeout(() => response.end(), 1200));
      const within = (timeoutMs: number) => job({}, { checks: [jobCheck({ path: '/health', timeoutMs })] });
      const answers = [probe({ port }, [], within(5000)), probe({ port }, health, within(5000))];
      expect(await Promise.all([...answers, probe({ port }, [], within(500))])).to.deep.equal([
        'admit',
        'admit',
        'refuse',
      ]);
    });

    it("reaches nobody where no connection comes about in time, whatever the job's check waits for", async () => {
      const port = await listenDeaf(closers);
      const startedAt = performance.now();
      const of = job({}, { checks: [jobCheck({ timeoutMs: 5000 })] });
      expect(await probe({ port }, [], of)).to.equal('unreachable');
      expect(performance.now() - startedAt).to.be.within(900, 1500);
    });

    it('is refused by one who hangs up, or does not speak HTTP', async () => {
      const port = await listen(createServer((socket) => socket.destroy()));
      expect(await probe({ port }, health)).to.equal('refuse');
      expect(await probe({ port: await shout('220 mail.example.com ESMTP\r\n') }, health)).to.equal('refuse');
    });

    it('does not wait for a body that never ends', async () => {
      const { port, asked } = await serve((_, response) => {
        response.writeHead(200).write('x');
      });
      const startedAt = performance.now();
      expect(await probe({ port }, health)).to.equal('admit');
      expect(performance.now() - startedAt).to.be.below(500);
      const { socket } = asked[0]!;
      if (!socket.destroyed) await once(socket, 'close');
    });

    it('takes no flood of headers', async () => {
      const flood = `HTTP/1.1 200 OK\r\n${'x-more: and more\r\n'.repeat(1000)}`;
      expect(await probe({ port: await shout(flood) }, health)).to.equal('refuse');
      expect(
        await probe({ port: await shout(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`) }, health),
      ).to.equal('refuse');
    });

    it('ends in time though an answer is announced for ever', async () => {
      const startedAt = performance.now();
      const port = await shout('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n', true);
      expect(await probe({ port }, health)).to.equal('refuse');
      expect(performance.now() - startedAt).to.be.below(1500);
    });
  });

  it('hangs up when nobody waits for its answer any more', async () => {
    const { port, server } = await serve(() => undefined);
    const connected = once(server, 'connection') as Promise<[Socket]>;
    const attempt = probeInstances('haproxy')(
      registration({ address: '127.0.0.1', port, tags: [enabled, ...health] }),
      undefined,
    );
    const subscription = attempt.subscribe();
    const [socket] = await connected;
    subscription.unsubscribe();
    if (!socket.destroyed) await once(socket, 'close');
  });

  describe('of a forbidden address', () => {
    const addresses = [
      ...['169.254.169.254', '169.254.0.1', 'fe80::1', 'febf::1', '::ffff:169.254.169.254', 'fe80::1%lo'],
      ...['fd00:ec2::254', '::ffff:a9fe:a9fe', '64:ff9b::a9fe:a9fe', '100.100.100.200'],
    ];
    for (const address of addresses) {
      it(`says at once, and so without a connection, that ${address} is`, () => {
        for (const tags of [[], health]) {
          const heard: unknown[] = [];
          const asked = registration({ address, port: 80, tags: [enabled, ...tags] });
          const attempt = probeInstances('haproxy')(asked, undefined);
          attempt
            .subscribe({ next: (result) => heard.push(result), error: (error: unknown) => heard.push(error) })
            .unsubscribe();
          expect(heard).to.deep.equal(['forbidden']);
        }
      });
    }

    describe('or a name', () => {
      function probeName(find: (name: string) => Promise<string>): Promise<ProbeResult> {
        return firstValueFrom(probeInstances('haproxy', find)(registration({ address: 'a.example.com' }), undefined));
      }
      const failing = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }));

      it('that leads there', async () => {
        expect(await probeName(() => Promise.resolve('169.254.169.254'))).to.equal('forbidden');
      });

      it('of which no name server says in time where it leads', async () => {
        const startedAt = performance.now();
        expect(await probeName(() => new Promise(() => undefined))).to.equal('forbidden');
        expect(performance.now() - startedAt).to.be.within(900, 1500);
        expect(await probeName(failing('EAI_AGAIN'))).to.equal('forbidden');
      });

      it('but not one that there is not: HAProxy may know better', async () => {
        expect(await probeName(failing('ENOTFOUND'))).to.equal('unreachable');
      });
    });

    it('sees through other ways to write it', async () => {
      const startedAt = performance.now();
      for (const address of ['2852039166', '0xa9fea9fe', '169.254.43518', '0251.0376.0251.0376']) {
        expect(await probe({ address, port: 80 })).to.equal('forbidden');
      }
      expect(performance.now() - startedAt).to.be.below(500);
    });
  });
});

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Another process's listener that accepts nobody, its queue full, so that the kernel lets a new connection wait. */
async function listenDeaf(closers: (() => unknown)[]): Promise<number> {
  const script = `
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      require('node:fs').writeSync(1, String(server.address().port));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(said);
  const waiting = Array.from({ length: 6 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => undefined));
  closers.push(() => {
    for (const socket of waiting) socket.destroy();
    child.kill('SIGKILL');
    return once(child, 'exit');
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  return port;
}
