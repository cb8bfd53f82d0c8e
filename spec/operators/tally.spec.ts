import { expect } from 'chai';
import { of, take } from 'rxjs';
import type { Tallied } from '../../lib/model/tally.ts';
import { tally } from '../../operators/tally.ts';
import { marbles } from '../support/marbles.ts';

const values = { a: { key: 'a' }, b: { key: 'b' }, m: { kind: 'snapshot-probed' } };

function counting() {
  const counted: Tallied[] = [];
  return { counted, count: (what: Tallied) => counted.push(what) };
}

describe('tally', () => {
  it('is the very source when nobody counts', () => {
    const source = of(values.a);
    expect(source.pipe(tally('events', undefined))).to.equal(source);
  });

  it('counts one more for each value, and changes nothing', () => {
    const { counted, count } = counting();
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  -a-b-m-|', values);
      const subs = '         ^------!';
      const expected = '     -a-b-m-|';
      expectObservable(source.pipe(tally('events', count))).toBe(expected, values);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
    expect(counted).to.deep.equal(['events', 'events', 'events']);
  });

  it('takes what is said among changes for no change', () => {
    const { counted, count } = counting();
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('-a-m-b-|', values).pipe(tally('changes', count))).toBe('-a-m-b-|', values);
    });
    expect(counted).to.deep.equal(['changes', 'changes']);
  });

  it('forwards an error, and stops with its subscriber', () => {
    const { counted, count } = counting();
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      expectObservable(cold('-a-#', values).pipe(tally('batches', count))).toBe('-a-#', values);
      const source = cold('-a-b-', values);
      expectObservable(source.pipe(tally('batches', count), take(1))).toBe('-(a|)', values);
      expectSubscriptions(source.subscriptions).toBe('^!');
    });
    expect(counted).to.deep.equal(['batches', 'batches']);
  });
});
