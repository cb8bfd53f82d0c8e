import { expect } from 'chai';
import fc from 'fast-check';
import { servingInstances } from '../../../lib/model/instance.ts';
import type { Registration } from '../../../lib/model/events.ts';
import { parked } from '../../../lib/model/section.ts';
import { endpoint } from '../../../lib/model/service.ts';
import {
  canMove,
  changeSlot,
  grownSize,
  moveSlots,
  needsReload,
  newSlotNames,
  planSlots,
  type SlotsPlan,
} from '../../../lib/model/slots.ts';
import type { SlotStep, Step } from '../../../lib/model/step.ts';
import type { SlotView, View } from '../../../lib/model/view.ts';
import { appears, brief, enabled, givenView, registration, serving } from '../../support/given.ts';

const drainMs = 30_000;
const at = (port: number, over: Partial<Registration> = {}) => registration({ port, createIndex: port, ...over });

/** `free`, `8001` (serving), `8001 draining`, and how long that has been so: `8001 draining 50`. */
function slotsOf(...texts: readonly string[]): { slots: readonly SlotView[]; ages: ReadonlyMap<string, number> } {
  const ages = new Map<string, number>();
  const slots = texts.map((text, n): SlotView => {
    const name = `nomad0${n + 1}`;
    const [port = '', draining, age = '0'] = text.split(' ');
    const common = { name, service: 'default/web', weight: 100, options: '' } as const;
    if (text === 'free') return { ...common, state: 'free', ...parked, alloc: '' };
    if (draining) ages.set(name, Number(age));
    const state = draining ? 'draining' : 'serving';
    return { ...common, state, address: '10.0.0.1', port: Number(port), alloc: `alloc-${port}` };
  });
  return { slots, ages };
}

function plan(
  texts: readonly string[],
  registrations: readonly Registration[],
  unadmitted: readonly Registration[] = [],
  maxDrainMs = drainMs,
): SlotsPlan {
  const { slots, ages } = slotsOf(...texts);
  const known = new Set([...registrations, ...unadmitted].map(endpoint));
  const instances = servingInstances(registrations.length === 0 ? [] : serving(...registrations).instances);
  const isKnown = (at: string) => known.has(at);
  const wanted = { service: 'default/web', backend: 'web', serving: instances, isKnown } as const;
  return planSlots(wanted, slots, (slot) => ages.get(slot) ?? 0, maxDrainMs);
}

const textsOf = ({ steps }: SlotsPlan) =>
  steps.map((step) => brief(step).replaceAll('web/nomad', '').replaceAll('10.0.0.1', ''));

