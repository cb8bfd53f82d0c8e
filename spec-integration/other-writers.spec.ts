import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { isRawWrite } from './support/api-proxy.ts';
import type { Connector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { configPath, forEachImage, mapsPath } from './support/haproxy.ts';
import { noRoute, useWorld } from './support/world.ts';

const couldNot = 'could not bring service to HAProxy';
/** In this time the connector has looked at HAProxy. */
const watchedMs = 1500;

forEachImage((image) => {
  describe('a second writer', () => {
    const world = useWorld(image);
    let connector: Connector;

    before(async () => {
      connector = await world().connect();
    });

    afterEach(() => {
      world().proxy.before(() => undefined);
    });

    /** Adds a backend by another client just before each of the connector's next configuration writes. */
    function writeBefore(count: number, name: string): () => number {
      const { proxy, rewrite } = world();
      let left = count;
      proxy.before(async (call) => {
        if (!isRawWrite(call) || left === 0) return;
        left -= 1;
        await rewrite((text) => `${text}\nbackend ${name}${left} from main\n  balance roundrobin\n`, 'skip');
      });
      return () => left;
    }

    it('that comes between our read and our write loses nothing, and neither do we', async () => {
      const { start, get, states, config } = world();
      const left = writeBefore(1, 'between');
      const first = await start('first', ['haproxy.domain=first.example.com']);
      await eventually(async () => {
        expect(await get('first.example.com')).to.deep.equal(first.answer);
      });
      expect(left()).to.equal(0);
      expect(await config()).to.match(/^backend between0 /m);
      expect(await states('first')).to.include({ nomad01: 'ready' });
      expect(connector.count(couldNot)).to.equal(0);

      writeBefore(1, 'slots');
      const second = await start('first', ['haproxy.domain=first.example.com']);
      await eventually(async () => {
        expect(await states('first')).to.include({ nomad01: 'ready', nomad02: 'ready' });
      });
      await eventually(async () => {
        expect(await config())
          .to.match(/^backend slots0 /m)
          .and.include(`:${second.port} `);
      });
      expect(await states('first')).to.include({ nomad01: 'ready', nomad02: 'ready' });
      expect(connector.count(couldNot)).to.equal(0);
    });

    it('that comes while we read is not taken for read', async () => {
      const { start, get, proxy, rewrite } = world();
      const tags = ['haproxy.backend=custom', 'haproxy.backend.name=meantime', 'haproxy.domain=meantime.example.com'];
      const meantime = await start('meantime', tags);
      await connector.logged(couldNot, { service: 'default/meantime', failure: 'not-found' });

      let isRead = false;
      proxy.before(async (call) => {
        if (isRead || !call.endsWith('/storage/maps')) return;
        isRead = true; // the text, and the maps not yet
        await rewrite((text) => `${text}\nbackend meantime from main\n  balance roundrobin\n`);
        await setTimeout(watchedMs);
      });
      await rewrite((text) => `${text}\nbackend looked from main\n  balance roundrobin\n`);
      await eventually(async () => {
        expect(await get('meantime.example.com')).to.deep.equal(meantime.answer);
      });
      expect(isRead).to.equal(true);
    });

    it('that keeps coming is reported, and waited for', async () => {
      const { start, get } = world();
      const left = writeBefore(9, 'storm');
      const stormy = await start('stormy', ['haproxy.domain=stormy.example.com']);
      expect(await connector.logged(couldNot, { service: 'default/stormy' })).to.deep.include({ failure: 'conflict' });
      await eventually(async () => {
        expect(await get('stormy.example.com')).to.deep.equal(stormy.answer);
      });
      expect(left()).to.equal(0);
    });

    it('whose backend makes HAProxy refuse one service of ours does not hold up the others', async () => {
      const { start, get, states, rewrite } = world();
      const settings = '  default-server ssl # every server brings its own CA\n';
      await rewrite((text) => `${text}\nbackend secure from main\n${settings}`);
      const custom = ['haproxy.backend=custom', 'haproxy.backend.name=secure', 'haproxy.domain=refused.example.com'];
      const refused = await start('refused', custom);
      const fine = await start('fine', ['haproxy.domain=fine.example.com']);
      await eventually(async () => {
        expect(await get('fine.example.com')).to.deep.equal(fine.answer);
      });
      const { what } = await connector.logged(couldNot, { service: 'default/refused', failure: 'rejected' });
      expect(what).to.include('no CA file specified');
      expect(await get('refused.example.com')).to.deep.equal(noRoute);
      expect(await states('secure')).to.deep.equal({});
      expect(await states('fine')).to.include({ nomad01: 'ready' });
      expect(connector.count(couldNot, { service: 'default/fine' })).to.equal(0);

      await rewrite((text) => text.replace(/ {2}default-server ssl .*\n/, ''));
      await eventually(async () => {
        expect(await get('refused.example.com')).to.deep.equal(refused.answer);
      });
      expect(await states('secure')).to.include({ nomad01: 'ready', nomad02: 'maint' });
    });

    it('that leaves a file which HAProxy refuses is named, and forgiven when it is mended', async () => {
      const { start, get, states, haproxy } = world();
      await haproxy.exec('sh', '-c', `printf '\\nbackend broken from main\\n  balance nonsense\\n' >> ${configPath}`);
      const held = await start('held', ['haproxy.domain=held.example.com']);
      const { what } = await connector.logged(couldNot, { service: 'default/held', failure: 'rejected' });
      expect(what).to.include('refused by HAProxy as it stands').and.include('balance only supports');
      expect(await get('first.example.com')).to.include({ status: 200 });
      expect(await states('first')).to.include({ nomad01: 'ready', nomad02: 'ready' });

      await haproxy.exec('sed', '-i', '/^backend broken /,/balance nonsense/d', configPath);
      await eventually(async () => {
        expect(await get('held.example.com')).to.deep.equal(held.answer);
      });
      expect(await states('held')).to.include({ nomad01: 'ready' });
    });

    it("whose text cannot be loaded is reported in HAProxy's words, repaired, and forgiven when it is mended", async () => {
      const { start, get, states, config, rewrite, haproxy } = world();
      const bind = '  bind 127.0.0.1:5555\n';
      await rewrite((text) => text.replace('  bind :8081\n', `  bind :8081\n${bind}`), 'skip');
      const before = await config();
      const bound = await start('bound', ['haproxy.domain=bound.example.com']);
      const { what } = await connector.logged(couldNot, { service: 'default/bound', failure: 'reload-failed' });
      expect(what).to.include('Address already in use');
      expect(await get('first.example.com')).to.include({ status: 200 });
      expect(await get('bound.example.com')).to.deep.equal(noRoute);
      await eventually(async () => {
        expect(withoutHeader(await config())).to.equal(withoutHeader(before));
      });
      await eventually(async () => {
        expect(await haproxy.file(`${mapsPath}/nomad-exact.map`)).to.not.include('bound');
      });

      await rewrite((text) => text.replace(bind, ''), 'skip');
      await eventually(async () => {
        expect(await get('bound.example.com')).to.deep.equal(bound.answer);
      });
      expect(await states('bound')).to.include({ nomad01: 'ready' });
    });

    it('that reloads HAProxy changes no state', async () => {
      const { start, get, states, haproxy } = world();
      const tags = ['haproxy.domain=calm.example.com'];
      const calm = await start('calm', tags);
      const going = await start('calm', tags);
      await eventually(async () => {
        expect(await get('calm.example.com')).to.include({ status: 200 });
        expect(await states('calm')).to.include({ nomad01: 'ready', nomad02: 'ready' });
      });
      going.deregister();
      await eventually(async () => {
        expect(await states('calm')).to.include({ nomad02: 'drain' });
      });
      const noticed = connector.count('HAProxy changed by somebody else', {
        what: 'HAProxy was reloaded or restarted',
      });
      await haproxy.exec('sh', '-c', 'echo reload | socat -t 5 - UNIX-CONNECT:/var/run/haproxy-master.sock');
      expect(await get('calm.example.com')).to.deep.equal(calm.answer);
      await eventually(async () => {
        expect(await states('calm')).to.include({ nomad01: 'ready', nomad02: 'maint' });
        expect(
          connector.count('HAProxy changed by somebody else', { what: 'HAProxy was reloaded or restarted' }),
        ).to.equal(noticed + 1);
      });
    });
  });
});

/** The version moves with every write. */
function withoutHeader(text: string): string {
  return text.replace(/^(# _.*\n)+/, '');
}
