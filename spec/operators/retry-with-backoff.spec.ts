import { expect } from 'chai';
import { concat, defer, EMPTY, NEVER, of, take, throwError, VirtualTimeScheduler } from 'rxjs';
import { retryWithBackoff } from '../../operators/retry-with-backoff.ts';
import { marbles } from '../support/marbles.ts';

/** Whole waits, so that marbles show 4, 8, 16 ms. */
const plain = { minMs: 4, maxMs: 16, healthyMs: 40, random: () => 1 };

describe('retryWithBackoff', () => {
  it('subscribes again after an error, waiting twice as long each time up to the longest', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('#');
      const unsub = '      ^ 60ms !';
      const subs = [
        '(^!)',
        '4ms (^!)', //  + 4
        '12ms (^!)', // + 8
        '28ms (^!)', // + 16
        '44ms (^!)', // + 16
        '60ms (^!)',
      ];
      expectObservable(source.pipe(retryWithBackoff(plain)), unsub).toBe('');
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('takes the end of the source for a failure', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' -a-|');
      const unsub = '       ^----------!';
      const subs = ['       ^--!        ', '-------^--!'];
      const expected = '    -a------a---';
      expectObservable(source.pipe(retryWithBackoff(plain)), unsub).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('calls the end of the source "stream ended"', () => {
    const errors: unknown[] = [];
    const onRetry = (error: unknown) => void errors.push(error);
    EMPTY.pipe(retryWithBackoff({ ...plain, onRetry }))
      .subscribe()
      .unsubscribe();
    expect(errors).to.have.length(1);
    expect(errors[0]).to.be.an('error').with.property('message', 'stream ended');
  });

  it('emits what onRetry makes of the failure before it waits', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' -a-#', undefined, 'lost');
      const unsub = '       ^------------------!';
      const subs = ['       ^--!', '-------^--!', '------------------^!'];
      const expected = '    -a-x----a-y---------';
      const onRetry = (error: unknown, delayMs: number) => `${String(error)}, again in ${delayMs} ms`;
      expectObservable(source.pipe(retryWithBackoff({ ...plain, onRetry })), unsub).toBe(expected, {
        a: 'a',
        x: 'lost, again in 4 ms',
        y: 'lost, again in 8 ms',
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('starts over with the shortest wait after an attempt that lived long enough', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const attempts = [cold('#'), cold('#'), cold('a 39ms #'), cold('#')];
      let n = 0;
      const source = defer(() => attempts[n++] ?? NEVER);
      const expected = ' 12ms a';
      expectObservable(source.pipe(retryWithBackoff(plain)), '^ 100ms !').toBe(expected);
      expectSubscriptions(attempts[2]!.subscriptions).toBe('12ms ^ 39ms !');
      expectSubscriptions(attempts[3]!.subscriptions).toBe('56ms (^!)'); // 12 + 40 + 4
    });
  });

  it('does not start over after an attempt that died young', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const attempts = [cold('#'), cold('#'), cold('a 38ms #'), cold('#')];
      let n = 0;
      const source = defer(() => attempts[n++] ?? NEVER);
      expectObservable(source.pipe(retryWithBackoff(plain)), '^ 100ms !').toBe(' 12ms a');
      expectSubscriptions(attempts[3]!.subscriptions).toBe('67ms (^!)'); // 12 + 39 + 16
    });
  });

  it('waits between the half and the whole', () => {
    const waits = (random: number) => {
      const told: number[] = [];
      const scheduler = new VirtualTimeScheduler(undefined, 100_000);
      const onRetry = (_: unknown, delayMs: number) => void told.push(delayMs);
      throwError(() => new Error('lost'))
        .pipe(retryWithBackoff({ random: () => random, scheduler, onRetry }))
        .subscribe();
      scheduler.flush();
      return told.slice(0, 8);
    };
    expect(waits(0)).to.deep.equal([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
    expect(waits(1)).to.deep.equal([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it('stays silent with a source that never emits', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-');
      expectObservable(source.pipe(retryWithBackoff(plain)), '^---!').toBe('-----');
      expectSubscriptions(source.subscriptions).toBe('^---!');
    });
  });

  it('leaves when the consumer does, during the wait too', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' -a-#');
      const unsub = '       ^----!';
      expectObservable(source.pipe(retryWithBackoff(plain)), unsub).toBe('-a----');
      expectSubscriptions(source.subscriptions).toBe('^--!');
    });
  });

  it('stops a synchronous source when the consumer leaves', () => {
    marbles(({ expectObservable }) => {
      const source = concat(
        of('a'),
        throwError(() => new Error('lost')),
      );
      expectObservable(source.pipe(retryWithBackoff(plain), take(2))).toBe('a---(a|)');
    });
  });

  it('counts the failures of each subscription by itself', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('#');
      const kept = source.pipe(retryWithBackoff(plain));
      expectObservable(kept, '^ 5ms !').toBe('');
      expectObservable(kept, '10ms ^ 5ms !').toBe('');
      expectSubscriptions(source.subscriptions).toBe(['(^!)', '4ms (^!)', '10ms (^!)', '14ms (^!)']);
    });
  });
});
