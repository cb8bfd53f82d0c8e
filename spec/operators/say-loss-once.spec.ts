import type { Notice } from '../../lib/model/notice.ts';
import { sayLossOnce } from '../../operators/say-loss-once.ts';
import { marbles } from '../support/marbles.ts';

const lost = (message: string, where = ''): Notice => ({
  kind: 'haproxy-lost',
  failure: { kind: 'unreachable', message, where, hint: '' },
});
const values = {
  a: lost('refused', 'GET /v3/info'),
  e: lost('refused', 'GET /v3/services/haproxy/runtime/info'),
  b: lost('timed out'),
  C: { kind: 'haproxy-connected', haproxy: '3.4.0', dataplane: 'v3.4.2' } as Notice,
  o: { kind: 'settled', service: 'default/web' } as Notice,
};

describe('sayLossOnce', () => {
  for (const [what, given, expected, subs] of [
    ['says a reason once, whoever asked', '-a-e-a-|', '-a-----|', '^------!'],
    ['says another reason, and the first again after it', '-a-b-a-|', '-a-b-a-|', '^------!'],
    ['says it anew once HAProxy has answered', '-a-C-a-|', '-a-C-a-|', '^------!'],
    ['passes everything else', '-o-a-o-a-o-|', '-o-a-o---o-|', '^----------!'],
    ['completes with an empty source', '|', '|', '(^!)'],
    ['passes on an error', '-a-#', '-a-#', '^--!'],
  ] as const) {
    it(what, () => {
      marbles(({ hot, expectObservable, expectSubscriptions }) => {
        const source = hot(given, values);
        expectObservable(source.pipe(sayLossOnce())).toBe(expected, values);
        expectSubscriptions(source.subscriptions).toBe(subs);
      });
    });
  }

  it('leaves the source when the consumer does', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('-a-a-a-', values);
      expectObservable(source.pipe(sayLossOnce()), '---!').toBe('-a-', values);
      expectSubscriptions(source.subscriptions).toBe('^--!');
    });
  });

  it('shares nothing between subscriptions', () => {
    marbles(({ cold, expectObservable }) => {
      const said = cold('-a-a|', values).pipe(sayLossOnce());
      expectObservable(said).toBe('-a--|', values);
      expectObservable(said, '--^').toBe('---a--|', values);
    });
  });
});
