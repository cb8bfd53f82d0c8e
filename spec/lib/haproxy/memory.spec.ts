import { expect } from 'chai';
import fc from 'fast-check';
import { createMemory, notePending, parkedSlots, tookPending, type Memory } from '../../../lib/haproxy/memory.ts';
import { mapPaths } from '../../../lib/haproxy/routing.ts';
import { changeSlot } from '../../../lib/model/slots.ts';
import type { SlotStep } from '../../../lib/model/step.ts';
import type { SlotView } from '../../../lib/model/view.ts';
import { appears, givenView, registration, serving } from '../../support/given.ts';

const where = { service: 'default/web', backend: 'web', slot: 'nomad01' } as const;
const fill = (port: number): SlotStep => ({
  ...where,
  kind: 'fill-slot',
  address: '10.0.0.1',
  port,
  weight: 100,
  alloc: `a${port}`,
});
const drain: SlotStep = { ...where, kind: 'drain-slot' };
const free: SlotStep = { ...where, kind: 'free-slot' };
const weigh = (weight: number): SlotStep => ({ ...where, kind: 'weigh-slot', weight });

function pendingAfter(...steps: readonly SlotStep[]): readonly SlotStep[] {
  const memory = createMemory();
  for (const step of steps) notePending(memory, [step]);
  return memory.pending;
}

describe('what is pending', () => {
  it('is forgotten when a newer step of the slot says all that it said', () => {
    expect(pendingAfter(fill(1), weigh(5), drain, fill(2))).to.deep.equal([fill(2)]);
    expect(pendingAfter(fill(1), weigh(5), drain, free)).to.deep.equal([drain, free]);
    expect(pendingAfter(fill(1), weigh(5), weigh(6))).to.deep.equal([fill(1), weigh(6)]);
    expect(pendingAfter(fill(1), { ...drain, slot: 'nomad02' }, { ...free, backend: 'other' })).to.have.length(3);
  });

  it('is what a write had not in its text, also where newer steps have taken the place of some that it had', () => {
    const memory = createMemory();
    notePending(memory, [fill(1), { ...drain, slot: 'nomad02' }]);
    const inText = memory.pending;
    notePending(memory, [fill(2)]);
    tookPending(memory, inText);
    expect(memory.pending).to.deep.equal([fill(2)]);
  });

  it('stays small, and leaves each slot as all of the steps would have, but for the weight of one that was freed', () => {
    const slots = ['nomad01', 'nomad02'];
    const step = fc
      .oneof(fc.nat(9).map(fill), fc.constantFrom(drain, free), fc.nat(256).map(weigh))
      .chain((one) => fc.constantFrom(...slots).map((slot): SlotStep => ({ ...one, slot })));
    const start: SlotView = {
      name: '',
      service: 'default/web',
      state: 'serving',
      address: '10.0.0.9',
      port: 9,
      weight: 7,
      alloc: 'a9',
      options: '',
    };
    const end = (steps: readonly SlotStep[]) =>
      slots.map((name) => steps.filter(({ slot }) => slot === name).reduce(changeSlot, start)).map(weightless);
    const weightless = (slot: SlotView) => (slot.alloc === '' ? { ...slot, weight: 0 } : slot);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const pending = pendingAfter(...steps);
        expect(pending.length).to.be.at.most(3 * slots.length);
        expect(end(pending)).to.deep.equal(end(steps));
      }),
    );
  });
});

describe('a slot that is known to be parked', () => {
  const { view } = givenView().settle(appears(serving(registration())));
  const none = new Map<string, string>();
  const known = {
    file: { version: 1, text: '' },
    rows: { exact: none, prefix: none, regex: none },
    paths: mapPaths('/maps', 'nomad'),
    view: view(),
  };
  const memory = (over: Partial<Memory> = {}): Memory => ({ ...createMemory(), known, uncompared: false, ...over });
  const second = { ...fill(8002), slot: 'nomad02' };
  const parkedIn = (one: Memory) => [...parkedSlots(one, [fill(8001), second])];

  it('is one that is free', () => {
    expect(parkedIn(memory())).to.deep.equal(['web/nomad02']);
  });

  it('is none that was freed or filled since the file was written: the process may have it where it was', () => {
    const pending = [{ ...free, slot: 'nomad02' }];
    expect(parkedIn(memory({ pending }))).to.deep.equal([]);
  });

  it('is none before the process was compared with what was read, nor where nothing is known', () => {
    expect(parkedIn(memory({ uncompared: true }))).to.deep.equal([]);
    expect(parkedIn(memory({ known: undefined }))).to.deep.equal([]);
  });
});
