import { expect } from 'chai';
import { oncePer } from '../../../lib/model/once-per.ts';

describe('oncePer', () => {
  it('derives once from one and the same value, and anew from an equal one', () => {
    let calls = 0;
    const size = oncePer((list: readonly string[]) => {
      calls += 1;
      return list.length;
    });
    const list = ['a', 'b'];
    expect([size(list), size(list), size([...list]), calls]).to.deep.equal([2, 2, 2, 2]);
  });

  it('remembers undefined as well', () => {
    let calls = 0;
    const found = oncePer((list: readonly string[]) => {
      calls += 1;
      return list.find((one) => one === 'b');
    });
    const list = ['a'];
    expect([found(list), found(list), calls]).to.deep.equal([undefined, undefined, 1]);
  });
});
