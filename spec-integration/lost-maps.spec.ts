import { expect } from 'chai';
import type { Connector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { forEachImage, mapsPath } from './support/haproxy.ts';
import { useWorld, type Instance } from './support/world.ts';

forEachImage((image) => {
  describe('map files that are lost', () => {
    const world = useWorld(image);
    let connector: Connector | undefined;

    afterEach(async () => {
      await connector?.stop();
      connector = undefined;
    });

    async function expectServed(instance: Instance, withinMs?: number): Promise<void> {
      const host = `${instance.registration.ServiceName}.example.com`;
      await eventually(async () => {
        expect(await world().get(host)).to.deep.equal(instance.answer);
      }, withinMs);
    }

    async function serve(name: string, ...tags: readonly string[]): Promise<Instance> {
      const instance = await world().start(name, [`haproxy.domain=${name}.example.com`, ...tags]);
      await expectServed(instance);
      return instance;
    }

    const shell = (command: string) => world().haproxy.exec('sh', '-c', command);
    const removeFiles = () => shell(`rm ${mapsPath}/nomad-*.map`);
    const emptyFiles = () => shell(`for file in ${mapsPath}/nomad-*.map; do : >$file; done`);
    const fileOf = (map: string) => world().haproxy.file(`${mapsPath}/nomad-${map}.map`);

    /** What a user who asks without a pause is answered meanwhile, by status. */
    async function statusesWhile(host: string, act: () => Promise<unknown>): Promise<readonly number[]> {
      const seen = new Set<number>();
      const over = new AbortController();
      const asked = (async () => {
        while (!over.signal.aborted) seen.add((await world().get(host)).status);
      })();
      await act();
      over.abort();
      await asked;
      return [...seen];
    }

    it('are there again with all their rows before the next reload of ours', async () => {
      connector = await world().connect();
      await serve('stays');
      await serve('under', 'haproxy.domain.type=prefix');
      const seen = await statusesWhile('stays.example.com', async () => {
        await removeFiles();
        await expectServed(await world().start('new', ['haproxy.domain=new.example.com']), 5000);
      });
      expect(seen).to.deep.equal([200]);
      expect(connector.count('could not bring service to HAProxy')).to.equal(0);
      await emptyFiles();
      const reloads = await world().haproxy.reloads();
      expect(
        await statusesWhile('under.example.com', async () => {
          await world().start('mute');
          await eventually(async () => {
            expect(await world().states('mute')).to.include({ nomad01: 'ready' });
          });
        }),
      ).to.deep.equal([200]);
      expect(await world().haproxy.reloads()).to.equal(reloads + 1);
      expect(await fileOf('exact'))
        .to.include('stays.example.com stays\n')
        .and.include('new.example.com new\n');
      expect(await fileOf('prefix')).to.include('under.example.com under\n');
    });

    it('while no connector ran are filled from the running HAProxy, whether Nomad is there or not', async () => {
      connector = await world().connect();
      await serve('kept');
      const goes = await serve('goes');
      await connector.stop();
      await emptyFiles();
      await world().haproxy.socat(`add map ${mapsPath}/nomad-exact.map stray.example.com kept`);
      const waiting = world().launch({ NOMAD_ADDR: 'http://127.0.0.1:1' });
      const seen = await statusesWhile('kept.example.com', async () => {
        await waiting.logged('HAProxy changed by somebody else');
        await eventually(async () => {
          expect(await fileOf('exact'))
            .to.include('kept.example.com kept\n')
            .and.include('goes.example.com goes\n');
        });
        await waiting.stop();
        goes.deregister();
        connector = await world().connect();
        await eventually(async () => {
          expect(await fileOf('exact')).to.not.match(/stray|goes/);
          expect((await world().get('stray.example.com')).status).to.equal(404);
        });
      });
      expect(seen).to.deep.equal([200]);
    });
  });
});
