import { expect } from 'chai';
import { isRawWrite } from './support/api-proxy.ts';
import { startConnector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { answerOf, forEachImage, startHaproxy } from './support/haproxy.ts';
import { noRoute, useWorld, type Instance } from './support/world.ts';

forEachImage((image) => {
  describe('a connector that starts and stops', () => {
    const world = useWorld(image);

    it('changes nothing and says why when its password is wrong', async () => {
      const { launch, start, get, api, config, proxy } = world();
      const before = await config();
      const connector = launch({ HAPROXY_PASSWORD: 'sesame' });
      await start('locked', ['haproxy.domain=locked.example.com']);
      const { failure, hint } = await connector.logged('cannot work with HAProxy');
      expect(failure).to.equal('unauthorized');
      expect(hint).to.include('haproxy.password');
      const { status, body } = await connector.ready();
      expect(status).to.equal(503);
      expect(body).to.include('not');
      expect(JSON.stringify(connector.log)).to.not.include('sesame');
      expect(await connector.stop()).to.equal(0);
      expect(await config()).to.equal(before);
      expect(await get('locked.example.com')).to.deep.equal(noRoute);
      expect(proxy.calls.filter((call) => !call.startsWith('GET '))).to.deep.equal([]);
      expect(await answerOf(api.getVersion())).to.equal(1);
    });

    it('brings everything in by one write when it starts, and writes nothing when it starts again', async () => {
      const { connect, start, get, states, proxy, haproxy, api } = world();
      const apps: Instance[] = [];
      for (const name of ['one', 'two', 'three', 'three'])
        apps.push(await start(name, [`haproxy.domain=${name}.example.com`]));
      const first = proxy.calls.length;
      const connector = await connect();
      await eventually(async () => {
        expect(await get('two.example.com')).to.deep.equal(apps[1]!.answer);
        expect(await states('three')).to.include({ nomad01: 'ready', nomad02: 'ready' });
      });
      expect(proxy.calls.slice(first).filter(isRawWrite)).to.have.length(1);
      expect((await connector.ready()).status).to.equal(200);
      expect(await connector.stop()).to.equal(0);

      const [again, reloads, version] = [proxy.calls.length, await haproxy.reloads(), await answerOf(api.getVersion())];
      const next = await connect();
      await eventually(async () => {
        expect((await next.ready()).status).to.equal(200);
      });
      expect(await get('one.example.com')).to.deep.equal(apps[0]!.answer);
      expect(await states('three')).to.include({ nomad01: 'ready', nomad02: 'ready', nomad03: 'maint' });
      expect(await next.stop()).to.equal(0);
      expect(proxy.calls.slice(again).filter((call) => !call.startsWith('GET '))).to.deep.equal([]);
      expect(await haproxy.reloads()).to.equal(reloads);
      expect(await answerOf(api.getVersion())).to.equal(version);
    });

    it('cleans up after what went while it was away, and follows what moved', async () => {
      const { connect, start, get, states, haproxy } = world();
      const tags = (name: string) => [`haproxy.domain=${name}.example.com`];
      const custom = ['haproxy.backend=custom', 'haproxy.backend.name=shop', 'haproxy.weight=1'];
      const [leaves, moves, shares] = [
        await start('leaves', tags('leaves')),
        await start('moves', tags('moves')),
        await start('shares', [...custom, ...tags('shares')]),
      ];
      const connector = await connect();
      await eventually(async () => {
        expect(await get('leaves.example.com')).to.deep.equal(leaves.answer);
        expect(await get('moves.example.com')).to.deep.equal(moves.answer);
        expect(await states('shop')).to.include({ nomad01: 'ready' });
      });
      await connector.stop();
      leaves.deregister();
      shares.deregister();
      moves.deregister();
      const moved = await start('moves', tags('moves'));
      await connect();
      await eventually(async () => {
        expect(await get('moves.example.com')).to.deep.equal(moved.answer);
        expect(await states('moves')).to.include({ nomad01: 'maint', nomad02: 'ready' });
      });
      await eventually(async () => {
        expect(await get('leaves.example.com')).to.deep.equal(noRoute);
        expect(await get('shares.example.com')).to.deep.equal(noRoute);
        expect(await states('leaves')).to.deep.equal({});
        expect(await states('shop')).to.deep.equal({ shop1: 'ready', shop2: 'maint' });
        const rows = await haproxy.file('/usr/local/etc/haproxy/maps/nomad-exact.map');
        expect(rows).to.not.include('leaves').and.not.include('shares');
      });
    });

    it('and was killed in the middle of a move takes no domain from where HAProxy leads it', async () => {
      const { spawn, connect, start, get, states, proxy, api } = world();
      const tags = (backend: string) => ['haproxy.domain=amid.example.com', `haproxy.backend.name=${backend}`];
      const app = await start('amid', tags('amid_old'));
      const killed = await spawn();
      await eventually(async () => {
        expect(await get('amid.example.com')).to.deep.equal(app.answer);
      });
      let code: Promise<unknown> | undefined;
      proxy.disturb((call) => {
        if (!isRawWrite(call)) return undefined;
        code ??= killed.kill();
        return 'cut';
      });
      app.change({ Tags: ['haproxy.enable=true', ...tags('amid_new')] });
      await killed.exited;
      proxy.disturb(() => undefined);

      const seen = new Set<number>();
      const connector = connect();
      await eventually(async () => {
        seen.add((await get('amid.example.com')).status);
        expect(await states('amid_new')).to.include({ nomad01: 'ready' });
      });
      await eventually(async () => {
        seen.add((await get('amid.example.com')).status);
        expect(await states('amid_old')).to.deep.equal({});
      });
      expect([...seen]).to.deep.equal([200]);
      await (await connector).stop();
      // It may have had one open for a preview.
      for (const id of await answerOf(api.listTransactions())) await answerOf(api.deleteTransaction(id));
    });

    it('finishes the write in flight when it is asked to stop by SIGTERM', async () => {
      const { spawn, start, get, states, proxy, config } = world();
      const connector = await spawn();
      let code: Promise<number> | undefined;
      proxy.before(async (call) => {
        if (!isRawWrite(call) || code !== undefined) return;
        code = connector.stop();
        await new Promise((resolve) => setTimeout(resolve, 1000));
      });
      const last = await start('last', ['haproxy.domain=last.example.com']);
      await eventually(() => {
        expect(code).to.not.equal(undefined);
      });
      const askedAt = performance.now();
      expect(await code).to.equal(0);
      expect(performance.now() - askedAt).to.be.below(10_000);
      expect(connector.count('changed HAProxy', { reloaded: true, services: ['default/last'] })).to.equal(1);
      proxy.before(() => undefined);
      expect(await config()).to.match(/^backend last /m);
      expect(await get('last.example.com')).to.deep.equal(last.answer);
      expect(await states('last')).to.include({ nomad01: 'ready' });
    });
  });
});

describe('a connector that meets HAProxy 2.6', () => {
  it('refuses to work with it', async () => {
    const config = `global
  stats socket /var/run/haproxy-runtime-api.sock mode 600 level admin
defaults main
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
frontend fe from main
  bind :8080
`;
    const haproxy = await startHaproxy({ image: 'haproxy-nomad-connector/haproxy-2.6', config });
    const connector = startConnector({
      NOMAD_ADDR: 'http://127.0.0.1:1',
      HAPROXY_DATAPLANE_URL: haproxy.api.address,
      HAPROXY_USERNAME: haproxy.api.username,
      HAPROXY_PASSWORD: haproxy.api.password,
      HEALTH_HOST: '127.0.0.1',
      HEALTH_PORT: '0',
    });
    try {
      const { what, hint } = await connector.logged('cannot work with HAProxy');
      expect(what).to.match(/^HAProxy 2\.6\.\S+ is too old: 3\.0 or later is needed$/);
      expect(hint).to.include('3.0');
      expect(await connector.exited).to.equal(69);
    } finally {
      await connector.stop();
      await haproxy.stop();
    }
  });
});
