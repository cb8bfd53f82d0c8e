import { expect } from 'chai';
import { createBudget, reloadWaitMs, spendReload } from '../../../lib/model/reload-budget.ts';

describe('A reload budget of 3 and one more every 2 s', () => {
  it('allows three at once, then one every two seconds', () => {
    const budget = createBudget(3, 2000, 0);
    for (const now of [0, 10, 20]) {
      expect(reloadWaitMs(budget, now)).to.equal(0);
      spendReload(budget, now);
    }
    expect(reloadWaitMs(budget, 500)).to.equal(1500);
    expect(reloadWaitMs(budget, 2000)).to.equal(0);
    spendReload(budget, 2000);
    expect(reloadWaitMs(budget, 2001)).to.equal(1999);
  });

  it('saves no more than three', () => {
    const budget = createBudget(3, 2000, 0);
    for (let n = 0; n < 3; n += 1) spendReload(budget, 1_000_000);
    expect(reloadWaitMs(budget, 1_000_000)).to.equal(2000);
  });

  it('loses no part of an interval by being asked', () => {
    const budget = createBudget(1, 2000, 0);
    spendReload(budget, 0);
    for (const now of [700, 1400, 1999]) expect(reloadWaitMs(budget, now)).to.equal(2000 - now);
    expect(reloadWaitMs(budget, 2000)).to.equal(0);
  });
});
