import { of } from 'rxjs';
import type { Service, ServiceChange, Wish } from '../../lib/model/service.ts';
import { filterManaged } from '../../operators/filter-managed.ts';
import { marbles } from '../support/marbles.ts';

const wish: Wish = {
  kind: 'dynamic',
  backend: 'web',
  mode: 'http',
  balance: 'roundrobin',
  check: { kind: 'none' },
  slots: 4,
  backup: false,
  maxconn: 0,
  routes: [],
};
const plain: Service = {
  key: 'default/web',
  namespace: 'default',
  name: 'web',
  instances: [],
  denials: [],
  problems: [],
};
const managed: Service = { ...plain, wish };

const change = (before?: Service, after?: Service): ServiceChange => ({
  key: 'default/web',
  ...(before && { before }),
  ...(after && { after }),
});
const values = {
  a: change(plain, managed),
  b: change(managed, managed),
  r: change(managed, plain),
  g: change(managed),
  n: change(undefined, managed),
  u: change(plain, plain),
  v: change(undefined, plain),
  w: change(plain),
};

describe('filterManaged', () => {
  it('keeps what is managed before or after', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot(' -a-u-b-v-r-w-g-n-|', values);
      const subs = '       ^----------------!';
      const expected = '   -a---b---r---g-n-|';
      expectObservable(source.pipe(filterManaged())).toBe(expected, values);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('lets snapshot-probed pass', () => {
    marbles(({ hot, expectObservable }) => {
      const mixed = { u: values.u, p: { kind: 'snapshot-probed' } as const };
      const source = hot<ServiceChange | typeof mixed.p>('-u-p-|', mixed);
      expectObservable(source.pipe(filterManaged())).toBe('---p-|', mixed);
    });
  });

  it('completes with an empty source and stays silent with one that never emits', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const empty = cold<ServiceChange>('|');
      const never = cold<ServiceChange>('-');
      expectObservable(empty.pipe(filterManaged())).toBe('|');
      expectObservable(never.pipe(filterManaged()), '^--!').toBe('----');
      expectSubscriptions(never.subscriptions).toBe('^--!');
    });
  });

  it('forwards an error', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' -a-#', values);
      const subs = '        ^--!';
      expectObservable(source.pipe(filterManaged())).toBe('-a-#', values);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('filters a synchronous source', () => {
    marbles(({ expectObservable }) => {
      expectObservable(of(values.u, values.a, values.w, values.g).pipe(filterManaged())).toBe('(ag|)', values);
    });
  });

  it('can be left and subscribed again', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  -a-b-|', values);
      const filtered = source.pipe(filterManaged());
      expectObservable(filtered, '^-!').toBe('-a', values);
      expectObservable(filtered, '---^').toBe('----a-b-|', values);
      expectSubscriptions(source.subscriptions).toBe(['^-!', '---^----!']);
    });
  });
});
