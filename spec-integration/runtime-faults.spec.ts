import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { isRawWrite, isRuntimeCall, type Fault } from './support/api-proxy.ts';
import type { Connector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { forEachImage } from './support/haproxy.ts';
import { useWorld, type Instance } from './support/world.ts';

forEachImage((image) => {
  describe('a runtime step', () => {
    const world = useWorld(image);
    let connector: Connector;

    before(async () => {
      connector = await world().connect();
    });

    afterEach(() => {
      world().proxy.before(() => undefined);
      world().proxy.disturb(() => undefined);
    });

    const tagsOf = (name: string) => [`haproxy.domain=${name}.example.com`];

    async function serve(name: string): Promise<Instance> {
      const { start, get, serverLine } = world();
      const instance = await start(name, tagsOf(name));
      await eventually(async () => {
        expect(await get(`${name}.example.com`)).to.deep.equal(instance.answer);
        expect(await serverLine(name, 'nomad01')).to.include(`:${instance.port} `);
      });
      return instance;
    }

    /** The first call after this that changes a slot meets the fault. */
    function disturbOnce(fault: Fault): () => boolean {
      let done = false;
      world().proxy.disturb((call) => {
        if (done || !(isRuntimeCall(call) || isRawWrite(call))) return undefined;
        done = true;
        return fault;
      });
      return () => done;
    }

    async function expectServing(name: string, ...serving: readonly Instance[]): Promise<void> {
      const { states, spread, serverLine } = world();
      const share = Object.fromEntries(serving.map((one) => [one.name, 3]));
      await eventually(async () => {
        expect(Object.values(await states(name)).filter((state) => state === 'ready')).to.have.length(serving.length);
        expect(await spread(`${name}.example.com`, serving.length * 3)).to.deep.equal(share);
        const lines = await Promise.all(
          ['nomad01', 'nomad02', 'nomad03', 'nomad04'].map((slot) => serverLine(name, slot)),
        );
        for (const { port } of serving) {
          expect(lines.find((line) => line.includes(`:${port} `))).to.match(/^(?!.* disabled)/);
        }
        expect(lines.filter((line) => !/ disabled( |$)/.test(line))).to.have.length(serving.length);
      }, 20_000);
    }

    for (const fault of ['500', 'cut', 'lost'] as const) {
      it(`that fills a slot comes true when its call is ${fault} once`, async () => {
        const { start } = world();
        const first = await serve(`fill${fault}`);
        const isDone = disturbOnce(fault);
        const second = await start(`fill${fault}`, tagsOf(`fill${fault}`));
        await expectServing(`fill${fault}`, first, second);
        expect(isDone()).to.equal(true);
      });

      it(`that drains a slot comes true when its call is ${fault} once`, async () => {
        const { start } = world();
        const first = await serve(`drain${fault}`);
        const second = await start(`drain${fault}`, tagsOf(`drain${fault}`));
        await expectServing(`drain${fault}`, first, second);
        const isDone = disturbOnce(fault);
        first.deregister();
        await expectServing(`drain${fault}`, second);
        expect(isDone()).to.equal(true);
      });
    }

    const somebodyElse = 'HAProxy changed by somebody else';

    it('is counted where it takes a reload to make sure of the process, and so is the one whose answer was lost', async () => {
      const { start, haproxy, proxy } = world();
      const said = connector.count('changed HAProxy', { reloaded: true });
      const moved = connector.count(somebodyElse);
      const reloads = await haproxy.reloads();
      let lost = 0;
      proxy.disturb((call) => {
        if (lost > 0 || !call.includes('force_reload=true')) return undefined;
        lost += 1;
        return 'lost';
      });
      const first = await start('sure', tagsOf('sure'));
      await expectServing('sure', first);
      expect(lost).to.equal(1);
      await eventually(async () => {
        const counted = (await haproxy.reloads()) - reloads;
        expect(counted).to.equal(2);
        expect(connector.count('changed HAProxy', { reloaded: true }) - said).to.equal(counted);
      });
      await setTimeout(2000);
      expect(connector.count(somebodyElse)).to.equal(moved);
      expect(await haproxy.reloads()).to.equal(reloads + 2);
    });

    it('is given up for one reload where HAProxy refuses it', async () => {
      const { start, haproxy } = world();
      const first = await serve('refused');
      const said = connector.count('changed HAProxy', { reloaded: true });
      const reloads = await haproxy.reloads();
      expect(await haproxy.socat('del server refused/nomad02')).to.include('Server deleted');
      const second = await start('refused', tagsOf('refused'));
      await expectServing('refused', first, second);
      expect(await haproxy.reloads()).to.equal(reloads + 1);
      expect(connector.count('changed HAProxy', { reloaded: true })).to.equal(said + 1);
    });

    it('gets into the file though the API was killed before that', async () => {
      const { start, states, haproxy } = world();
      const first = await serve('killed');
      const second = await start('killed', tagsOf('killed'));
      await eventually(async () => {
        expect(await states('killed')).to.include({ nomad02: 'ready' });
      });
      await haproxy.kill('dataplaneapi');
      await expectServing('killed', first, second);
    });

    it('is undone when the API comes back and the instance has gone meanwhile', async () => {
      const { start, states, proxy } = world();
      const first = await serve('away');
      const second = await start('away', tagsOf('away'));
      await eventually(async () => {
        expect(await states('away')).to.include({ nomad02: 'ready' });
      });
      proxy.disturb(() => 'cut');
      await setTimeout(1500);
      second.deregister();
      await setTimeout(1000);
      proxy.disturb(() => undefined);
      await expectServing('away', first);
    });

    it('is done again after a reload that came before the file said it', async () => {
      const { start, states, reload } = world();
      await connector.stop();
      connector = await world().connect({ PERSIST_DELAY_MS: '4000' });
      const first = await serve('again');
      const second = await start('again', tagsOf('again'));
      await eventually(async () => {
        expect(await states('again')).to.include({ nomad02: 'ready' });
      });
      await reload();
      await expectServing('again', first, second);
      await connector.stop();
      connector = await world().connect();
    });

    it('is not worth a reload when it is done again and does not get there', async () => {
      const { start, states, haproxy, proxy, reload } = world();
      await connector.stop();
      connector = await world().connect({ PERSIST_DELAY_MS: '4000', HAPROXY_DRAIN_TIMEOUT_SEC: '30' });
      const first = await serve('untold');
      const second = await start('untold', tagsOf('untold'));
      await expectServing('untold', first, second);
      first.deregister();
      await eventually(async () => {
        expect(await states('untold')).to.include({ nomad01: 'drain' });
      });
      let disturbed = 0;
      proxy.disturb((call) => {
        if (!isRuntimeCall(call) || disturbed === 4) return undefined;
        disturbed += 1;
        return disturbed % 2 === 0 ? '500' : 'cut';
      });
      const reloads = await haproxy.reloads();
      await reload();
      await eventually(() => {
        expect(disturbed).to.equal(4);
      });
      await expectServing('untold', second);
      expect(await haproxy.reloads()).to.equal(reloads + 1);
      expect(connector.count(somebodyElse, { what: 'HAProxy refused what it was told at runtime' })).to.equal(0);
      await connector.stop();
      connector = await world().connect();
    });

    it('is in the file when the connector was asked to stop right after it', async () => {
      const { spawn, start, states, serverLine } = world();
      await connector.stop();
      const spawned = await spawn({ PERSIST_DELAY_MS: '5000' });
      const first = await serve('parting');
      const second = await start('parting', tagsOf('parting'));
      await eventually(async () => {
        expect(await states('parting')).to.include({ nomad01: 'ready', nomad02: 'ready' });
      });
      expect(await spawned.stop()).to.equal(0);
      expect(await serverLine('parting', 'nomad02'))
        .to.include(`:${second.port} `)
        .and.not.include(' disabled');
      connector = await world().connect();
      await expectServing('parting', first, second);
    });
  });
});
