import { expect } from 'chai';
import type { Connector } from './support/connector.ts';
import { eventually, throughout } from './support/eventually.ts';
import { forEachImage } from './support/haproxy.ts';
import { noRoute, useWorld, type Instance, type World } from './support/world.ts';

const holding = "holding services that Nomad's snapshot misses";
const released = 'let held services go';
const host = (service: string) => `${service}.example.com`;

async function startAll(
  { start }: World,
  Namespace: string,
  ...services: readonly string[]
): Promise<readonly Instance[]> {
  const started: Instance[] = [];
  for (const service of services)
    started.push(await start(service, [`haproxy.domain=${host(service)}`], { Namespace }));
  return started;
}

async function expectServed({ get }: World, instances: readonly Instance[]): Promise<void> {
  for (const { registration, answer } of instances) {
    expect(await get(host(registration.ServiceName))).to.deep.equal(answer);
  }
}

async function expectGone({ get }: World, instances: readonly Instance[]): Promise<void> {
  for (const { registration } of instances) {
    expect(await get(host(registration.ServiceName))).to.deep.equal(noRoute);
  }
}

/** They are gone, and no event says so. */
function lose({ nomad }: World, instances: readonly Instance[]): void {
  nomad.silently(() => {
    for (const { registration } of instances) {
      nomad.deregister(registration.ID, 'ServiceDeregistration', registration.Namespace);
    }
  });
  nomad.endStream();
}

async function stop(connector: Connector): Promise<void> {
  expect(await connector.stop()).to.equal(0);
}

forEachImage((image) => {
  describe('a cluster that loses much at once', () => {
    const world = useWorld(image);

    it('keeps a namespace that its token may not read any more, takes what is new, and goes on when the right is back', async () => {
      const { connect, nomad, start } = world();
      const stays = await startAll(world(), 'default', 'stays');
      const shop = await startAll(world(), 'shop', 'basket', 'till');
      const fresh = await start('fresh', [], { Tags: [] });
      const connector = await connect({ GUARD_CONFIRM_AFTER_MS: '2000' });
      await eventually(() => expectServed(world(), [...stays, ...shop]));
      nomad.hide('shop');
      nomad.silently(() => {
        fresh.change({ Tags: ['haproxy.enable=true', `haproxy.domain=${host('fresh')}`] });
      });
      nomad.endStream();
      const { what, services } = await connector.logged(holding);
      expect(what).to.equal('namespace shop is missing whole');
      expect(services).to.have.members(['shop/basket', 'shop/till']);
      await eventually(() => expectServed(world(), [fresh]));
      expect((await connector.ready()).status).to.equal(200);
      expect((await connector.ready()).body).to.include('namespace shop is missing whole');
      await expectServed(world(), [...stays, ...shop]);
      nomad.mend();
      await connector.logged('held services are back in Nomad');
      expect((await connector.ready()).body).to.not.include('shop');
      await expectServed(world(), [...stays, ...shop]);
      expect(connector.count(released)).to.equal(0);
      await stop(connector);
      for (const one of [...stays, ...shop, fresh]) one.deregister();
    });

    it('serves on when the cluster is emptied, until a second snapshot says the same', async () => {
      const { connect, nomad } = world();
      const all = await startAll(world(), 'default', 'one', 'two', 'three');
      const connector = await connect({ GUARD_CONFIRM_AFTER_MS: '3000' });
      await eventually(() => expectServed(world(), all));
      nomad.restore(1);
      nomad.endStream();
      await connector.logged(holding);
      await throughout(1500, () => expectServed(world(), all));
      expect(connector.count(released)).to.equal(0);
      await connector.logged(released, { by: 'snapshot' });
      await eventually(() => expectGone(world(), all));
      await stop(connector);
    });

    it('holds also what it finds when it starts again', async () => {
      const { connect, states } = world();
      const all = await startAll(world(), 'default', 'four', 'five', 'six');
      const first = await connect({ GUARD_CONFIRM_AFTER_MS: '600000' });
      await eventually(() => expectServed(world(), all));
      lose(world(), all);
      await first.logged(holding);
      await stop(first);
      const second = await connect({ GUARD_CONFIRM_AFTER_MS: '3000' });
      await second.logged(holding);
      await throughout(1500, () => expectServed(world(), all));
      await second.logged(released, { by: 'snapshot' });
      await eventually(async () => {
        await expectGone(world(), all);
        expect(await states('four')).to.deep.equal({});
      });
      await stop(second);
    });

    it('sends nothing to registrations that outlived their allocation, until they are alive again', async () => {
      const { connect, nomad, spread, start } = world();
      const tags = ['haproxy.domain=haunted.example.com'];
      const [alive, ghost] = [await start('haunted', tags), await start('haunted', tags)];
      const connector = await connect({ NOMAD_VERIFY_ALLOCATIONS: 'true' });
      await eventually(async () => {
        expect(await spread('haunted.example.com', 4)).to.deep.equal({ [alive.name]: 2, [ghost.name]: 2 });
      });
      nomad.setAllocation(ghost.registration.AllocID, 'lost');
      nomad.silently(() => nomad.register({ ServiceName: 'plain', Tags: [] }));
      nomad.endStream();
      await connector.logged('ignoring registrations whose allocation is missing or has ended');
      await eventually(async () => {
        expect(await spread('haunted.example.com', 4)).to.deep.equal({ [alive.name]: 4 });
      });
      nomad.setAllocation(ghost.registration.AllocID, 'running');
      nomad.endStream();
      await eventually(async () => {
        expect(await spread('haunted.example.com', 4)).to.deep.equal({ [alive.name]: 2, [ghost.name]: 2 });
      });
      await stop(connector);
      for (const one of [alive, ghost]) one.deregister();
    });

    it("lets it go by an operator's POST", async () => {
      const { connect } = world();
      const all = await startAll(world(), 'default', 'seven', 'eight', 'nine');
      const connector = await connect({ GUARD_CONFIRM_AFTER_MS: '600000', ADMIN_PORT: '0' });
      await eventually(() => expectServed(world(), all));
      lose(world(), all);
      await connector.logged(holding);
      await expectServed(world(), all);
      const { port } = await connector.logged('serving POST /release');
      const answer = await fetch(`http://127.0.0.1:${String(port)}/release`, { method: 'POST' });
      expect(await answer.json())
        .to.have.property('services')
        .with.length(3);
      await eventually(() => expectGone(world(), all));
      await stop(connector);
    });

    it('lets it go by SIGHUP', async () => {
      const { spawn } = world();
      const all = await startAll(world(), 'default', 'ten', 'eleven', 'twelve');
      const connector = await spawn({ GUARD_CONFIRM_AFTER_MS: '600000' });
      await eventually(() => expectServed(world(), all));
      lose(world(), all);
      await connector.logged(holding);
      await expectServed(world(), all);
      connector.hangUp();
      await connector.logged('asked by SIGHUP to let held services go', { services: 3 });
      await eventually(() => expectGone(world(), all));
      await stop(connector);
    });
  });
});