describe('planSlots', () => {
  const cases: readonly (readonly [
    what: string,
    slots: readonly string[],
    instances: readonly Registration[],
    steps: readonly string[],
  ])[] = [
    ['does nothing where everybody has a slot', ['8001', 'free'], [at(8001)], []],
    ['fills the lowest free slot', ['8001', 'free', 'free'], [at(8001), at(8002)], ['fill-slot 02 :8002']],
    ['fills slots oldest first', ['free', 'free'], [at(8002), at(8001)], ['fill-slot 01 :8001', 'fill-slot 02 :8002']],
    ['drains what nobody has', ['8001', '8002'], [at(8001)], ['drain-slot 02']],
    ['does both at once', ['8001', 'free'], [at(8002)], ['drain-slot 01', 'fill-slot 02 :8002']],
    ['gives an address that comes back its slot', ['8001 draining 5', 'free'], [at(8001)], ['fill-slot 01 :8001']],
    [
      'takes a free slot rather than one that drains',
      ['8001 draining 5000', 'free'],
      [at(8002)],
      ['fill-slot 02 :8002'],
    ],
    [
      'refills the slot that drains longest when none is free',
      ['8001 draining 100', '8002 draining 900'],
      [at(8003)],
      ['fill-slot 02 :8003'],
    ],
    ['parks what has drained long enough', ['8001 draining 30000', '8002 draining 29999'], [], ['free-slot 01']],
    ['lets weights follow', ['8001'], [at(8001, { tags: [enabled, 'haproxy.weight=5'] })], ['weigh-slot 01 5']],
    [
      'fills with the weight',
      ['free'],
      [at(8001, { tags: [enabled, 'haproxy.weight=0'] })],
      ['fill-slot 01 :8001 weight 0'],
    ],
    ['notes another allocation at the same address', ['8001'], [at(8001, { alloc: 'next' })], ['fill-slot 01 :8001']],
    ['leaves one slot to an address that two have', ['8001', '8001'], [at(8001)], ['drain-slot 02']],
    ['does nothing with free slots', ['free', 'free'], [], []],
  ];
  for (const [what, slots, instances, steps] of cases) {
    it(`${what}: ${slots.join(', ')}`, () => {
      expect(textsOf(plan(slots, instances))).to.deep.equal(steps);
    });
  }

  it('leaves a slot alone that serves an instance which is not admitted (yet, after a restart)', () => {
    expect(plan(['8001', 'free'], [], [at(8001)])).to.deep.equal({ steps: [], unplaced: [] });
  });

  it('does not send requests again to an instance that drains and is not admitted', () => {
    expect(plan(['8001 draining 5'], [], [at(8001)]).steps).to.deep.equal([]);
  });

  it('takes over the slots that another service left in the same section', () => {
    const { slots } = slotsOf('8001');
    const instances = servingInstances(serving(at(8001)).instances);
    const wanted = { service: 'default/web', backend: 'web', serving: instances, isKnown: () => false } as const;
    const [step] = planSlots(
      wanted,
      slots.map((slot) => ({ ...slot, service: 'default/old' })),
      () => 0,
      drainMs,
    ).steps;
    expect(step).to.include({ kind: 'fill-slot', slot: 'nomad01', service: 'default/web' });
  });

  describe('comes back', () => {
    const waits: readonly (readonly [what: string, plan: SlotsPlan, againMs: number | undefined])[] = [
      ['never when nothing drains', plan(['8001'], [at(8001)]), undefined],
      ['when what begins to drain is through', plan(['8001', '8002'], [at(8001)]), 30_000],
      ['when the first of those that drain is through', plan(['8001 draining 10000', '8002 draining 1'], []), 20_000],
      ['when a slot may be refilled', plan(['8001 draining 40'], [at(8002)]), 60],
      ['100 ms after a drain that begins now', plan(['8001'], [at(8002)]), 100],
      ['at once where drains take no time', plan(['8001'], [at(8002)], [], 0), 0],
      ['not for a slot that is refilled', plan(['8001 draining 100'], [at(8002)]), undefined],
    ];
    for (const [what, { againMs }, expected] of waits) {
      it(what, () => {
        expect(againMs).to.equal(expected);
      });
    }
  });

  describe('asks for more slots', () => {
    const unplaced = (slots: readonly string[], ...instances: readonly Registration[]) =>
      plan(slots, instances).unplaced.map(({ registration: { port } }) => port);

    it('for those that find none', () => {
      expect(unplaced(['8001', 'free'], at(8001), at(8002), at(8003), at(8004))).to.deep.equal([8003, 8004]);
    });

    it('but not where as many drain: they are refilled sooner than a reload is done', () => {
      expect(unplaced(['8001', '8002'], at(8003), at(8004))).to.deep.equal([]);
      expect(unplaced(['8001', '8002 draining 40'], at(8003), at(8004))).to.deep.equal([]);
      expect(unplaced(['8001', '8002'], at(8003), at(8004), at(8005))).to.deep.equal([8003, 8004, 8005]);
    });
  });

  it('never moves an instance that stays, places each once, and touches no slot twice', () => {
    const ports = fc.uniqueArray(fc.integer({ min: 8001, max: 8008 }), { maxLength: 8 });
    const anySlot = fc.oneof(
      fc.constant('free'),
      fc.integer({ min: 8001, max: 8008 }).map(String),
      fc
        .tuple(fc.integer({ min: 8001, max: 8008 }), fc.constantFrom(0, 50, 100, 30_000))
        .map(([port, age]) => `${port} draining ${age}`),
    );
    const anySlots = fc.uniqueArray(anySlot, {
      maxLength: 8,
      selector: (text) => text.slice(0, 4),
      comparator: (a, b) => a === b && a !== 'free',
    });
    fc.assert(
      fc.property(anySlots, ports, (texts, wanted) => {
        const { slots } = slotsOf(...texts);
        const { steps, unplaced, againMs } = plan(
          texts,
          wanted.map((port) => at(port)),
        );
        const named = steps.map((step: Step) => ('slot' in step ? step.slot : ''));
        expect(new Set(named).size).to.equal(named.length);
        for (const slot of slots) {
          if (slot.state === 'serving' && wanted.includes(slot.port)) expect(named).not.to.include(slot.name);
        }
        const filled = steps.flatMap((step) => (step.kind === 'fill-slot' ? [step.port] : []));
        const stay = slots.filter(({ state, port }) => state === 'serving' && wanted.includes(port)).length;
        const waiting = wanted.length - stay - filled.length - unplaced.length;
        expect(new Set(filled).size).to.equal(filled.length);
        expect(waiting === 0 || againMs !== undefined).to.equal(true);
      }),
    );
  });
});

