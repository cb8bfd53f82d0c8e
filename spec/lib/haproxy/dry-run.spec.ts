import { expect } from 'chai';
import fc from 'fast-check';
import { parseConfig } from '../../../lib/haproxy/config-text.ts';
import { createTwin, plainConfig, plainFrontend } from '../../../lib/haproxy/dry-run.ts';
import { readSlot } from '../../../lib/haproxy/marks.ts';
import { isRoutingLine } from '../../../lib/haproxy/routing.ts';
import { servingInstances } from '../../../lib/model/instance.ts';
import type { Event, ServiceKey } from '../../../lib/model/events.ts';
import { isTransient } from '../../../lib/model/failure.ts';
import { place } from '../../../lib/model/placement.ts';
import { grantedRoutes } from '../../../lib/model/plan-routes.ts';
import { endpoint, mergeChanges, type ServiceChange } from '../../../lib/model/service.ts';
import type { Step } from '../../../lib/model/step.ts';
import {
  admitted,
  appears,
  deregistered,
  enabled,
  given,
  givenView,
  policy,
  registered,
  registration,
  serving,
  snapshot,
  valueOf,
} from '../../support/given.ts';

const service: ServiceKey = 'default/web';
const check = { kind: 'none' } as const;
const create: Step = {
  kind: 'create-backend',
  service,
  backend: 'web',
  settings: { from: 'main', mode: 'http', balance: 'roundrobin', check },
  slotSettings: { check, backup: false, maxconn: 0 },
  slots: ['nomad01'],
};
const fill: Step = {
  kind: 'fill-slot',
  service,
  backend: 'web',
  slot: 'nomad01',
  address: '10.0.0.1',
  port: 80,
  weight: 100,
  alloc: 'a',
};
const setRoute: Step = { kind: 'set-route', service, route: { map: 'exact', key: 'a.com' }, backend: 'web' };
const deleteRoute: Step = { kind: 'delete-route', service, route: { map: 'exact', key: 'a.com' } };

describe('The twin of HAProxy', () => {
  it('starts from a configuration with one frontend, and answers at once', () => {
    const { end } = createTwin(plainConfig, 'nomad');
    const view = valueOf(end.read());
    expect([...view.frontends.keys()]).to.deep.equal([plainFrontend]);
    expect(view.version).to.equal(1);
    expect(valueOf(end.read())).to.equal(view);
  });

  const writes: readonly (readonly [what: string, steps: readonly Step[], lanes: readonly string[], cost: string])[] = [
    ['structure', [create], ['commit reloaded v3'], '1 commits, 1 reloads'],
    ['a slot', [fill], ['slots v3'], '1 commits, 0 reloads'],
    ['a host name', [{ ...fill, address: 'app.internal' }], ['commit reloaded v3'], '1 commits, 1 reloads'],
    ['a row', [setRoute], ['maps'], '0 commits, 0 reloads'],
    ['a slot and a row', [fill, setRoute], ['slots v3', 'maps'], '1 commits, 0 reloads'],
    ['what is so already', [], [], '0 commits, 0 reloads'],
  ];
  for (const [what, steps, lanes, cost] of writes) {
    it(`takes ${what} by ${lanes.join(' and ') || 'no lane'}`, () => {
      const { end, state } = createTwin(plainConfig, 'nomad');
      if (what === 'structure') valueOf(end.apply(valueOf(end.read()), [{ ...create, backend: 'other' }]));
      else valueOf(end.apply(valueOf(end.read()), [create]));
      const before = { ...state };
      const { conflict, refused, notices } = valueOf(end.apply(valueOf(end.read()), steps));
      expect([conflict, refused.size]).to.deep.equal([false, 0]);
      expect(
        notices.map((notice) => {
          if (notice.kind !== 'applied') return notice.kind;
          const { lane, reloaded, version } = notice;
          return [lane, ...(reloaded ? ['reloaded'] : []), ...(version ? [`v${version}`] : [])].join(' ');
        }),
      ).to.deep.equal(lanes);
      expect(`${state.commits - before.commits} commits, ${state.reloads - before.reloads} reloads`).to.equal(cost);
    });
  }

  it('sets and deletes rows', () => {
    const { end, state } = createTwin(plainConfig, 'nomad');
    valueOf(end.apply(valueOf(end.read()), [create, setRoute]));
    expect([...state.maps.exact]).to.deep.equal([['a.com', 'web']]);
    expect(valueOf(end.read()).rowsOf.get('web')).to.deep.equal([{ map: 'exact', key: 'a.com' }]);
    valueOf(end.apply(valueOf(end.read()), [deleteRoute]));
    expect(state.maps.exact.size).to.equal(0);
  });

  it('writes nothing from a view that is no longer true, and reads anew', () => {
    const { end, state } = createTwin(plainConfig, 'nomad');
    const view = valueOf(end.read());
    state.text += '\nbackend hand\n';
    state.version += 1;
    expect(valueOf(end.apply(view, [create])).conflict).to.equal(true);
    expect([state.commits, valueOf(end.read()).backends.has('hand')]).to.deep.equal([0, true]);
  });

  it('has nothing to say by itself', () => {
    const said: unknown[] = [];
    createTwin(plainConfig, 'nomad').end.watch.subscribe({
      next: (one) => said.push(one),
      error: (error: unknown) => said.push(error),
    });
    expect(said).to.deep.equal([]);
  });
});

