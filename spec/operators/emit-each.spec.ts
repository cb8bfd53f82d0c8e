import { of, take } from 'rxjs';
import { emitEach } from '../../operators/emit-each.ts';
import { marbles } from '../support/marbles.ts';

/** A letter, and how often it is emitted. */
const each = emitEach((text: string) => Array.from({ length: Number(text[1]) }, () => text[0]));
const values = { a: 'a2', b: 'b0', c: 'c1' };

describe('emitEach', () => {
  it('emits all that a value becomes at once, in its order, and nothing for an empty list', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot(' -a---b--c-|', values);
      const subs = '       ^---------!';
      const expected = '   -(aa)---c-|';
      expectObservable(source.pipe(each)).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('completes with an empty source and stays silent with one that never emits', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const never = cold('-');
      expectObservable(cold('|').pipe(each)).toBe('|');
      expectObservable(never.pipe(each), '^--!').toBe('----');
      expectSubscriptions(never.subscriptions).toBe('^--!');
    });
  });

  it('forwards an error, of the source and of the list', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-c-#', values);
      const broken = cold('-c-c', values);
      const fails = emitEach((): readonly string[] => {
        throw new Error('a bug');
      });
      expectObservable(source.pipe(each)).toBe('-c-#');
      expectObservable(broken.pipe(fails)).toBe('-#', {}, new Error('a bug'));
      expectSubscriptions(source.subscriptions).toBe('^--!');
      expectSubscriptions(broken.subscriptions).toBe('^!');
    });
  });

  it('passes a synchronous source through', () => {
    marbles(({ expectObservable }) => {
      expectObservable(of('a2', 'c1').pipe(each)).toBe('(aac|)');
    });
  });

  it('ends in the middle of a list when it is left there', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('-a--c-', values);
      expectObservable(source.pipe(each, take(1))).toBe('-(a|)');
      expectSubscriptions(source.subscriptions).toBe('^!');
    });
  });

  it('can be left and subscribed again', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  -c--a----|', values);
      const result = source.pipe(each);
      expectObservable(result, '^-!').toBe('-c');
      expectObservable(result, '---^').toBe('----c--(aa)-|');
      expectSubscriptions(source.subscriptions).toBe(['^-!', '---^--------!']);
    });
  });
});
