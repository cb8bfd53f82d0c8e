import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import type { Connector } from './support/connector.ts';
import { eventually, throughout } from './support/eventually.ts';
import { forEachImage } from './support/haproxy.ts';
import { noRoute, useWorld } from './support/world.ts';

forEachImage((image) => {
  describe('dynamic backends', () => {
    const world = useWorld(image);
    let connector: Connector;

    before(async () => {
      connector = await world().connect();
    });

    it('bring a new service with a domain into traffic, with one reload', async () => {
      const { start, get, states, haproxy } = world();
      const reloads = await haproxy.reloads();
      const web = await start('web', ['haproxy.domain=web.example.com']);
      await eventually(async () => {
        expect(await get('web.example.com')).to.deep.equal(web.answer);
      });
      expect(await states('web')).to.deep.equal({
        nomad01: 'ready',
        nomad02: 'maint',
        nomad03: 'maint',
        nomad04: 'maint',
      });
      expect(await get('other.example.com')).to.deep.equal(noRoute);
      expect(await haproxy.reloads()).to.equal(reloads + 1);
    });

    it('take a second instance, and let go of the first without cutting its requests', async () => {
      const { start, get, spread, states, haproxy } = world();
      const domain = 'pair.example.com';
      const first = await start('pair', [`haproxy.domain=${domain}`]);
      await eventually(async () => {
        expect(await get(domain)).to.deep.equal(first.answer);
      });
      const reloads = await haproxy.reloads();
      const second = await start('pair', [`haproxy.domain=${domain}`]);
      await eventually(async () => {
        expect(await states('pair')).to.include({ nomad01: 'ready', nomad02: 'ready' });
      });
      expect(await spread(domain, 6)).to.deep.equal({ [first.name]: 3, [second.name]: 3 });

      const slow = [get(domain, '/slow'), get(domain, '/slow')];
      await eventually(() => {
        expect(first.requests() + second.requests()).to.be.at.least(9);
      });
      first.deregister();
      await eventually(async () => {
        expect(await states('pair')).to.include({ nomad01: 'drain', nomad02: 'ready' });
      });
      expect(await spread(domain, 5)).to.deep.equal({ [second.name]: 5 });
      expect(await Promise.all(slow)).to.have.deep.members([first.answer, second.answer]);
      await eventually(async () => {
        expect(await states('pair')).to.include({ nomad01: 'maint', nomad02: 'ready' });
      });
      expect(await haproxy.reloads()).to.equal(reloads);
    });

    it('answer 503 when scaled to zero, and serve again without a reload', async () => {
      const { start, get, states, haproxy, connect } = world();
      await connector.stop();
      connector = await connect({ HAPROXY_BACKEND_RETENTION_SEC: '60' });
      const tags = ['haproxy.domain=zero.example.com'];
      const only = await start('zero', tags);
      await eventually(async () => {
        expect(await get('zero.example.com')).to.deep.equal(only.answer);
      });
      const reloads = await haproxy.reloads();
      only.deregister();
      await eventually(async () => {
        expect((await get('zero.example.com')).status).to.equal(503);
        expect(await states('zero')).to.include({ nomad01: 'maint' });
      });
      const back = await start('zero', tags);
      await eventually(async () => {
        expect(await get('zero.example.com')).to.deep.equal(back.answer);
      });
      expect(await states('zero')).to.include({ nomad01: 'ready', nomad02: 'maint' });
      expect(await haproxy.reloads()).to.equal(reloads);
      await connector.stop();
      connector = await connect();
    });

    it('go when their retention is over, with their rows', async () => {
      const { start, get, config, haproxy } = world();
      const gone = await start('gone', ['haproxy.domain=gone.example.com']);
      await eventually(async () => {
        expect(await get('gone.example.com')).to.deep.equal(gone.answer);
      });
      gone.deregister();
      await eventually(async () => {
        expect((await get('gone.example.com')).status).to.equal(503);
      });
      await eventually(async () => {
        expect(await get('gone.example.com')).to.deep.equal(noRoute);
        expect(await config()).to.not.match(/^backend gone /m);
        expect(await haproxy.socat('show backend')).to.not.match(/^gone$/m);
      });
    });

    it('go at once when a live service is not enabled any more', async () => {
      const { start, get, states, config } = world();
      const left = await start('left', ['haproxy.domain=left.example.com']);
      await eventually(async () => {
        expect(await get('left.example.com')).to.deep.equal(left.answer);
      });
      left.change({ Tags: ['haproxy.domain=left.example.com'] });
      await eventually(async () => {
        expect(await get('left.example.com')).to.deep.equal(noRoute);
        expect(await states('left')).to.include({ nomad01: 'drain' });
      });
      await eventually(async () => {
        expect(await config()).to.not.match(/^backend left /m);
      });
      left.change({});
      await eventually(async () => {
        expect(await get('left.example.com')).to.deep.equal(left.answer);
      });
    });

    it('give the same address and port its slot back while it drains', async () => {
      const { start, get, states, nomad } = world();
      const tags = ['haproxy.domain=again.example.com'];
      const again = await start('again', tags);
      await eventually(async () => {
        expect(await get('again.example.com')).to.deep.equal(again.answer);
      });
      again.deregister();
      await eventually(async () => {
        expect(await states('again')).to.include({ nomad01: 'drain' });
      });
      nomad.register({
        ServiceName: 'again',
        Tags: ['haproxy.enable=true', ...tags],
        Address: again.address,
        Port: again.port,
      });
      await eventually(async () => {
        expect(await states('again')).to.include({ nomad01: 'ready', nomad02: 'maint' });
        expect(await get('again.example.com')).to.deep.equal(again.answer);
      });
      await throughout(1500, async () => {
        expect(await states('again')).to.include({ nomad01: 'ready' });
      });
    });

    it('belong to the older of two services that want one name', async () => {
      const { start, get, states } = world();
      const name = 'haproxy.backend.name=wanted';
      const older = await start('older', [name, 'haproxy.domain=older.example.com']);
      await eventually(async () => {
        expect(await get('older.example.com')).to.deep.equal(older.answer);
      });
      const newer = await start('newer', [name, 'haproxy.domain=newer.example.com']);
      const { what } = await connector.logged('could not bring service to HAProxy', { service: 'default/newer' });
      expect(what).to.include('is the backend of default/older');
      expect(await get('newer.example.com')).to.deep.equal(noRoute);
      expect(await states('wanted')).to.include({ nomad01: 'ready', nomad02: 'maint' });

      older.deregister();
      await eventually(async () => {
        expect(await get('newer.example.com')).to.deep.equal(newer.answer);
        expect(await get('older.example.com')).to.deep.equal(noRoute);
      });
    });

    it('take a new weight without a reload', async () => {
      const { start, get, haproxy, config } = world();
      const heavy = await start('heavy', ['haproxy.domain=heavy.example.com', 'haproxy.weight=10']);
      await eventually(async () => {
        expect(await get('heavy.example.com')).to.deep.equal(heavy.answer);
      });
      expect(await haproxy.socat('get weight heavy/nomad01')).to.match(/^10 /);
      const reloads = await haproxy.reloads();
      heavy.change({ Tags: ['haproxy.enable=true', 'haproxy.domain=heavy.example.com', 'haproxy.weight=200'] });
      await eventually(async () => {
        expect(await haproxy.socat('get weight heavy/nomad01')).to.match(/^200 /);
      });
      await eventually(async () => {
        expect(await config()).to.match(/server nomad01 .* weight 200 /);
      });
      expect(await haproxy.reloads()).to.equal(reloads);
    });

    it('serve in tcp mode', async () => {
      const { start, get, states } = world();
      expect(await get('mail.example.com', '/', 8081)).to.deep.equal({ status: 200, body: 'by hand' });
      const mail = await start('mail', ['haproxy.mode=tcp']);
      await eventually(async () => {
        expect(await get('mail.example.com', '/', 8081)).to.deep.equal(mail.answer);
      });
      expect(await states('mail')).to.include({ nomad01: 'ready' });
      mail.deregister();
      await eventually(async () => {
        expect(await states('mail')).to.include({ nomad01: 'maint' });
      });
    });

    it('stay when they are empty and a hand-written rule names them', async () => {
      const { start, get, states } = world();
      const { what } = await connector.logged('could not bring service to HAProxy', { service: 'default/mail' });
      expect(what).to.include('a hand-written rule names it');
      const mail = await start('mail', ['haproxy.mode=tcp']);
      await eventually(async () => {
        expect(await get('mail.example.com', '/', 8081)).to.deep.equal(mail.answer);
      });
      expect(await states('mail')).to.include({ nomad01: 'ready', nomad02: 'maint' });
    });

    it('serve instances with IPv6 addresses', async () => {
      const { start, get, states, haproxy, config } = world();
      const given = { Address: `::ffff:${haproxy.hostAddress}` };
      const six = await start('six', ['haproxy.domain=six.example.com'], given);
      await eventually(async () => {
        expect(await get('six.example.com')).to.deep.equal(six.answer);
      });
      const reloads = await haproxy.reloads();
      const another = await start('six', ['haproxy.domain=six.example.com'], given);
      await eventually(async () => {
        expect(await states('six')).to.include({ nomad01: 'ready', nomad02: 'ready' });
      });
      expect(await world().spread('six.example.com', 4)).to.deep.equal({ [six.name]: 2, [another.name]: 2 });
      await eventually(async () => {
        expect(await config()).to.include(`[::ffff:${haproxy.hostAddress}]:${another.port} `);
      });
      expect(await haproxy.reloads()).to.equal(reloads);
    });

    it('serve instances with host names, each by a reload', async () => {
      const { start, get, states, haproxy } = world();
      const named = await start('named', ['haproxy.domain=named.example.com'], { Address: 'host.docker.internal' });
      await eventually(async () => {
        expect(await get('named.example.com')).to.deep.equal(named.answer);
      });
      const reloads = await haproxy.reloads();
      const lost = await start('named', ['haproxy.domain=named.example.com'], { Address: 'nowhere.invalid' });
      await eventually(async () => {
        expect(await haproxy.reloads()).to.equal(reloads + 1);
      });
      const other = await start('named', ['haproxy.domain=named.example.com'], { Address: 'host.docker.internal' });
      await eventually(async () => {
        expect(await states('named')).to.include({ nomad01: 'ready', nomad03: 'ready' });
        expect(await world().spread('named.example.com', 4)).to.deep.equal({ [named.name]: 2, [other.name]: 2 });
      });
      lost.deregister();
      await eventually(async () => {
        expect(await haproxy.file('/usr/local/etc/haproxy/haproxy.cfg')).to.not.include('nowhere.invalid:');
      });
    });

    it('grow from four slots to eight with one reload', async () => {
      const { start, get, spread, states, haproxy } = world();
      const tags = ['haproxy.domain=grow.example.com'];
      const apps = [];
      for (let n = 0; n < 4; n += 1) apps.push(await start('grow', tags));
      await eventually(async () => {
        expect(Object.values(await states('grow'))).to.deep.equal(['ready', 'ready', 'ready', 'ready']);
        expect((await get('grow.example.com')).status).to.equal(200);
      });
      const reloads = await haproxy.reloads();
      apps.push(await start('grow', tags));
      await eventually(async () => {
        expect(Object.values(await states('grow'))).to.deep.equal([
          ...['ready', 'ready', 'ready', 'ready', 'ready'],
          ...['maint', 'maint', 'maint'],
        ]);
      });
      expect(await haproxy.reloads()).to.equal(reloads + 1);
      expect(await spread('grow.example.com', 10)).to.deep.equal(Object.fromEntries(apps.map(({ name }) => [name, 2])));
    });

    it('grow with a single reload to what their job was scaled to, one instance after the other', async () => {
      const { start, states, haproxy, nomad } = world();
      const scaleTo = (Count: number) => {
        const service = { Name: 'scaled', Provider: 'nomad', PortLabel: 'http', Checks: null };
        const group = { Name: 'scaled', Count, Services: [service] };
        nomad.setJob({ ID: 'scaled', Namespace: 'default', Stable: Count === 2, TaskGroups: [group] });
      };
      const serve = async (count: number) => {
        await eventually(async () => {
          const ready = Object.values(await states('scaled')).filter((state) => state === 'ready');
          expect(ready).to.have.length(count);
        });
      };
      scaleTo(2);
      for (let n = 1; n <= 2; n += 1) await start('scaled');
      await serve(2);
      const reloads = await haproxy.reloads();
      scaleTo(10);
      for (let n = 3; n <= 10; n += 1) {
        await start('scaled');
        await serve(n);
      }
      expect(Object.keys(await states('scaled'))).to.have.length(20);
      expect(await haproxy.reloads()).to.equal(reloads + 1);
    });

    it('scale up and down fifty times within their slots without a reload', async () => {
      const { start, get, states, haproxy } = world();
      const tags = ['haproxy.domain=swing.example.com'];
      const stays = await start('swing', tags);
      await eventually(async () => {
        expect(await get('swing.example.com')).to.deep.equal(stays.answer);
      });
      const comes = await start('swing', tags);
      const reloads = await haproxy.reloads();
      for (let n = 0; n < 50; n += 1) {
        await eventually(async () => {
          expect(Object.values(await states('swing')).filter((state) => state === 'ready')).to.have.length(2);
        });
        expect((await get('swing.example.com')).status).to.equal(200);
        comes.deregister();
        await eventually(async () => {
          expect(Object.values(await states('swing')).filter((state) => state === 'ready')).to.have.length(1);
        });
        expect(await get('swing.example.com')).to.deep.equal(stays.answer);
        comes.change({});
      }
      await setTimeout(100);
      expect(await haproxy.reloads()).to.equal(reloads);
    });
  });
});
