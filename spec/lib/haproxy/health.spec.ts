import { expect } from 'chai';
import type { RuntimeServer } from '../../../lib/haproxy/client.ts';
import { createHealthBook } from '../../../lib/haproxy/health.ts';
import { appears, givenView, policy, registration, serving, tagged } from '../../support/given.ts';

const web = registration();
const second = registration({ port: 8002, createIndex: 20 });

function servers(states: Readonly<Record<string, string>>): ReadonlyMap<string, RuntimeServer> {
  return new Map(
    Object.entries(states).map(([name, operationalState]) => [
      name,
      { name, address: '10.0.0.1', port: 1, adminState: 'ready', operationalState },
    ]),
  );
}

function backendOf(
  view = givenView()
    .settle(appears(serving(web, second)))
    .view(),
  name = 'web',
) {
  return view.backends.get(name)!;
}

describe('The health of servers', () => {
  it('is told of those that requests go to', () => {
    const backend = backendOf();
    const book = createHealthBook();
    const seen = servers({ nomad01: 'up', nomad02: 'down', nomad03: 'up', other: 'down' });
    expect(book.note(backend, backend.slots, seen)).to.deep.equal([
      {
        kind: 'health-seen',
        backend: 'web',
        services: ['default/web'],
        servers: { nomad01: 'up', nomad02: 'down' },
      },
    ]);
  });

  it('is told when it is news', () => {
    const backend = backendOf();
    const book = createHealthBook();
    const told = ['up', 'up', 'down', 'down', 'up'].map(
      (state) => book.note(backend, backend.slots, servers({ nomad01: state })).length,
    );
    expect(told).to.deep.equal([1, 0, 1, 0, 1]);
  });

  it('is told anew of another instance in the same slot', () => {
    const book = createHealthBook();
    const [one, other] = [web, second].map((only) =>
      backendOf(
        givenView()
          .settle(appears(serving(only)))
          .view(),
      ),
    );
    const seen = servers({ nomad01: 'up' });
    const told = [one!, other!].map((backend) => book.note(backend, backend.slots, seen).length);
    expect(told).to.deep.equal([1, 1]);
  });

  it('is not told where nobody serves, nor in words that nobody knows, and taken back once', () => {
    const backend = backendOf();
    const book = createHealthBook();
    const told = [servers({}), servers({ nomad01: 'limbo' }), servers({ nomad01: 'up' }), servers({}), servers({})].map(
      (seen) => book.note(backend, backend.slots, seen),
    );
    expect(told.map((notices) => notices.length)).to.deep.equal([0, 0, 1, 1, 0]);
    expect(told[3]).to.deep.include.members([
      { kind: 'health-seen', backend: 'web', services: ['default/web'], servers: {} },
    ]);
  });

  it('names every service with slots in a backend that somebody else wrote', () => {
    const config = 'defaults main\n  mode http\nbackend shop from main\n  balance roundrobin\n';
    const custom = (service: string, port: number) =>
      serving({ ...tagged('haproxy.backend=custom', 'haproxy.backend.name=shop'), service, port, id: service });
    const world = givenView(config, { ...policy, frontends: [] });
    world.settle(appears(custom('a', 1)), appears(custom('b', 2)));
    const backend = backendOf(world.view(), 'shop');
    const [notice] = createHealthBook().note(backend, backend.slots, servers({ nomad01: 'up' }));
    expect(notice).to.deep.include({ services: ['default/a', 'default/b'] });
  });

  it('is forgotten with its backend', () => {
    const backend = backendOf();
    const book = createHealthBook();
    const note = () => book.note(backend, backend.slots, servers({ nomad01: 'up' })).length;
    const first = note();
    book.keep(
      givenView()
        .settle(appears(serving(web)))
        .view(),
    );
    const again = note();
    book.keep(givenView().view());
    expect([first, again, note()]).to.deep.equal([1, 0, 1]);
  });
});
