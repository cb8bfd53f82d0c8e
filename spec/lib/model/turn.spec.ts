import { expect } from 'chai';
import type { ServiceKey } from '../../../lib/model/events.ts';
import type { Plan } from '../../../lib/model/plan.ts';
import type { Step } from '../../../lib/model/step.ts';
import { takeTurn, type Turn } from '../../../lib/model/turn.ts';
import type { Service } from '../../../lib/model/service.ts';
import { appears, brief, givenView, goes, serving, registration } from '../../support/given.ts';

const a = 'default/a';
const b = 'default/b';
const c = 'default/c';
const settings = { from: 'main', mode: 'http', balance: 'roundrobin', check: { kind: 'none' } } as const;
const slotSettings = { check: { kind: 'none' }, backup: false, maxconn: 0 } as const;

const [ofA, ofB, ofC] = ['a', 'b', 'c'].map((service) => serving(registration({ service }))) as [
  Service,
  Service,
  Service,
];
const world = givenView().settle(appears(ofA), appears(ofB), appears(ofC));
for (let turns = 0; turns < 2; turns += 1) {
  world.apply(goes(ofC));
  world.wait(30_000);
}
/** There are backends a, b and c with four slots each, and c's service has gone. */
const { view } = world;

const fill = (backend: string, slot: string, address = '10.0.0.1'): Step => ({
  kind: 'fill-slot',
  service: a,
  backend,
  slot,
  address,
  port: 1,
  weight: 100,
  alloc: '',
});
const drain: Step = { kind: 'drain-slot', service: a, backend: 'a', slot: 'nomad01' };
const free: Step = { kind: 'free-slot', service: a, backend: 'a', slot: 'nomad02' };
const weigh: Step = { kind: 'weigh-slot', service: a, backend: 'a', slot: 'nomad01', weight: 5 };
const create: Step = { kind: 'create-backend', service: a, backend: 'new', settings, slotSettings, slots: ['nomad01'] };
const update: Step = { kind: 'update-backend', service: a, backend: 'a', settings, slotSettings };
const grow: Step = { kind: 'grow-slots', service: a, backend: 'a', slotSettings, slots: ['nomad05'] };
const reword: Step = { kind: 'update-slots', service: a, backend: 'a', slotSettings, slots: ['nomad01'] };
const route = (service: ServiceKey, key: string, backend: string): Step => ({
  kind: 'set-route',
  service,
  route: { map: 'exact', key },
  backend,
});
const unroute = (service: ServiceKey, key: string): Step => ({
  kind: 'delete-route',
  service,
  route: { map: 'exact', key },
});
const install = (service: ServiceKey, frontend = 'www'): Step => ({ kind: 'install-routing', service, frontend });
const remove = (dueAt: number, backend = 'b'): Step => ({ kind: 'remove-backend', service: b, backend, dueAt });
const removeSlots = (dueAt: number): Step => ({
  kind: 'remove-slots',
  service: b,
  backend: 'a',
  slots: ['nomad04'],
  dueAt,
});

const empty: Step = { kind: 'remove-backend', service: c, backend: 'c', dueAt: 5000 };
const emptySlots: Step = { kind: 'remove-slots', service: c, backend: 'c', slots: ['nomad04'], dueAt: 5000 };

type Plans = Readonly<Record<ServiceKey, readonly Step[]>>;
type Waiting = Turn['lazy'];

function turn(plans: Plans, reloadWaitMs = 0, waiting: Waiting = new Map(), now = 1000): Turn {
  const entries = Object.entries(plans) as readonly (readonly [ServiceKey, readonly Step[]])[];
  return takeTurn(
    new Map(entries.map(([key, steps]): [ServiceKey, Plan] => [key, { steps }])),
    waiting,
    view(),
    reloadWaitMs,
    now,
  );
}
const stepsOf = ({ steps }: Turn) => steps.map(brief);
const lazyOf = ({ lazy }: Turn) => [...lazy].map(([key, steps]) => [key, ...steps.map(brief)]);

