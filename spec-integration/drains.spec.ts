import { expect } from 'chai';
import type { Connector } from './support/connector.ts';
import { eventually, throughout } from './support/eventually.ts';
import { forEachImage } from './support/haproxy.ts';
import { useWorld, type Instance } from './support/world.ts';

forEachImage((image) => {
  describe('a drain', () => {
    const world = useWorld(image);
    const env = { HAPROXY_DRAIN_TIMEOUT_SEC: '60' };
    let connector: Connector | undefined;

    afterEach(async () => {
      await connector?.stop();
    });

    /** Two instances of a new service, of which the second, in nomad02, was just taken out. */
    async function drainOne(name: string): Promise<{ readonly stays: Instance; readonly leaves: Instance }> {
      const { start, states } = world();
      const [stays, leaves] = [
        await start(name, [`haproxy.domain=${name}.example.com`]),
        await start(name, [`haproxy.domain=${name}.example.com`]),
      ];
      await eventually(async () => {
        expect(await states(name)).to.include({ nomad01: 'ready', nomad02: 'ready' });
      });
      await untilWritten(name, stays, leaves);
      leaves.deregister();
      await eventually(async () => {
        expect(Object.values(await states(name))).to.include('drain');
      });
      return { stays, leaves };
    }

    async function untilWritten(name: string, ...instances: readonly Instance[]): Promise<void> {
      const { serverLine } = world();
      await eventually(async () => {
        const lines = [await serverLine(name, 'nomad01'), await serverLine(name, 'nomad02')].join('\n');
        for (const { port } of instances) expect(lines).to.include(`:${port} `);
      });
    }

    /** The file says where the instance was, and that it is disabled. */
    async function untilFileDrains(name: string, { port }: Instance): Promise<void> {
      await eventually(async () => {
        const lines = [await world().serverLine(name, 'nomad01'), await world().serverLine(name, 'nomad02')];
        expect(lines.find((line) => line.includes(`:${port} `))).to.match(/ disabled( |$)/);
      });
    }

    async function stayingServes(name: string, { stays, leaves }: Record<'stays' | 'leaves', Instance>): Promise<void> {
      const before = leaves.requests();
      await throughout(1500, async () => {
        expect(await world().get(`${name}.example.com`)).to.deep.equal(stays.answer);
      });
      expect(leaves.requests()).to.equal(before);
    }

    it('is done again after a reload that came before the file said it', async () => {
      const { connect, reload, get } = world();
      connector = await connect({ ...env, PERSIST_DELAY_MS: '4000' });
      const pair = await drainOne('early');
      await reload();
      // The new process knows nothing of it, until the connector has seen that it is another.
      await connector.logged('HAProxy changed by somebody else', { what: 'HAProxy was reloaded or restarted' });
      await eventually(async () => {
        const before = pair.leaves.requests();
        for (let n = 0; n < 4; n += 1) expect(await get('early.example.com')).to.deep.equal(pair.stays.answer);
        expect(pair.leaves.requests()).to.equal(before);
      }, 2000);
      await stayingServes('early', pair);
      await untilFileDrains('early', pair.leaves);
    });

    it('outlives a reload and a restart of HAProxy', async () => {
      const { connect, reload, haproxy } = world();
      connector = await connect(env);
      const pair = await drainOne('late');
      await untilFileDrains('late', pair.leaves);
      await reload();
      await stayingServes('late', pair);
      await haproxy.kill('haproxy');
      await haproxy.untilUp();
      await stayingServes('late', pair);
      await untilFileDrains('late', pair.leaves);
    });

    it('outlives the connector, however it ends', async () => {
      const { spawn, connect, reload } = world();
      const spawned = await spawn(env);
      const pair = await drainOne('orphan');
      await spawned.kill();
      connector = await connect(env);
      await stayingServes('orphan', pair);
      await untilFileDrains('orphan', pair.leaves);
      await connector.stop();
      await reload();
      connector = await connect(env);
      await stayingServes('orphan', pair);
      await untilFileDrains('orphan', pair.leaves);
    });

    it('is in the file when the connector was asked to stop right after it', async () => {
      const { spawn } = world();
      const spawned = await spawn({ ...env, PERSIST_DELAY_MS: '5000' });
      const pair = await drainOne('parting');
      expect(await spawned.stop()).to.equal(0);
      await untilFileDrains('parting', pair.leaves);
    });
  });
});
