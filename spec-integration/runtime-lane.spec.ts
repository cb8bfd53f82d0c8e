import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { isRawWrite, isRuntimeCall } from './support/api-proxy.ts';
import type { Connector } from './support/connector.ts';
import { eventually, throughout } from './support/eventually.ts';
import { forEachImage } from './support/haproxy.ts';
import { useWorld, type Instance } from './support/world.ts';

forEachImage((image) => {
  describe('the runtime lane', () => {
    const world = useWorld(image);
    let connector: Connector;
    let movesAddresses: boolean;

    before(async () => {
      movesAddresses = await world().movesAddresses();
      connector = await world().connect();
    });

    afterEach(() => {
      world().proxy.before(() => undefined);
    });

    const tagsOf = (name: string) => [`haproxy.domain=${name}.example.com`];

    /** One instance of a new service, served. */
    async function serve(name: string, more: readonly string[] = []): Promise<Instance> {
      const { start, get } = world();
      const instance = await start(name, [...tagsOf(name), ...more]);
      await eventually(async () => {
        expect(await get(`${name}.example.com`)).to.deep.equal(instance.answer);
      });
      return instance;
    }

    async function expectStates(backend: string, wanted: Record<string, string>, withinMs?: number): Promise<void> {
      await eventually(async () => {
        expect(await world().states(backend)).to.include(wanted);
      }, withinMs);
    }

    /** Holds the next configuration write that reloads until it is let go. */
    function holdCommit(): { readonly held: Promise<void>; readonly letGo: () => void } {
      const held = Promise.withResolvers<undefined>();
      const gate = Promise.withResolvers<undefined>();
      world().proxy.before(async (call) => {
        if (!isRawWrite(call) || !call.includes('force_reload')) return;
        held.resolve(undefined);
        await gate.promise;
      });
      return {
        held: held.promise,
        letGo: () => {
          world().proxy.before(() => undefined);
          gate.resolve(undefined);
        },
      };
    }

    it('takes a second instance in, and the file says so soon after', async () => {
      const { start, haproxy, proxy, serverLine } = world();
      await serve('two');
      const [reloads, from] = [await haproxy.reloads(), proxy.calls.length];
      const second = await start('two', tagsOf('two'));
      await expectStates('two', { nomad02: 'ready' });
      const calls = proxy.calls.slice(from);
      if (movesAddresses) {
        expect(calls.filter(isRawWrite)).to.deep.equal([]);
        expect(calls.filter(isRuntimeCall)).to.have.length(1);
      } else {
        expect(calls.filter(isRawWrite)).to.have.length(1);
      }
      await eventually(async () => {
        expect(await serverLine('two', 'nomad02')).to.include(` ${second.address}:${second.port} `);
      }, 2000);
      expect(proxy.calls.slice(from).filter(isRawWrite)).to.have.length(1);
      expect(await haproxy.reloads()).to.equal(reloads);
    });

    it('leaves the file at most five seconds behind under constant change', async () => {
      const { haproxy, proxy, serverLine } = world();
      const busy = await serve('busy');
      await setTimeout(1500);
      const from = proxy.calls.length;
      const setAt = new Map<number, number>();
      let worstMs = 0;
      const startedAt = performance.now();
      for (let weight = 101; performance.now() - startedAt < 8000; weight += 1) {
        setAt.set(weight, performance.now());
        busy.change({ Tags: ['haproxy.enable=true', ...tagsOf('busy'), `haproxy.weight=${weight}`] });
        await setTimeout(300);
        const written = Number(/ weight (\d+)/.exec(await serverLine('busy', 'nomad01'))?.[1]);
        const overtakenAt = setAt.get(written + 1);
        if (overtakenAt !== undefined) worstMs = Math.max(worstMs, performance.now() - overtakenAt);
      }
      expect(worstMs).to.be.below(5500);
      if (movesAddresses) expect(proxy.calls.slice(from).filter(isRawWrite).length).to.be.within(1, 2);
      const last = [...setAt.keys()].at(-1)!;
      expect(await haproxy.socat('get weight busy/nomad01')).to.match(new RegExp(`^${last} `));
      await eventually(async () => {
        expect(await serverLine('busy', 'nomad01')).to.include(` weight ${last} `);
      }, 2000);
    });

    it('goes on during a commit, and what it did outlives the reload', async () => {
      const { start, spread, haproxy, get, serverLine } = world();
      await connector.stop();
      connector = await world().connect({ HAPROXY_DRAIN_TIMEOUT_SEC: '30' });
      const first = await serve('swap');
      const reloads = await haproxy.reloads();
      const commit = holdCommit();
      const other = await start('other', tagsOf('other'));
      await commit.held;
      const second = await start('swap', tagsOf('swap'));
      if (movesAddresses) await expectStates('swap', { nomad02: 'ready' });
      first.deregister();
      await expectStates('swap', { nomad01: 'drain' });
      expect(await haproxy.reloads()).to.equal(reloads);
      commit.letGo();
      await eventually(async () => {
        expect(await get('other.example.com')).to.deep.equal(other.answer);
      });
      await expectStates('swap', { nomad02: 'ready' });
      await throughout(1500, async () => {
        expect(await world().states('swap')).to.include({ nomad01: 'drain', nomad02: 'ready' });
      });
      expect(await spread('swap.example.com', 5)).to.deep.equal({ [second.name]: 5 });
      expect(await serverLine('swap', 'nomad01'))
        .to.include(`:${first.port} `)
        .and.include(' disabled');
      expect(await serverLine('swap', 'nomad02'))
        .to.include(`:${second.port} `)
        .and.not.include(' disabled');
      expect(await haproxy.reloads()).to.equal(reloads + 1);
      await connector.stop();
      connector = await world().connect();
    });

    it('forgets nothing that happens to a service while its own commit is in flight', async () => {
      const { start, get, spread } = world();
      const commit = holdCommit();
      const first = await start('hasty', tagsOf('hasty'));
      await commit.held;
      const second = await start('hasty', tagsOf('hasty'));
      await setTimeout(300);
      first.deregister();
      await setTimeout(300);
      commit.letGo();
      await eventually(async () => {
        expect(await get('hasty.example.com')).to.deep.equal(second.answer);
        expect(await spread('hasty.example.com', 4)).to.deep.equal({ [second.name]: 4 });
      });
      await expectStates('hasty', { nomad01: 'maint', nomad02: 'ready' });
    });

    it('brings a service back that returns while its backend is being removed', async () => {
      const { start, get, config } = world();
      const first = await serve('phoenix');
      const commit = holdCommit();
      first.deregister();
      await commit.held;
      const second = await start('phoenix', tagsOf('phoenix'));
      await setTimeout(500);
      commit.letGo();
      await eventually(async () => {
        expect(await get('phoenix.example.com')).to.deep.equal(second.answer);
      });
      await setTimeout(1500);
      expect(await get('phoenix.example.com')).to.deep.equal(second.answer);
      expect(await config()).to.match(/^backend phoenix /m);
      expect(connector.count('stopped by a bug')).to.equal(0);
    });

    it('does not park a slot that was freed and refilled before the file said either', async () => {
      const { start, get, serverLine, states } = world();
      await connector.stop();
      connector = await world().connect({ PERSIST_DELAY_MS: '2000' });
      await serve('park');
      const second = await start('park', tagsOf('park'));
      await expectStates('park', { nomad02: 'ready' });
      const freed = { steps: { 'free-slot': 1 }, services: ['default/park'] };
      second.deregister();
      await connector.logged('changed HAProxy', freed);
      const third = await start('park', tagsOf('park'));
      await expectStates('park', { nomad02: 'ready' });
      await throughout(2500, async () => {
        expect(await states('park')).to.include({ nomad02: 'ready', nomad03: 'maint' });
      });
      expect(await serverLine('park', 'nomad02'))
        .to.include(`:${third.port} `)
        .and.not.include(' disabled');
      third.deregister();
      await expectStates('park', { nomad02: 'drain' });
      await expectStates('park', { nomad02: 'maint' });
      expect((await get('park.example.com')).status).to.equal(200);
      await connector.stop();
      connector = await world().connect();
    });

    it('weighs a canary, promotes it, and refills the slot of one that was taken back', async () => {
      const { start, haproxy } = world();
      const canaryTags = [...tagsOf('canary'), 'haproxy.weight=10'];
      const weights = async (wanted: readonly number[]) => {
        await eventually(async () => {
          const servers = wanted.map((_, at) => haproxy.socat(`get weight canary/nomad0${at + 1}`));
          expect((await Promise.all(servers)).map((said) => Number.parseInt(said, 10))).to.deep.equal(wanted);
        });
      };
      await serve('canary');
      await start('canary', tagsOf('canary'));
      const promoted = await start('canary', canaryTags);
      await expectStates('canary', { nomad01: 'ready', nomad02: 'ready', nomad03: 'ready' });
      await weights([100, 100, 10]);
      const reloads = await haproxy.reloads();
      promoted.change({ Tags: ['haproxy.enable=true', ...tagsOf('canary')] });
      await weights([100, 100, 100]);

      const revoked = await start('canary', canaryTags);
      await expectStates('canary', { nomad04: 'ready' });
      await weights([100, 100, 100, 10]);
      revoked.deregister();
      await expectStates('canary', { nomad04: 'maint' });
      await start('canary', tagsOf('canary'));
      await expectStates('canary', { nomad04: 'ready' });
      await weights([100, 100, 100, 100]);
      expect(await haproxy.reloads()).to.equal(reloads);
    });
  });
});
