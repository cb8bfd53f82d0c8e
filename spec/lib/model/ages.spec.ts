import { expect } from 'chai';
import { createAgeBook, forgetAges, noteAges, readAges } from '../../../lib/model/ages.ts';
import type { ServiceKey } from '../../../lib/model/events.ts';
import { appears, becomes, givenView, goes, registration, serving, tagged, type World } from '../../support/given.ts';

const key = 'default/web';
const two = serving(registration(), registration({ port: 8002 }));
const one = serving(registration());

const drained = (world: World) => {
  world.apply(becomes(two, one));
  return world.view();
};

describe('An age book', () => {
  it('counts a drain from when it is first seen, until it ends', () => {
    const book = createAgeBook();
    const world = givenView().settle(appears(two));
    noteAges(book, world.view(), [key], 100);
    expect(readAges(book, 500).drainingForMs('web', 'nomad02')).to.equal(0);
    const view = drained(world);
    noteAges(book, view, [key], 1000);
    noteAges(book, view, [key], 3000);
    expect(readAges(book, 4000).drainingForMs('web', 'nomad02')).to.equal(3000);
    expect(readAges(book, 4000).drainingForMs('web', 'nomad01')).to.equal(0);
    world.apply(becomes(one, two));
    noteAges(book, world.view(), [key], 5000);
    expect(book.draining.size).to.equal(0);
  });

  it('counts since when nothing serves or drains', () => {
    const book = createAgeBook();
    const world = givenView().settle(appears(one));
    noteAges(book, world.view(), [key], 0);
    expect(readAges(book, 50).emptyForMs('web', key)).to.equal(0);
    world.apply(goes(one));
    noteAges(book, world.view(), [key], 100);
    expect(readAges(book, 150).emptyForMs('web', key)).to.equal(0);
    world.wait(30_000).apply(goes(one));
    noteAges(book, world.view(), [key], 200);
    expect(readAges(book, 250).emptyForMs('web', key)).to.equal(50);
    world.apply(appears(one));
    noteAges(book, world.view(), [key], 300);
    expect(readAges(book, 350).emptyForMs('web', key)).to.equal(0);
  });

  it('knows nothing of services that were not looked at', () => {
    const book = createAgeBook();
    const view = drained(givenView().settle(appears(two)));
    noteAges(book, view, ['default/other'], 0);
    expect([book.draining.size, book.empty.size]).to.deep.equal([0, 0]);
  });

  it('forgets what a removal took away, and of a shared backend nothing else', () => {
    const book = createAgeBook();
    const shared = (service: string) =>
      serving({ ...tagged('haproxy.backend=custom', 'haproxy.backend.name=no_route'), service, id: service });
    const [a, b] = [shared('a'), shared('b')];
    const world = givenView().settle(appears(a), appears(b));
    world.apply(goes(a), goes(b));
    const keys: readonly ServiceKey[] = ['default/a', 'default/b'];
    noteAges(book, world.view(), keys, 0);
    const draining = () => [...(book.draining.get('no_route')?.keys() ?? [])];
    expect(draining()).to.deep.equal(['nomad01', 'nomad05']);
    const slots = ['nomad01', 'nomad02', 'nomad03', 'nomad04'];
    forgetAges(book, [{ kind: 'remove-slots', service: 'default/a', backend: 'no_route', slots, dueAt: 0 }]);
    expect(draining()).to.deep.equal(['nomad05']);
    forgetAges(book, [{ kind: 'drain-slot', service: 'default/b', backend: 'no_route', slot: 'nomad05' }]);
    expect(draining()).to.deep.equal(['nomad05']);
    forgetAges(book, [{ kind: 'remove-backend', service: 'default/b', backend: 'no_route', dueAt: 0 }]);
    expect(book.draining.size).to.equal(0);
  });
});
