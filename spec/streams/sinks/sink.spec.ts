import { expect } from 'chai';
import type { Plan } from '../../../lib/model/plan.ts';
import { placeAll } from '../../../lib/model/placement.ts';
import { collectPlans } from '../../../streams/sinks/sink.ts';
import { appears, givenView, policy, registration, serving } from '../../support/given.ts';

const [a, b] = ['a', 'b'].map((service) => appears(serving(registration({ service }))));
const placed = placeAll([a!, b!], givenView().view(), policy);
const later = (againMs: number): Plan => ({ steps: [], againMs });

describe('collectPlans', () => {
  it('plans every change by its key, and makes one plan of several', () => {
    const plans = collectPlans(placed, ({ change: { key } }) => (key === 'default/a' ? [later(5), later(3)] : []));
    expect([...plans]).to.deep.equal([
      ['default/a', { steps: [], againMs: 3 }],
      ['default/b', { steps: [] }],
    ]);
  });
});
