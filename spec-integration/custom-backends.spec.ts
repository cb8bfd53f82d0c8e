import { expect } from 'chai';
import type { Connector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { configPath, forEachImage } from './support/haproxy.ts';
import { noRoute, useWorld } from './support/world.ts';

const byHand = 'by hand';

forEachImage((image) => {
  describe('backends written by hand', () => {
    const world = useWorld(image);
    let connector: Connector;

    before(async () => {
      connector = await world().connect();
    });

    /** A name of its own for each service, by which its failures are found in the log. */
    async function refusalOf(service: string) {
      return connector.logged('could not bring service to HAProxy', { service: `default/${service}` });
    }

    it('take slots beside their own servers, which stay as they are', async () => {
      const { start, get, spread, states, haproxy } = world();
      expect(await get('cart.example.com')).to.deep.equal({ status: 200, body: byHand });
      const cart = await start('cart', ['haproxy.backend=custom', 'haproxy.backend.name=shop', 'haproxy.weight=1']);
      await eventually(async () => {
        expect(await spread('cart.example.com', 4)).to.deep.equal({ [byHand]: 2, [cart.name]: 2 });
      });
      const untouched = { shop1: 'ready', shop2: 'maint' };
      expect(await states('shop')).to.include({ ...untouched, nomad01: 'ready', nomad02: 'maint' });

      const reloads = await haproxy.reloads();
      const second = await start('cart', ['haproxy.backend=custom', 'haproxy.backend.name=shop', 'haproxy.weight=1']);
      await eventually(async () => {
        expect(await spread('cart.example.com', 6)).to.deep.equal({ [byHand]: 2, [cart.name]: 2, [second.name]: 2 });
      });
      cart.deregister();
      await eventually(async () => {
        expect(await states('shop')).to.include({ ...untouched, nomad01: 'drain', nomad02: 'ready' });
        expect(await spread('cart.example.com', 4)).to.deep.equal({ [byHand]: 2, [second.name]: 2 });
      });
      expect(await haproxy.reloads()).to.equal(reloads);

      second.deregister();
      await eventually(async () => {
        expect(await states('shop')).to.deep.equal(untouched);
      });
      expect(await spread('cart.example.com', 4)).to.deep.equal({ [byHand]: 4 });
    });

    it('are shared by several services, also with domains', async () => {
      const { start, get, states } = world();
      const tags = ['haproxy.backend=custom', 'haproxy.backend.name=shop', 'haproxy.weight=256'];
      const one = await start('one', [...tags, 'haproxy.domain=one.example.com']);
      const two = await start('two', tags);
      await eventually(async () => {
        expect(await states('shop')).to.include({ nomad01: 'ready', nomad05: 'ready', shop1: 'ready', shop2: 'maint' });
        const bodies = new Set([(await get('one.example.com')).body, (await get('one.example.com')).body]);
        expect([...bodies]).to.have.members([one.name, two.name]);
      });
      one.deregister();
      await eventually(async () => {
        expect(await get('one.example.com')).to.deep.equal(noRoute);
        expect(await states('shop')).to.have.all.keys(['shop1', 'shop2', 'nomad05', 'nomad06', 'nomad07', 'nomad08']);
      });
      two.deregister();
      await eventually(async () => {
        expect(await states('shop')).to.have.all.keys(['shop1', 'shop2']);
      });
    });

    it('hold nobody up while they are missing, and are used when a second writer adds them', async () => {
      const { start, get, states, rewrite } = world();
      const tags = ['haproxy.backend=custom', 'haproxy.backend.name=later', 'haproxy.domain=later.example.com'];
      const later = await start('later', tags);
      expect(await refusalOf('later')).to.deep.include({
        failure: 'not-found',
        what: 'backend later does not exist',
      });
      const meanwhile = await start('meanwhile', ['haproxy.domain=meanwhile.example.com']);
      await eventually(async () => {
        expect(await get('meanwhile.example.com')).to.deep.equal(meanwhile.answer);
      });
      expect(await get('later.example.com')).to.deep.equal(noRoute);

      await rewrite((text) => `${text}\nbackend later from main\n  # at last\n  balance roundrobin\n`);
      await eventually(async () => {
        expect(await get('later.example.com')).to.deep.equal(later.answer);
      });
      expect(await states('later')).to.include({ nomad01: 'ready', nomad02: 'maint' });
      expect(await states('meanwhile')).to.include({ nomad01: 'ready' });
    });

    it('are used when they are written into the file itself', async () => {
      const { start, get, states, haproxy, rebase } = world();
      const tags = ['haproxy.backend=custom', 'haproxy.backend.name=edited', 'haproxy.domain=edited.example.com'];
      const edited = await start('edited', tags);
      await refusalOf('edited');
      const section = '\\nbackend edited from main\\n  # by an editor\\n  balance leastconn\\n';
      await haproxy.exec('sh', '-c', `printf '${section}' >> ${configPath}`);
      await eventually(async () => {
        expect(await get('edited.example.com')).to.deep.equal(edited.answer);
      });
      expect(await states('edited')).to.include({ nomad01: 'ready', nomad02: 'maint' });
      await rebase();
    });

    describe('of the name that a dynamic service wants', () => {
      const foreign = [
        { backend: 'tenants', kind: 'compatible', own: { tenant1: 'ready' } },
        { backend: 'sticky', kind: 'incompatible', own: { sticky1: 'ready' } },
      ] as const;
      const wishing = (backend: string, strategy: string, domain: string) => [
        `haproxy.backend.name=${backend}`,
        `haproxy.backend.strategy=${strategy}`,
        `haproxy.domain=${domain}`,
        'haproxy.weight=1',
      ];

      for (const { backend, kind, own } of foreign) {
        it(`are left alone under fail_on_conflict (${kind})`, async () => {
          const { start, get, states, config } = world();
          const service = `fail-${backend}`;
          const before = await config();
          const app = await start(service, wishing(backend, 'fail_on_conflict', `${service}.example.com`));
          expect(await refusalOf(service)).to.deep.include({
            failure: 'rejected',
            what: `backend ${backend} exists and is not ours`,
          });
          expect(await config()).to.equal(before);
          expect(await states(backend)).to.deep.equal(own);
          expect(await get(`${service}.example.com`)).to.deep.equal(noRoute);
          app.deregister();
        });

        it(`are left alone under create_new, which takes another name (${kind})`, async () => {
          const { start, get, states } = world();
          const service = `new-${backend}`;
          const app = await start(service, wishing(backend, 'create_new', `${service}.example.com`));
          await eventually(async () => {
            expect(await get(`${service}.example.com`)).to.deep.equal(app.answer);
          });
          expect(await states(`nomad_default_${backend}`)).to.include({ nomad01: 'ready', nomad02: 'maint' });
          expect(await states(backend)).to.deep.equal(own);
          app.deregister();
          await eventually(async () => {
            expect(await get(`${service}.example.com`)).to.deep.equal(noRoute);
          });
        });
      }

      it('take slots under use_existing where they are compatible', async () => {
        const { start, get, spread, states } = world();
        const app = await start('use-tenants', wishing('tenants', 'use_existing', 'use-tenants.example.com'));
        await eventually(async () => {
          expect(await spread('acme.example.com', 4)).to.deep.equal({ [byHand]: 2, [app.name]: 2 });
          expect(await spread('use-tenants.example.com', 4)).to.deep.equal({ [byHand]: 2, [app.name]: 2 });
        });
        expect(await states('tenants')).to.include({ tenant1: 'ready', nomad01: 'ready', nomad02: 'maint' });
        app.deregister();
        await eventually(async () => {
          expect(await states('tenants')).to.deep.equal({ tenant1: 'ready' });
          expect(await get('use-tenants.example.com')).to.deep.equal(noRoute);
        });
      });

      it('are left alone under use_existing where they are incompatible', async () => {
        const { start, get, states, config } = world();
        const before = await config();
        const app = await start('use-sticky', wishing('sticky', 'use_existing', 'use-sticky.example.com'));
        const { what } = await refusalOf('use-sticky');
        expect(what).to.include('its balance algorithm is static');
        expect(await config()).to.equal(before);
        expect(await states('sticky')).to.deep.equal({ sticky1: 'ready' });
        expect(await get('use-sticky.example.com')).to.deep.equal(noRoute);
        app.deregister();
      });
    });
  });
});
