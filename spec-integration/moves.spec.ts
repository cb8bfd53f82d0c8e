import { createServer } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import type { Connector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { forEachImage } from './support/haproxy.ts';
import { useWorld } from './support/world.ts';
import { freePort } from './support/free-port.ts';

const users = 3;

forEachImage((image) => {
  describe('a domain that moves', () => {
    const world = useWorld(image);
    let connector: Connector;

    before(async () => {
      await world().rewrite((text) => `${text}\nbackend strict from main\n  default-server ssl verify required\n`);
      await world().rebase();
      connector = await world().connect({ HAPROXY_BACKEND_RETENTION_SEC: '5' });
    });

    after(() => connector.stop());

    async function isServed(host: string): Promise<void> {
      await eventually(async () => {
        expect((await world().get(host)).status).to.equal(200);
      });
    }

    /** What users who ask without a pause are answered while something happens, by status. */
    async function answersWhile(host: string, act: () => Promise<void>): Promise<readonly string[]> {
      const seen = new Set<string>();
      const over = new AbortController();
      const asked = Array.from({ length: users }, async () => {
        while (!over.signal.aborted) seen.add(String((await world().get(host)).status));
      });
      await setTimeout(200);
      await act();
      await setTimeout(1500);
      over.abort();
      await Promise.all(asked);
      return [...seen];
    }

    const domain = (name: string, ...more: readonly string[]) => [
      'haproxy.enable=true',
      `haproxy.domain=${name}.example.com`,
      ...more,
    ];

    it('back to a backend that its service has not left yet is never without a server', async () => {
      const app = await world().start('back', domain('back', 'haproxy.backend.name=bx').slice(1));
      await isServed('back.example.com');
      app.change({ Tags: domain('back', 'haproxy.backend.name=by') });
      await eventually(async () => {
        expect(await world().states('by')).to.include({ nomad01: 'ready' });
        expect((await world().states('bx'))['nomad01']).to.not.equal('ready');
      });
      const answers = await answersWhile('back.example.com', async () => {
        app.change({ Tags: domain('back', 'haproxy.backend.name=bx') });
        await setTimeout(500);
      });
      expect(answers).to.deep.equal(['200']);
    });

    it('from a service that goes to one that waits for it is never without a server', async () => {
      const blue = await world().start('blue', domain('bg').slice(1));
      await isServed('bg.example.com');
      await world().start('green', domain('bg').slice(1));
      await eventually(async () => {
        expect(await world().states('green')).to.include({ nomad01: 'ready' });
      });
      const answers = await answersWhile('bg.example.com', () => {
        blue.deregister();
        return Promise.resolve();
      });
      expect(answers).to.deep.equal(['200']);
    });

    it('to a service that has a better right to it waits for an app of that one that listens', async () => {
      const { nomad, haproxy } = world();
      for (const [ID, CreateIndex] of [
        ['younger', 20],
        ['older', 10],
      ] as const) {
        const service = { Name: ID, Provider: 'nomad', PortLabel: 'http', Checks: null };
        const TaskGroups = [{ Name: ID, Count: 1, Services: [service] }];
        nomad.setJob({ ID, Namespace: 'default', CreateIndex, TaskGroups });
      }
      const younger = await world().start('younger', domain('right').slice(1));
      await isServed('right.example.com');
      const port = await freePort();
      const app = createServer((_, response) => response.end('older'));
      const answers = await answersWhile('right.example.com', async () => {
        nomad.register({ ServiceName: 'older', Tags: domain('right'), Address: haproxy.hostAddress, Port: port });
        await setTimeout(1500);
        expect(await world().get('right.example.com')).to.deep.equal(younger.answer);
        app.listen(port, '0.0.0.0');
        await eventually(async () => {
          expect((await world().get('right.example.com')).body).to.equal('older');
        });
      });
      app.closeAllConnections();
      app.close();
      expect(answers).to.deep.equal(['200']);
    });

    it('from one map to another is never without a row', async () => {
      const app = await world().start('type', domain('type').slice(1));
      await isServed('type.example.com');
      await setTimeout(1500);
      const answers = await answersWhile('type.example.com', async () => {
        app.change({ Tags: domain('type', 'haproxy.domain.type=prefix') });
        await setTimeout(500);
      });
      expect(answers).to.deep.equal(['200']);
    });

    it('stays where it was when HAProxy refuses the rest', async () => {
      const app = await world().start('stay', domain('stay1').slice(1));
      await isServed('stay1.example.com');
      app.change({ Tags: domain('stay2', 'haproxy.backend=custom', 'haproxy.backend.name=strict') });
      await connector.logged('could not bring service to HAProxy', { service: 'default/stay', failure: 'rejected' });
      await setTimeout(2000);
      expect(await world().get('stay1.example.com')).to.deep.equal(app.answer);
      expect(connector.count('could not bring service to HAProxy', { service: 'default/stay' })).to.equal(1);
      app.deregister();
    });

    it('leads to the instances that there are, also where HAProxy refuses the rest', async () => {
      const goes = await world().start('hold', domain('hold1').slice(1));
      const stays = await world().start('hold', domain('hold1').slice(1));
      await eventually(async () => {
        expect(await world().states('hold')).to.include({ nomad01: 'ready', nomad02: 'ready' });
      });
      const refused = domain('hold2', 'haproxy.backend=custom', 'haproxy.backend.name=strict');
      goes.change({ Tags: refused });
      stays.change({ Tags: refused });
      await connector.logged('could not bring service to HAProxy', { service: 'default/hold', failure: 'rejected' });
      goes.deregister();
      const comes = await world().start('hold', refused.slice(1));
      await eventually(async () => {
        expect(await world().spread('hold1.example.com', 6)).to.deep.equal({ [stays.name]: 3, [comes.name]: 3 });
      });
      await eventually(async () => {
        expect(Object.values(await world().states('hold')).sort()).to.deep.equal(['maint', 'maint', 'ready', 'ready']);
        expect(await world().config()).to.not.include(`:${goes.port} `);
      });
      stays.deregister();
      comes.deregister();
    });
  });
});