describe('takeTurn', () => {
  it('does nothing of nothing', () => {
    expect(turn({})).to.deep.equal({ steps: [], reloads: false, waits: new Map(), lazy: new Map() });
  });

  it('takes away routes, traffic and sections, then makes sections, slots and routes', () => {
    const all = [
      route(a, 'x', 'new'),
      install(a),
      fill('a', 'nomad03'),
      weigh,
      reword,
      grow,
      update,
      create,
      free,
      drain,
    ];
    const { steps, reloads } = turn({ [a]: all, [b]: [remove(0), removeSlots(0), unroute(b, 'y')] });
    expect(reloads).to.equal(true);
    expect(steps.map(({ kind }) => kind)).to.deep.equal([
      'delete-route',
      'drain-slot',
      'free-slot',
      'remove-slots',
      'remove-backend',
      'create-backend',
      'update-backend',
      'grow-slots',
      'update-slots',
      'weigh-slot',
      'fill-slot',
      'install-routing',
      'set-route',
    ]);
  });

  it('does without a reload what can be done without', () => {
    const { steps, reloads } = turn({
      [a]: [drain, free, weigh, fill('a', 'nomad03'), route(a, 'x', 'a'), unroute(a, 'y')],
    });
    expect([steps.length, reloads]).to.deep.equal([6, false]);
  });

  const needReload: readonly (readonly [what: string, step: Step])[] = [
    ['a new backend', create],
    ['other settings', update],
    ['more slots', grow],
    ['other words in slots', reword],
    ['the routing rule', install(a)],
    ['a host name', fill('a', 'nomad03', 'app.internal')],
    ['a removal that is due', remove(1000)],
  ];
  for (const [what, step] of needReload) {
    it(`reloads for ${what}`, () => {
      expect(turn({ [a]: [step] })).to.deep.include({ steps: [step], reloads: true });
    });

    it(`waits with ${what} while no reload may happen`, () => {
      expect(turn({ [a]: [step] }, 700)).to.deep.equal({
        steps: [],
        reloads: false,
        waits: new Map([[a, 700]]),
        lazy: new Map(),
      });
    });
  }

  it('lets existing slots move while a reload has to wait, and holds what builds on it', () => {
    const steps = [
      create,
      fill('new', 'nomad01'),
      route(a, 'x', 'new'),
      grow,
      fill('a', 'nomad05'),
      drain,
      fill('a', 'nomad03'),
    ];
    const deferred = turn({ [a]: steps, [b]: [unroute(b, 'y')] }, 700);
    expect(stepsOf(deferred)).to.deep.equal([
      'delete-route exact y',
      'drain-slot a/nomad01',
      'fill-slot a/nomad03 10.0.0.1:1',
    ]);
    expect([...deferred.waits]).to.deep.equal([[a, 700]]);
    expect(stepsOf(turn({ [a]: steps }))).to.have.length(7);
  });

  it('reloads for a regex row that goes and cannot be addressed, and waits with it while no reload may happen', () => {
    const there = { ...view(), maps: { ...view().maps, regex: new Map([['^x\\.com$', 'a']]) } };
    const gone: Step = { kind: 'delete-route', service: a, route: { map: 'regex', key: '^x\\.com$' } };
    const come: Step = { kind: 'set-route', service: a, route: { map: 'regex', key: '^y\\.com$' }, backend: 'a' };
    const take = (wait: number) => takeTurn(new Map([[a, { steps: [gone, come] }]]), new Map(), there, wait, 0);
    expect(take(0)).to.deep.include({ reloads: true, steps: [gone, come] });
    expect(take(700)).to.deep.include({ reloads: false, steps: [come], waits: new Map([[a, 700]]) });
  });

  it('keeps a row while what takes its place has to wait', () => {
    const held = turn({ [a]: [create, route(a, 'x', 'new'), unroute(a, 'y'), drain], [b]: [unroute(b, 'z')] }, 700);
    expect(stepsOf(held)).to.deep.equal(['delete-route exact z', 'drain-slot a/nomad01']);
    expect([...held.waits]).to.deep.equal([[a, 700]]);
  });

  describe('with removals', () => {
    it('lets them wait until they are due', () => {
      const waiting = turn({ [b]: [remove(5000)] });
      expect(stepsOf(waiting)).to.deep.equal([]);
      expect([...waiting.waits]).to.deep.equal([[b, 4000]]);
      expect(lazyOf(waiting)).to.deep.equal([[b, 'remove-backend b']]);
    });

    it('takes them along with the next reload, whoever needs it', () => {
      const { lazy } = turn({ [c]: [emptySlots, empty] });
      const reload = turn({ [a]: [create] }, 0, lazy);
      expect(stepsOf(reload)).to.deep.equal(['remove-slots c/nomad04', 'remove-backend c', 'create-backend new of 1']);
      expect(lazyOf(reload)).to.deep.equal([]);
    });

    for (const [what, step] of [
      ['a section where somebody serves', remove(5000)],
      ['slots that are another service’s', removeSlots(5000)],
      ['a slot where somebody serves', { ...removeSlots(5000), backend: 'b', slots: ['nomad01'] } as Step],
      ['slots of which one is no more', { ...emptySlots, slots: ['nomad04', 'nomad99'] } as Step],
    ] as const) {
      it(`drops ${what}: it was free when that was planned`, () => {
        const { lazy } = turn({ [b]: [step] });
        expect(stepsOf(turn({ [a]: [create] }, 0, lazy))).to.deep.equal(['create-backend new of 1']);
      });
    }

    it('takes them along also in the very turn that plans them', () => {
      expect(stepsOf(turn({ [a]: [create], [b]: [remove(5000)] }))).to.deep.equal([
        'remove-backend b',
        'create-backend new of 1',
      ]);
    });

    it('keeps them while turns do without a reload', () => {
      const { lazy } = turn({ [b]: [remove(5000)] });
      const quiet = turn({ [a]: [drain] }, 0, lazy);
      expect([stepsOf(quiet), lazyOf(quiet)]).to.deep.equal([['drain-slot a/nomad01'], [[b, 'remove-backend b']]]);
      expect(lazyOf(turn({ [a]: [create] }, 700, lazy))).to.deep.equal([[b, 'remove-backend b']]);
    });

    it('forgets those of a service that is planned anew', () => {
      const { lazy } = turn({ [b]: [remove(5000)] });
      const back = turn({ [b]: [fill('b', 'nomad02')] }, 0, lazy);
      expect(lazyOf(back)).to.deep.equal([]);
    });

    it('drops those of a backend that is gone', () => {
      const { lazy } = turn({ [b]: [remove(5000, 'gone')] });
      expect(stepsOf(turn({ [a]: [create] }, 0, lazy))).to.deep.equal(['create-backend new of 1']);
    });

    it('drops those of a backend that another service takes over', () => {
      const { lazy } = turn({ [b]: [remove(5000, 'a')] });
      expect(stepsOf(turn({ [a]: [update] }, 0, lazy))).to.deep.equal(['update-backend a']);
      expect(stepsOf(turn({ [a]: [update], [b]: [remove(0, 'a')] }))).to.deep.equal(['update-backend a']);
    });
  });

  it('sets a row that one service gives up and another takes', () => {
    expect(stepsOf(turn({ [a]: [unroute(a, 'x')], [b]: [route(b, 'x', 'b')] }))).to.deep.equal(['set-route exact x b']);
  });

  it('gives a frontend its rule once', () => {
    expect(stepsOf(turn({ [a]: [install(a), install(a, 'two')], [b]: [install(b)] }))).to.deep.equal([
      'install-routing www',
      'install-routing two',
    ]);
  });

  it('waits for the shorter of two times', () => {
    expect([...turn({ [b]: [remove(1200), create] }, 700).waits]).to.deep.equal([[b, 200]]);
    expect([...turn({ [b]: [create, remove(9000)] }, 700).waits]).to.deep.equal([[b, 700]]);
  });
});
