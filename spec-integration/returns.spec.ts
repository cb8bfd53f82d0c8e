import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { isRawWrite } from './support/api-proxy.ts';
import type { Connector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { forEachImage } from './support/haproxy.ts';
import { useWorld } from './support/world.ts';

/** An app at a port that stays the same. */
async function listen(body: string, port = 0): Promise<Server> {
  const server = createServer((_, response) => response.end(body)).listen(port, '0.0.0.0');
  await once(server, 'listening');
  return server;
}

function stop(server: Server): void {
  server.closeAllConnections();
  server.close();
}

forEachImage((image) => {
  describe('what comes back', () => {
    const world = useWorld(image);
    let connector: Connector | undefined;

    afterEach(() => connector?.stop());

    describe('while its removal waits', () => {
      const cart = ['haproxy.backend=custom', 'haproxy.backend.name=tenants'];

      async function ready(): Promise<number> {
        const states = Object.entries(await world().states('tenants'));
        return states.filter(([name, state]) => name.startsWith('nomad') && state === 'ready').length;
      }

      async function haveReady(servers: number): Promise<void> {
        await eventually(async () => {
          expect(await ready()).to.equal(servers);
        });
      }

      async function isServed(host: string): Promise<void> {
        await eventually(async () => {
          expect((await world().get(host)).status).to.equal(200);
        });
      }

      /** A service that has gone, and whose slots go with the next reload. */
      async function leave(): Promise<void> {
        connector = await world().connect({ HAPROXY_BACKEND_RETENTION_SEC: '0', HAPROXY_REMOVAL_MAX_WAIT_SEC: '600' });
        const first = await world().start('cart', cart);
        await haveReady(1);
        first.deregister();
        await haveReady(0);
        await setTimeout(3000);
      }

      it('keeps its servers when somebody else needs a reload', async () => {
        await leave();
        const again = await world().start('cart', cart);
        await haveReady(1);
        await world().start('first', ['haproxy.domain=first.example.com']);
        await isServed('first.example.com');
        expect(await ready()).to.equal(1);
        again.deregister();
      });

      it('has servers right after the reload that removes the old ones', async () => {
        await leave();
        let came = false;
        world().proxy.before(async (call) => {
          if (came || !isRawWrite(call) || !call.includes('force_reload')) return;
          came = true;
          await world().start('cart', cart);
          await setTimeout(300);
        });
        await world().start('second', ['haproxy.domain=second.example.com']);
        await isServed('second.example.com');
        expect(came).to.equal(true);
        await haveReady(1);
      });
    });

    it('finds its domains in place though the connector left maps alone meanwhile', async () => {
      connector = await world().connect();
      const kept = await world().start('kept', ['haproxy.domain=kept.example.com']);
      await eventually(async () => {
        expect(await world().get('kept.example.com')).to.deep.equal(kept.answer);
      });
      await connector.stop();
      connector = await world().connect({ DOMAIN_MAP_ENABLED: 'false' });
      await setTimeout(2500);
      expect(await world().get('kept.example.com')).to.deep.equal(kept.answer);
      kept.deregister();
    });

    it('serves at its old address once it has answered, though checks have found it down', async () => {
      connector = await world().connect({ HAPROXY_DRAIN_TIMEOUT_SEC: '30' });
      const first = await listen('one');
      const { port } = first.address() as AddressInfo;
      const register = () =>
        world().nomad.register({
          ServiceName: 'static',
          Tags: ['haproxy.enable=true', 'haproxy.domain=static.example.com'],
          Address: world().haproxy.hostAddress,
          Port: port,
        });
      const body = async () => (await world().get('static.example.com')).body;
      const old = register();
      await eventually(async () => {
        expect(await body()).to.equal('one');
      });

      world().nomad.deregister(old.ID, 'ServiceDeregistration', old.Namespace);
      stop(first);
      await eventually(async () => {
        expect(await world().haproxy.socat('show servers state static')).to.match(/ nomad01 \S+ 0 /);
      }, 20_000);
      const second = await listen('two', port);
      // Where a fill is a configuration write, HAProxy's own checks have to find it up.
      const within = (await world().movesAddresses()) ? 800 : 10_000;
      const fills = connector.count('changed HAProxy');
      const young = register();
      await eventually(() => {
        expect(connector?.count('changed HAProxy')).to.be.above(fills);
      });
      await eventually(async () => {
        expect(await body()).to.equal('two');
      }, within);
      world().nomad.deregister(young.ID, 'ServiceDeregistration', young.Namespace);
      stop(second);
    });
  });
});
