import { expect } from 'chai';
import { orderRows } from '../../../lib/haproxy/row-order.ts';
import type { Step, StepOf } from '../../../lib/model/step.ts';
import { appears, brief, givenView, registration, serving } from '../../support/given.ts';

const { view } = givenView().settle(...['a', 'b'].map((service) => appears(serving(registration({ service })))));
const a = 'default/a';
const b = 'default/b';

const set = (key: string, backend: string, service = a): StepOf<'set-route'> => ({
  kind: 'set-route',
  service: service as typeof a,
  route: { map: 'exact', key },
  backend,
});
const unset = (key: string, service = a): StepOf<'delete-route'> => ({
  kind: 'delete-route',
  service: service as typeof a,
  route: { map: 'exact', key },
});
const drain: Step = { kind: 'drain-slot', service: a, backend: 'a', slot: 'nomad01' };
const grow: Step = {
  kind: 'grow-slots',
  service: a,
  backend: 'a',
  slotSettings: { check: { kind: 'none' }, backup: false, maxconn: 0 },
  slots: ['nomad05'],
};

function ordered(entering: StepOf<'set-route'>[], leaving: StepOf<'delete-route'>[], configured: Step[] = []) {
  const { atOnce, before, after } = orderRows(entering, leaving, configured, view());
  return [atOnce, before, after].map((steps) => steps.map(brief));
}

describe('orderRows', () => {
  it('sets what leads to a backend that stands before it deletes', () => {
    expect(ordered([set('x', 'a')], [unset('y')])).to.deep.equal([
      ['set-route exact x a'],
      ['delete-route exact y'],
      [],
    ]);
  });

  it('lets a drain in the same backend pass for nothing', () => {
    expect(ordered([set('x', 'a')], [unset('y')], [drain])[0]).to.deep.equal(['set-route exact x a']);
  });

  it('deletes behind the write what gives way to a row that has to wait for it', () => {
    const create: Step = { ...grow, kind: 'grow-slots', backend: 'new' };
    expect(ordered([set('x', 'new')], [unset('y')], [create])).to.deep.equal([
      [],
      [],
      ['set-route exact x new', 'delete-route exact y'],
    ]);
  });

  it('keeps the rows of a service whose section is written until that is done', () => {
    expect(ordered([], [unset('y'), unset('z', b)], [grow])).to.deep.equal([
      [],
      ['delete-route exact z'],
      ['delete-route exact y'],
    ]);
  });
});
