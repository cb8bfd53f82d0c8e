import { expect } from 'chai';
import fc from 'fast-check';
import { createLazyConfig } from '../../../lib/haproxy/lazy-config.ts';
import { mapPaths } from '../../../lib/haproxy/routing.ts';
import { writeSteps } from '../../../lib/haproxy/write-steps.ts';
import type { Step, StepOf } from '../../../lib/model/step.ts';
import type { View } from '../../../lib/model/view.ts';

const paths = mapPaths('/maps', 'nomad');
const service = 'default/web';
const check = { kind: 'none' } as const;
const byHand = 'frontend www\n  bind :80\n\nbackend hand\n  server one 10.9.9.9:80\n';

function creating(backend: string): Step {
  return {
    kind: 'create-backend',
    service,
    backend,
    settings: { from: '', mode: 'http', balance: 'roundrobin', check },
    slotSettings: { check, backup: false, maxconn: 0 },
    slots: ['nomad01', 'nomad02'],
  };
}

const at = { service, backend: 'web', slot: 'nomad01' } as const;
const fill: Step = { kind: 'fill-slot', ...at, address: '10.0.0.1', port: 80, weight: 100, alloc: 'a' };

/** Only such a slot is ever drained: a free one that drains would be a free one to whoever reads the text. */
function isServing(view: View, { backend, slot }: StepOf<'drain-slot'>): boolean {
  return view.backends.get(backend)?.slots.some(({ name, state }) => name === slot && state === 'serving') === true;
}

function givenConfig() {
  const { text } = writeSteps(byHand, [creating('web'), creating('shop')], 'nomad', paths);
  const config = createLazyConfig(text, 'nomad', paths);
  config.view();
  return { config, text };
}

describe('createLazyConfig', () => {
  it('shows a step on a slot in its view and in its text', () => {
    const { config, text } = givenConfig();
    expect(config.write([fill])).to.equal(true);
    expect(config.view().backends.get('web')?.slots[0]).to.include({ state: 'serving', address: '10.0.0.1' });
    expect(config.text()).to.equal(writeSteps(text, [fill], 'nomad', paths).text);
  });

  it('tells what changes nothing', () => {
    const { config } = givenConfig();
    config.write([fill]);
    expect(config.write([fill])).to.equal(false);
    expect(config.write([{ kind: 'weigh-slot', ...at, weight: 100 }])).to.equal(false);
  });

  it('forgets what it was ahead of when the text is replaced', () => {
    const { config, text } = givenConfig();
    config.write([fill]);
    config.replace(text);
    expect(config.text()).to.equal(text);
    expect(config.view().backends.get('web')?.slots[0]?.state).to.equal('free');
  });

  it('comes to the text that writing every step at once comes to, whenever somebody looks', () => {
    const where = fc.record({
      service: fc.constant(service),
      backend: fc.constantFrom('web', 'shop'),
      slot: fc.constantFrom('nomad01', 'nomad02', 'nomad03'),
    });
    const anyStep: fc.Arbitrary<Step> = fc.oneof(
      fc
        .tuple(where, fc.constantFrom('10.0.0.1', '::1', 'app.internal'), fc.constantFrom('a', 'b'))
        .map(([one, address, alloc]): Step => ({ kind: 'fill-slot', ...one, address, port: 80, weight: 7, alloc })),
      where.map((one): Step => ({ kind: 'drain-slot', ...one })),
      where.map((one): Step => ({ kind: 'free-slot', ...one })),
      where.map((one): Step => ({ kind: 'weigh-slot', ...one, weight: 9 })),
      fc.constantFrom('web', 'shop').map((backend): Step => ({
        kind: 'update-backend',
        service,
        backend,
        settings: { from: '', mode: 'http', balance: 'first', check },
        slotSettings: { check, backup: true, maxconn: 0 },
      })),
    );
    const anyTurn = fc.record({ step: anyStep, looks: fc.boolean() });
    fc.assert(
      fc.property(fc.array(anyTurn, { maxLength: 20 }), (turns) => {
        const { config, text } = givenConfig();
        let expected = text;
        for (const { step, looks } of turns) {
          if (step.kind === 'drain-slot' && !isServing(config.view(), step)) continue;
          config.write([step]);
          config.view();
          expected = writeSteps(expected, [step], 'nomad', paths).text;
          if (looks) expect(config.text()).to.equal(expected);
        }
        expect(config.text()).to.equal(expected);
        const read = createLazyConfig(expected, 'nomad', paths).view();
        expect(config.view().backends).to.deep.equal(read.backends);
      }),
    );
  });
});
