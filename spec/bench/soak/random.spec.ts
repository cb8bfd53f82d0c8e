import { expect } from 'chai';
import { createRandom } from '../../../bench/soak/random.ts';

describe('createRandom', () => {
  function draw(seed: number) {
    const { fraction, between, pick, shuffle } = createRandom(seed);
    return [fraction(), between(1, 1000), pick(['a', 'b', 'c']), shuffle([1, 2, 3, 4, 5, 6, 7, 8])];
  }

  it('draws the same from the same seed, and something else from another', () => {
    expect(draw(7)).to.deep.equal(draw(7));
    expect(draw(7)).to.not.deep.equal(draw(8));
  });

  it('stays within its limits, and reaches them', () => {
    const { between, fraction } = createRandom(1);
    const drawn = new Set(Array.from({ length: 1000 }, () => between(3, 6)));
    expect([...drawn].toSorted()).to.deep.equal([3, 4, 5, 6]);
    const fractions = Array.from({ length: 1000 }, fraction);
    expect(Math.min(...fractions)).to.be.within(0, 0.01);
    expect(Math.max(...fractions)).to.be.within(0.99, 1);
  });
});