describe('The law: what is planned and applied is not planned again', () => {
  const base = `# by hand
defaults main
  mode http

frontend www from main
  bind :80
  acl api path_beg /api
  use_backend legacy if api { src 10.0.0.0/8 }
  default_backend legacy

# shared with others
backend legacy from main
  balance leastconn
  server hand 10.9.9.9:80 check # {"comment":"by hand"}

backend stream from main
  mode tcp
  server hand 10.9.9.9:81
`;

  const wishes = [
    [],
    ['haproxy.domain=x.com'],
    ['haproxy.domain=x.com,y.com', 'haproxy.maxconn=3'],
    ['haproxy.domain=x.', 'haproxy.domain.type=prefix'],
    ['haproxy.weight=5', 'haproxy.slots=1'],
    ['haproxy.mode=tcp'],
    ['haproxy.backend.name=taken', 'haproxy.domain=y.com'],
    ['haproxy.backend=custom', 'haproxy.backend.name=legacy', 'haproxy.domain=y.com'],
    ['haproxy.backend=custom', 'haproxy.backend.name=stream', 'haproxy.domain=x.com'],
    ['haproxy.backend=custom', 'haproxy.backend.name=missing'],
    ['haproxy.backend.name=legacy'],
    ['haproxy.backend.name=legacy', 'haproxy.backend.strategy=create_new'],
    ['haproxy.backend.name=legacy', 'haproxy.backend.strategy=fail_on_conflict'],
  ];
  const anyRegistration = fc
    .record({
      service: fc.constantFrom('a', 'b', 'c'),
      port: fc.integer({ min: 8001, max: 8006 }),
      alloc: fc.constantFrom('1', '2', '3', '4', '5', '6'),
      createIndex: fc.integer({ min: 1, max: 99 }),
      tags: fc.oneof(
        { weight: 1, arbitrary: fc.constant<string[]>([]) },
        { weight: 9, arbitrary: fc.constantFrom(...wishes).map((tags) => [enabled, ...tags]) },
      ),
    })
    .map((over) => registration(over));
  const anyEvents = fc.oneof(
    { weight: 6, arbitrary: anyRegistration.map((one): readonly Event[] => [registered(one), admitted(one)]) },
    { weight: 1, arbitrary: anyRegistration.map((one): readonly Event[] => [registered(one)]) },
    { weight: 3, arbitrary: anyRegistration.map((one): readonly Event[] => [deregistered(one)]) },
    {
      weight: 1,
      arbitrary: fc
        .uniqueArray(anyRegistration, { selector: ({ id }) => id, maxLength: 6 })
        .map((list): readonly Event[] => [snapshot(list), ...list.map(admitted)]),
    },
  );
  const anyTurn = fc.record({ events: anyEvents, waitMs: fc.constantFrom(0, 50, 1000, 31_000, 400_000) });

  const foreignOf = (text: string) =>
    parseConfig(text)
      .filter(({ lines }) => !lines.some((line) => line.trim().startsWith('description nomad ')))
      .flatMap(({ lines }) => lines)
      .filter((line) => readSlot('nomad', line) === undefined && !isRoutingLine('nomad', line))
      .join('\n')
      .trimEnd();

  /** Runs what happened through catalog, sinks and twin, turn by turn, as the pipeline does. */
  function live(turns: readonly { readonly events: readonly Event[]; readonly waitMs: number }[]) {
    const catalog = given(snapshot([]));
    const world = givenView(base);
    const pending = new Map<ServiceKey, ServiceChange>();
    const all = () => [...pending.values()];
    for (const { events, waitMs } of turns) {
      for (const change of events.flatMap((event) => catalog.changes(event))) {
        const earlier = pending.get(change.key);
        pending.set(change.key, earlier === undefined ? change : mergeChanges(earlier, change));
      }
      world.apply(...all());
      expect(foreignOf(world.state.text)).to.equal(base.trimEnd());
      world.wait(waitMs);
    }
    return { catalog, world, pending: all };
  }

  const runs = { numRuns: 100 };

  it('whatever happens, in the end nothing is left to do and nothing of others has changed', () => {
    fc.assert(
      fc.property(fc.array(anyTurn, { maxLength: 12 }), (turns) => {
        const { world, pending } = live(turns);
        world.settle(...pending());
        expect(world.plans(...pending())).to.deep.equal([]);
        expect(foreignOf(world.state.text)).to.equal(base.trimEnd());
      }),
      runs,
    );
  });

  it('a second turn at once has only to leave what the first one moved away from, or what waited for that', () => {
    fc.assert(
      fc.property(fc.array(anyTurn, { maxLength: 12 }), (turns) => {
        const { world, pending } = live(turns);
        const isWaiting = ({ after }: ServiceChange) => {
          const placement = place(after, world.view(), policy);
          return placement.kind === 'refused' && isTransient(placement.failure);
        };
        const placed = pending().filter((change) => !isWaiting(change));
        world.apply(...pending());
        const left = placed.flatMap(({ key, after }) => {
          const placement = place(after, world.view(), policy);
          const home = 'backend' in placement ? placement.backend : undefined;
          return (world.view().backendsOf.get(key) ?? []).filter((name) => name !== home);
        });
        const again = world.apply(...placed);
        expect(again.filter((step) => !left.some((name) => step.includes(name)))).to.deep.equal([]);
        expect(world.apply(...placed)).to.deep.equal([]);
      }),
      runs,
    );
  });

  it('every instance that serves has one serving slot where its service belongs, and nobody else has one', () => {
    fc.assert(
      fc.property(fc.array(anyTurn, { maxLength: 12 }), (turns) => {
        const { catalog, world, pending } = live(turns);
        world.settle(...pending());
        const { backends } = world.view();
        for (const one of catalog.services()) {
          const placement = place(one, world.view(), policy);
          if (placement.kind === 'refused') continue;
          const home = 'backend' in placement ? placement.backend : undefined;
          const known = new Set(one.instances.map(({ registration: at }) => endpoint(at)));
          const lines = [...backends.values()].flatMap(({ name, slots }) =>
            slots
              .filter((slot) => slot.service === one.key && slot.state === 'serving')
              .map((slot) => ({ name, at: endpoint(slot) })),
          );
          for (const { name, at } of lines) expect([name, known.has(at)]).to.deep.equal([home, true]);
          const wanted = home === undefined ? [] : servingInstances(one.instances).keys();
          for (const at of wanted) {
            expect(
              lines.filter((line) => line.at === at),
              `${one.key} ${at}`,
            ).to.have.length(1);
          }
        }
      }),
      runs,
    );
  });

  it('every granted domain leads to its service, and no row leads nowhere', () => {
    fc.assert(
      fc.property(fc.array(anyTurn, { maxLength: 12 }), (turns) => {
        const { catalog, world, pending } = live(turns);
        world.settle(...pending());
        const { backends, maps } = world.view();
        for (const one of catalog.services()) {
          const placement = place(one, world.view(), policy);
          if (!('backend' in placement) || backends.get(placement.backend)?.mode === 'tcp') continue;
          for (const { map, key } of grantedRoutes(one)) expect(maps[map].get(key)).to.equal(placement.backend);
        }
        for (const map of Object.values(maps))
          for (const name of map.values()) expect(backends.has(name)).to.equal(true);
      }),
      runs,
    );
  });

  it('a restart of the connector finds nothing to do', () => {
    fc.assert(
      fc.property(fc.array(anyTurn, { maxLength: 12 }), (turns) => {
        const { catalog, world, pending } = live(turns);
        world.settle(...pending());
        const restarted = givenView(world.state.text);
        for (const map of ['exact', 'prefix', 'regex'] as const) {
          for (const [key, backend] of world.state.maps[map]) restarted.state.maps[map].set(key, backend);
        }
        expect(restarted.plans(...catalog.services().map(appears))).to.deep.equal([]);
      }),
      runs,
    );
  });

  it('scaling within the slots never reloads', () => {
    const scale = (count: number) =>
      serving(...Array.from({ length: count }, (_, n) => registration({ port: 8001 + n, createIndex: n })));
    const sizes = fc.array(
      fc.record({ count: fc.integer({ min: 1, max: 4 }), waitMs: fc.constantFrom(0, 5, 100, 40_000) }),
    );
    fc.assert(
      fc.property(sizes, (steps) => {
        const world = givenView(base).settle(appears(scale(1)));
        for (const { count, waitMs } of steps) {
          world.apply(appears(scale(count)));
          world.wait(waitMs);
        }
        expect(world.settle(appears(scale(2))).state.reloads).to.equal(1);
      }),
      runs,
    );
  });
});
