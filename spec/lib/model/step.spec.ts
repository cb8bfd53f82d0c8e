import { expect } from 'chai';
import { isLazy, isSlotStep, isStructural, type Step, type StepKind } from '../../../lib/model/step.ts';

const kinds: Readonly<Record<StepKind, { readonly structural: boolean; readonly lazy: boolean }>> = {
  'create-backend': { structural: true, lazy: false },
  'update-backend': { structural: true, lazy: false },
  'remove-backend': { structural: true, lazy: true },
  'grow-slots': { structural: true, lazy: false },
  'update-slots': { structural: true, lazy: false },
  'remove-slots': { structural: true, lazy: true },
  'install-routing': { structural: true, lazy: false },
  'fill-slot': { structural: false, lazy: false },
  'weigh-slot': { structural: false, lazy: false },
  'drain-slot': { structural: false, lazy: false },
  'free-slot': { structural: false, lazy: false },
  'set-route': { structural: false, lazy: false },
  'delete-route': { structural: false, lazy: false },
};

describe('A step', () => {
  for (const [kind, { structural, lazy }] of Object.entries(kinds)) {
    it(`${kind} ${structural ? 'needs a reload' : 'needs no reload'}${lazy ? ', but not at once' : ''}`, () => {
      const step = { kind } as Step;
      expect([isStructural(step), isLazy(step)]).to.deep.equal([structural, lazy]);
    });
  }

  it('moves a slot, needs a reload, or changes a row', () => {
    const slotSteps = Object.keys(kinds).filter((kind) => isSlotStep({ kind } as Step));
    expect(slotSteps).to.deep.equal(['fill-slot', 'weigh-slot', 'drain-slot', 'free-slot']);
  });
});