describe('grownSize', () => {
  const cases: readonly (readonly [have: number, needed: number, size: number])[] = [
    [4, 3, 4],
    [4, 5, 8],
    [8, 9, 16],
    [4, 33, 64],
    [2, 1, 2],
    [2, 3, 4],
    [1, 2, 4],
    [6, 7, 12],
    [200, 201, 256],
    [256, 300, 256],
    [300, 301, 300],
  ];
  for (const [have, needed, size] of cases) {
    it(`is ${size} for ${needed} where there are ${have}`, () => {
      expect(grownSize(have, needed)).to.equal(size);
    });
  }
});

describe('newSlotNames', () => {
  it('counts from 1 with two digits, and skips names that are taken', () => {
    expect(newSlotNames('nomad', 3, new Set())).to.deep.equal(['nomad01', 'nomad02', 'nomad03']);
    expect(newSlotNames('edge', 2, new Set(['edge01', 'edge03']))).to.deep.equal(['edge02', 'edge04']);
    expect(newSlotNames('nomad', 0, new Set())).to.deep.equal([]);
    expect(newSlotNames('nomad', 101, new Set()).at(-1)).to.equal('nomad101');
  });
});

describe('needsReload', () => {
  it('is true for a host name only', () => {
    const fill = (address: string): Step => ({
      kind: 'fill-slot',
      service: 'default/web',
      backend: 'web',
      slot: 'nomad01',
      address,
      port: 1,
      weight: 1,
      alloc: '',
    });
    expect(['10.0.0.1', '::1', 'app.internal'].map((address) => needsReload(fill(address)))).to.deep.equal([
      false,
      false,
      true,
    ]);
    expect(needsReload({ kind: 'drain-slot', service: 'default/web', backend: 'web', slot: 'nomad01' })).to.equal(
      false,
    );
  });
});

const fill: SlotStep = {
  kind: 'fill-slot',
  service: 'default/web',
  backend: 'web',
  slot: 'nomad01',
  address: '10.0.0.9',
  port: 9,
  weight: 5,
  alloc: 'next',
};
const drain: SlotStep = { kind: 'drain-slot', service: 'default/web', backend: 'web', slot: 'nomad01' };
const free: SlotStep = { ...drain, kind: 'free-slot' };
const weigh: SlotStep = { ...drain, kind: 'weigh-slot', weight: 7 };

describe('changeSlot', () => {
  const [slot] = slotsOf('8001').slots;
  const cases: readonly (readonly [step: SlotStep, after: Partial<SlotView>])[] = [
    [fill, { state: 'serving', address: '10.0.0.9', port: 9, weight: 5, alloc: 'next' }],
    [drain, { state: 'draining' }],
    [free, { state: 'free', ...parked, alloc: '' }],
    [weigh, { weight: 7 }],
  ];
  for (const [step, after] of cases) {
    it(`is what ${brief(step)} makes of it`, () => {
      expect(changeSlot(slot!, step)).to.deep.equal({ ...slot, ...after });
    });
  }
});

describe('canMove', () => {
  const { view } = givenView().settle(appears(serving(at(8001))));
  const able = (runtime: View['runtime'], step: Step) => canMove(step, { ...view(), runtime });
  const cases: readonly (readonly [what: string, step: Step, nothing: boolean, state: boolean, address: boolean])[] = [
    ['a drain', drain, false, true, true],
    ['a fill', fill, false, false, true],
    ['a weight', weigh, false, false, true],
    ['the end of a drain', free, false, false, true],
    ['a host name', { ...fill, address: 'app.internal' }, false, false, false],
    ['a slot that is not there', { ...drain, slot: 'nomad99' }, false, false, false],
    ["a slot of another service's section", { ...fill, service: 'default/other' }, false, false, false],
    ['a backend that is not there', { ...drain, backend: 'other' }, false, false, false],
    ['a row', { kind: 'delete-route', service: 'default/web', route: { map: 'exact', key: 'a' } }, false, false, false],
  ];
  for (const [what, step, ...expected] of cases) {
    it(`of ${what} is ${expected.join(', ')} where the process takes nothing, states, addresses`, () => {
      expect((['nothing', 'state', 'address'] as const).map((runtime) => able(runtime, step))).to.deep.equal(expected);
    });
  }
});

describe('moveSlots', () => {
  const { view } = givenView().settle(...['web', 'db'].map((service) => appears(serving(at(8001, { service })))));

  it('changes the slots that the steps name, and nothing else, to the identity', () => {
    const before = view();
    const after = moveSlots(before, [drain, { ...fill, slot: 'nomad02' }, { ...drain, backend: 'gone' }]);
    const states = after.backends.get('web')?.slots.map(({ state }) => state);
    expect(states).to.deep.equal(['draining', 'serving', 'free', 'free']);
    expect(after.backends.get('db')).to.equal(before.backends.get('db'));
    expect(after.maps).to.equal(before.maps);
    expect(before.backends.get('web')?.slots[0]?.state).to.equal('serving');
  });
});
