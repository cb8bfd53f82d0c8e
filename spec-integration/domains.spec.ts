import { expect } from 'chai';
import { blocksOf } from '../spec/support/documents.ts';
import type { Connector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { forEachImage } from './support/haproxy.ts';
import { noRoute, useWorld } from './support/world.ts';

forEachImage((image) => {
  describe('domains', () => {
    const world = useWorld(image);
    let connector: Connector;

    before(async () => {
      connector = await world().connect();
    });

    it('lead to services exactly, by prefix and by regex, whatever the case and the port', async () => {
      const { start, get, states } = world();
      const exact = await start('exact', ['haproxy.domain=Www.Example.com, api.example.com']);
      const prefix = await start('prefix', ['haproxy.domain=api.', 'haproxy.domain.type=prefix']);
      const longer = await start('longer', ['haproxy.domain=api.internal.', 'haproxy.domain.type=prefix']);
      const regex = await start('regex', ['haproxy.domain=^r[0-9]{1,2}\\.example\\.com$', 'haproxy.domain.type=regex']);
      await eventually(async () => {
        expect(await get('www.example.com')).to.deep.equal(exact.answer);
        expect(await get('r7.example.com')).to.deep.equal(regex.answer);
        expect(await get('api.internal.net')).to.deep.equal(longer.answer);
      });
      for (const host of ['WWW.EXAMPLE.COM', 'www.example.com:8080', 'wWw.eXample.com:443', 'api.example.com'])
        expect(await get(host), host).to.deep.equal(exact.answer);
      for (const host of ['api.example.net', 'API.other', 'api.x:81'])
        expect(await get(host), host).to.deep.equal(prefix.answer);
      for (const host of ['r10.example.com', 'R1.EXAMPLE.COM', 'r1.example.com:8080'])
        expect(await get(host), host).to.deep.equal(regex.answer);
      for (const host of [
        'example.com',
        'xwww.example.com',
        'r100.example.com',
        'r1xexample.com',
        'my.api.x',
        '[::1]:8080',
      ])
        expect(await get(host), host).to.deep.equal(noRoute);
      for (const backend of ['exact', 'prefix', 'longer', 'regex'])
        expect(await states(backend)).to.include({ nomad01: 'ready', nomad02: 'maint' });
    });

    it('yield to rules written by hand', async () => {
      const { start, get, states } = world();
      const mine = await start('mine', ['haproxy.domain=legacy.example.com,acme.example.com,mine.example.com']);
      await eventually(async () => {
        expect(await get('mine.example.com')).to.deep.equal(mine.answer);
      });
      for (const host of ['legacy.example.com', 'acme.example.com'])
        expect(await get(host), host).to.deep.equal({ status: 200, body: 'by hand' });
      expect(await get('mine.example.com', '/admin')).to.deep.equal({ status: 200, body: 'admin' });
      expect(await states('mine')).to.include({ nomad01: 'ready' });
    });

    it('belong to the service whose job is older, and to the other one when that leaves', async () => {
      const { start, get, states, nomad } = world();
      const job = (ID: string, CreateIndex: number) => {
        const service = { Name: ID, Provider: 'nomad', PortLabel: 'http', Checks: null };
        nomad.setJob({
          ID,
          Namespace: 'default',
          CreateIndex,
          TaskGroups: [{ Name: ID, Count: 1, Services: [service], Tasks: [] }],
        });
      };
      job('heir', 20);
      job('holder', 10);
      const tags = ['haproxy.domain=claimed.example.com'];
      const heir = await start('heir', [...tags, 'haproxy.domain=heir.example.com']);
      await eventually(async () => {
        expect(await get('claimed.example.com')).to.deep.equal(heir.answer);
      });
      const holder = await start('holder', tags);
      await eventually(async () => {
        expect(await get('claimed.example.com')).to.deep.equal(holder.answer);
      });
      expect(await get('heir.example.com')).to.deep.equal(heir.answer);
      const { problems } = await connector.logged('service has problems that its owner should mend', {
        service: 'default/heir',
      });
      expect(JSON.stringify(problems)).to.include('is held by default/holder');
      expect(await states('heir')).to.include({ nomad01: 'ready' });

      holder.deregister();
      await eventually(async () => {
        expect(await get('claimed.example.com')).to.deep.equal(heir.answer);
      });
      await eventually(async () => {
        expect(await states('holder')).to.deep.equal({});
      });
      expect(await get('claimed.example.com')).to.deep.equal(heir.answer);
    });

    it('move from one service to another without a gap', async () => {
      const { start, get, states, haproxy } = world();
      const domain = 'haproxy.domain=moving.example.com';
      const from = await start('from', [domain]);
      const to = await start('to', ['haproxy.domain=to.example.com']);
      await eventually(async () => {
        expect(await get('moving.example.com')).to.deep.equal(from.answer);
        expect(await get('to.example.com')).to.deep.equal(to.answer);
      });
      const reloads = await haproxy.reloads();
      to.change({ Tags: ['haproxy.enable=true', 'haproxy.domain=to.example.com', domain] });
      await connector.logged('service has problems that its owner should mend', { service: 'default/to' });
      from.change({ Tags: ['haproxy.enable=true'] });
      const bodies: string[] = [];
      await eventually(async () => {
        bodies.push((await get('moving.example.com')).body);
        expect(bodies.at(-1)).to.equal(to.name);
      });
      expect([from.name, to.name]).to.include.members([...new Set(bodies)]);
      expect(await states('from')).to.include({ nomad01: 'ready' });
      expect(await haproxy.reloads()).to.equal(reloads);
    });

    it('go with the service, a regex too', async () => {
      const { start, get, haproxy } = world();
      const tags = (value: string) => [`haproxy.domain=${value}`, 'haproxy.domain.type=regex'];
      const first = await start('first', tags('^x[0-9]+\\.example\\.org'));
      const second = await start('second', tags('^x1[0-9]*\\.example\\.org$'));
      await eventually(async () => {
        expect(await get('x1.example.org')).to.deep.equal(first.answer);
        expect(await haproxy.file('/usr/local/etc/haproxy/maps/nomad-regex.map')).to.include(' second');
      });
      first.change({ Tags: ['haproxy.enable=true'] });
      await eventually(async () => {
        expect(await get('x1.example.org')).to.deep.equal(second.answer);
        expect(await get('x2.example.org')).to.deep.equal(noRoute);
      });
      second.change({ Tags: ['haproxy.enable=true'] });
      await eventually(async () => {
        expect(await get('x1.example.org')).to.deep.equal(noRoute);
      });
    });
  });

  describe("domains of Traefik's tags", () => {
    const world = useWorld(image);

    it('lead to the services of docs/migration.md', async () => {
      const { connect, start, get } = world();
      await connect({ TAGS_ALIASES: 'traefik' });
      const [shop = [], api = []] = blocksOf('docs/migration.md')
        .filter(({ info, text }) => info === 'hcl' && text.includes('traefik.enable'))
        .map(({ text }) => [...text.matchAll(/^ +"(.*)",$/gm)].map(([, tag = '']) => tag));
      const followed = await start('shop', [], { Tags: shop });
      const routed = await start('api', [], { Tags: api });
      await eventually(async () => {
        for (const host of ['shop.example.com', 'www.shop.example.com'])
          expect(await get(host), host).to.deep.equal(followed.answer);
        expect(await get('api.example.com')).to.deep.equal(routed.answer);
      });
      expect(await world().config()).to.include('option httpchk GET /health');
    });
  });
});
