import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parseRecording } from '../lib/nomad/recording.ts';
import { createScratch } from '../spec/support/command-line.ts';
import { replayRecording, rowsIn, servingIn } from '../spec/support/replayed.ts';
import { eventually } from './support/eventually.ts';
import { forEachImage, mapsPath } from './support/haproxy.ts';
import { owned } from './support/owned.ts';
import { useWorld } from './support/world.ts';

forEachImage((image) => {
  describe('what the recorder keeps of an incident', () => {
    const world = useWorld(image);
    const scratch = createScratch();
    after(scratch.remove);
    afterEach(() => {
      world().proxy.disturb(() => undefined);
    });

    it('comes to what HAProxy has, and tells of the requests that failed', async () => {
      const { connect, start, get, states, serverLine, config, haproxy, proxy } = world();
      const file = scratch.path('last.ndjson');
      const first = await start('store', ['haproxy.domain=store.example.com']);
      const connector = await connect({ RECORDER_FILE: file });
      await eventually(async () => {
        expect(await get('store.example.com')).to.deep.equal(first.answer);
      });
      await start('store', ['haproxy.domain=store.example.com']);
      await eventually(async () => {
        expect(await states('store')).to.include({ nomad01: 'ready', nomad02: 'ready' });
      });

      proxy.disturb((call) => (call.startsWith('GET ') ? undefined : '500'));
      const other = await start('other', ['haproxy.domain=other.example.com']);
      await connector.logged('could not bring service to HAProxy');
      await start('store', ['haproxy.domain=store.example.com']);
      first.deregister();
      await connector.logged('could not bring service to HAProxy', { service: 'default/store' });
      proxy.disturb(() => undefined);
      await eventually(async () => {
        expect(await get('other.example.com')).to.deep.equal(other.answer);
        expect(Object.values(await states('store')).toSorted()).to.deep.equal(['maint', 'maint', 'ready', 'ready']);
      }, 30_000);
      await eventually(async () => {
        expect(await serverLine('store', 'nomad01')).to.include(' 127.0.0.1:1 ');
      });
      expect(await connector.stop()).to.equal(0);

      const { end } = await replayRecording(
        file,
        ...['--base', 'fixtures/configs/hand-written.cfg', '--haproxy-frontend', 'fe'],
        ...['--haproxy-drain-timeout-sec', '1', '--reload-burst', '100'],
      );
      const now = await config();
      expect(servingIn(end.config)).to.deep.equal(servingIn(now));
      expect(owned(end.config)).to.deep.equal(owned(now));
      const rows = (await haproxy.file(`${mapsPath}/nomad-exact.map`)).split('\n').filter((row) => row.trim() !== '');
      expect(rowsIn(end.maps).toSorted()).to.deep.equal(rows.map((row) => `exact ${row}`).toSorted());

      const text = readFileSync(file, 'utf8');
      const exchanges = parseRecording(text).flatMap(({ what }) => (what.kind === 'exchange' ? [what.exchange] : []));
      expect(exchanges.filter(({ status = 0 }) => status === 500)).to.not.be.empty;
      expect(
        exchanges.find(({ path, method }) => method === 'POST' && path.includes('/configuration/raw?'))?.sent,
      ).to.match(/backend store .*server nomad01 /);
      expect(text).to.not.include(haproxy.api.password);
    });
  });
});
