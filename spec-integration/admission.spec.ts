import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { eventually } from './support/eventually.ts';
import { forEachImage } from './support/haproxy.ts';
import { useWorld, type Answer } from './support/world.ts';
import { freePort } from './support/free-port.ts';

const tags = (name: string) => ['haproxy.enable=true', `haproxy.domain=${name}.example.com`];
const lateMs = 1000;
/**
 * From the moment an app listens to the first answer by it. The benchmark measures it; this is what no check of HAProxy's
 * own, every 2 s, could keep.
 */
const admittedWithinMs = 1000;

forEachImage((image) => {
  describe('an app that listens a second late', () => {
    const world = useWorld(image);
    const servers: Server[] = [];

    before(() => world().connect());

    after(() => {
      for (const server of servers) server.close();
    });

    /** Registers an instance now, and lets its app listen later; resolves to when it did (ms). */
    async function startLate(service: string): Promise<number> {
      const { nomad, haproxy } = world();
      const port = await freePort();
      nomad.register({ ServiceName: service, Tags: tags(service), Address: haproxy.hostAddress, Port: port });
      await setTimeout(lateMs);
      const server = createServer((_, response) => response.end('late')).listen(port, '0.0.0.0');
      servers.push(server);
      await once(server, 'listening');
      return performance.now();
    }

    /** Asks until the late app answered. `others`: all that was answered before. */
    async function askUntilLate(service: string): Promise<{ readonly at: number; readonly others: readonly Answer[] }> {
      const others: Answer[] = [];
      for (;;) {
        const answer = await world().get(`${service}.example.com`);
        if (answer.body === 'late') return { at: performance.now(), others };
        others.push(answer);
        await setTimeout(5);
      }
    }

    it('gets no request before it can answer, beside one that runs', async () => {
      const { start, get } = world();
      const first = await start('beside', ['haproxy.domain=beside.example.com']);
      await eventually(async () => {
        expect(await get('beside.example.com')).to.deep.equal(first.answer);
      });
      const [listensAt, { at, others }] = await Promise.all([startLate('beside'), askUntilLate('beside')]);
      for (const answer of others) expect(answer).to.deep.equal(first.answer);
      expect(others.length).to.be.above(50);
      expect(at - listensAt).to.be.below(admittedWithinMs);
      for (let n = 0; n < 50; n += 1) expect(await get('beside.example.com')).to.include({ status: 200 });
    });

    it('is 503 until then, and never 502, when it is alone', async () => {
      const [listensAt, { at, others }] = await Promise.all([startLate('alone'), askUntilLate('alone')]);
      const noRouteYet = others.findLastIndex(({ status }) => status === 404);
      expect(new Set(others.slice(noRouteYet + 1).map(({ status }) => status))).to.deep.equal(new Set([503]));
      expect(at - listensAt).to.be.below(admittedWithinMs);
    });
  });
});
