import { asyncScheduler, filter, map, mergeMap, NEVER, of, toArray } from 'rxjs';
import type { ServiceChange } from '../../lib/model/service.ts';
import { resync } from '../../streams/resync.ts';
import { appears, becomes, enabled, goes, registration, serving, stays } from '../support/given.ts';
import { marbles } from '../support/marbles.ts';

const web = serving(registration());
const other = serving(registration({ tags: [enabled, 'haproxy.maxconn=5'] }));
const off = serving(registration({ tags: [] }));
const db = serving(registration({ service: 'db' }));

type Value = ServiceChange | { readonly kind: 'snapshot-probed' };
const values: Readonly<Record<string, Value>> = {
  a: appears(web),
  b: becomes(web, other),
  o: becomes(web, off),
  g: goes(web),
  d: appears(db),
  p: { kind: 'snapshot-probed' },
  // looked at again
  A: stays(web),
  B: stays(other),
  D: stays(db),
  M: { ...stays(web), moved: true },
  N: { ...stays(db), moved: true },
};

const drift = {
  kind: 'drift-found',
  where: 'server web/nomad01',
  what: 'state',
  differs: 'drain',
  repair: 'planned',
} as const;
const notices = {
  x: { kind: 'haproxy-moved', what: 'HAProxy was reloaded' },
  w: { ...drift, service: web.key },
  r: { ...drift, where: 'map nomad-exact.map', what: 'rows', repair: 'mended' },
} as const;

const scheduler = asyncScheduler;

describe('resync', () => {
  it('passes everything on, and adds nothing when it is off', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot<Value>(' -a-p-b-|', values);
      const subs = '              ^------!';
      const expected = '          -a-p-b-|';
      expectObservable(source.pipe(resync({ periodMs: 0, moved: NEVER, scheduler }))).toBe(expected, values);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('looks at each service once in a period, however few there are, and as it is by then', () => {
    marbles(({ hot, expectObservable }) => {
      const source = hot<Value>(' ad 18ms      b              ', values);
      const expected = '          ad 8ms A 9ms b 289ms D 299ms B';
      const unsub = '             700ms !';
      const resynced = source.pipe(resync({ periodMs: 600, moved: NEVER, scheduler }));
      expectObservable(resynced, unsub).toBe(expected, values);
    });
  });

  it('looks at all of them in a period, however many there are', () => {
    const many = Array.from({ length: 120 }, (_, n) => appears(serving(registration({ service: `s${n}` }))));
    marbles(({ hot, expectObservable }) => {
      const source = hot('a 60ms |', { a: many }).pipe(
        mergeMap((list): readonly Value[] => list),
        resync({ periodMs: 60, moved: NEVER, scheduler }),
        filter((value) => 'before' in value),
        map((value) => ('key' in value ? value.key : '')),
        toArray(),
      );
      expectObservable(source).toBe('61ms (k|)', { k: many.map(({ key }) => key) });
    });
  });

  it('no longer looks at a service that went, or that is not managed any more', () => {
    marbles(({ hot, expectObservable }) => {
      const gone = hot<Value>(' a---g 200ms |', values);
      expectObservable(gone.pipe(resync({ periodMs: 180, moved: NEVER, scheduler }))).toBe('a--Ag 200ms |', values);
      const off = hot<Value>('  a---o 200ms |', values);
      expectObservable(off.pipe(resync({ periodMs: 180, moved: NEVER, scheduler }))).toBe('a--Ao 200ms |', values);
    });
  });

  it('looks at all of them when HAProxy has moved', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot<Value>(' a-d------|', values);
      const moved = hot('         -x---x----', notices);
      const subs = '              ^--------!';
      const expected = '          aMd--(MN)|';
      expectObservable(source.pipe(resync({ periodMs: 0, moved, scheduler }))).toBe(expected, values);
      expectSubscriptions(moved.subscriptions).toBe(subs);
    });
  });

  it('looks then also at what has gone: a file of an earlier day may bring it back', () => {
    marbles(({ hot, expectObservable }) => {
      const source = hot<Value>(' a-g------|', values);
      const moved = hot('         ----x-----', notices);
      const expected = '          a-g-X----|';
      const gone = { key: web.key, moved: true } as const;
      expectObservable(source.pipe(resync({ periodMs: 0, moved, scheduler }))).toBe(expected, { ...values, X: gone });
    });
  });

  it('looks at the one service whose server is not as it should be', () => {
    marbles(({ hot, expectObservable }) => {
      const source = hot<Value>(' -a-d------|', values);
      const moved = hot('         --w--r--w-', notices);
      const expected = '          -aMd----M-|';
      expectObservable(source.pipe(resync({ periodMs: 0, moved, scheduler }))).toBe(expected, values);
    });
  });

  it('looks also at one that went or is not managed any more, but never at one that it has not heard of', () => {
    marbles(({ hot, expectObservable }) => {
      const source = hot<Value>(' --d-a-g---|', values);
      const moved = hot('         -w-w---w--', notices);
      const expected = '          --d-a-gX--|';
      const gone = { key: web.key, moved: true } as const;
      expectObservable(source.pipe(resync({ periodMs: 0, moved, scheduler }))).toBe(expected, { ...values, X: gone });
      const disabled = hot<Value>('-a--o-----|', values);
      const still = { key: web.key, before: off, after: off, moved: true } as const;
      const after = { ...values, X: still };
      expectObservable(disabled.pipe(resync({ periodMs: 0, moved: hot('-----w----', notices), scheduler }))).toBe(
        '-a--oX----|',
        after,
      );
    });
  });

  it('completes with its source, however long it could go on', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold<Value>('|').pipe(resync({ periodMs: 60, moved: NEVER, scheduler }))).toBe('|');
      expectObservable(of(appears(web)).pipe(resync({ periodMs: 60, moved: NEVER, scheduler }))).toBe('(a|)', values);
    });
  });

  it('forwards an error, and stops with its subscriber', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const failing = cold<Value>('-a-#', values);
      expectObservable(failing.pipe(resync({ periodMs: 0, moved: NEVER, scheduler }))).toBe('-a-#', values);
      const never = cold<Value>('-');
      expectObservable(never.pipe(resync({ periodMs: 60, moved: NEVER, scheduler })), '^--!').toBe('----');
      expectSubscriptions(never.subscriptions).toBe('^--!');
    });
  });

  it('remembers nothing from one subscription to the next', () => {
    marbles(({ cold, hot, expectObservable }) => {
      const moved = hot('---x-----x', notices);
      const resynced = cold<Value>('-a--', values).pipe(resync({ periodMs: 0, moved, scheduler }));
      expectObservable(resynced, '^---!').toBe('-a-M', values);
      expectObservable(resynced, '-----^----!').toBe('------a--M', values);
    });
  });
});
