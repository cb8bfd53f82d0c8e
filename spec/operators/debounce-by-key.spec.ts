import { expect } from 'chai';
import { concat, NEVER, of, take, throwError, VirtualTimeScheduler } from 'rxjs';
import { readInstance } from '../../lib/model/instance.ts';
import type { ServiceKey } from '../../lib/model/events.ts';
import type { Service, ServiceChange, Wish } from '../../lib/model/service.ts';
import { debounceByKey } from '../../operators/debounce-by-key.ts';
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

/** Each call makes another state, also where the same ports serve: then only settings differ. */
function service(key: ServiceKey, ...ports: readonly number[]): Service {
  const instances = ports.map((port) => {
    const of = { id: `id-${port}`, namespace: 'default', service: 'web', address: '10.0.0.1', port };
    const at = { alloc: '', job: '', node: '', createIndex: 1, modifyIndex: 1 };
    return readInstance({ ...of, ...at, tags: ['haproxy.enable=true'] }, true, 'haproxy');
  });
  return { key, namespace: 'default', name: key, instances, wish, denials: [], problems: [] };
}

function change(before: Service | undefined, after: Service | undefined, mark?: 'snapshot'): ServiceChange {
  const key = (after ?? before)!.key;
  return { key, ...(before && { before }), ...(after && { after }), ...(mark && { snapshot: true }) };
}

const [w0, w1, w2] = [1, 1, 1].map((port) => service('default/web', port));
const w3 = service('default/web', 1, 2);
const [x0, x1] = [7, 7].map((port) => service('default/api', port));
const x2 = service('default/api', 7, 8);
const [y0, y1] = [9, 9].map((port) => service('default/mail', port));
const idle = service('default/idle');
const young = service('default/young');
const youngServed = service('default/young', 6);
const served = service('default/served', 5);

/** Capitals move instances, `s`, `S` and `t` belong to a snapshot, `q` and `r` are resyncs, the others change settings. */
const changes = {
  a: change(w0, w1),
  b: change(w1, w2),
  u: change(w1, w0),
  C: change(w2, w3),
  D: change(w1, w3),
  q: change(w0, w0),
  r: change(w1, w1),
  x: change(x0, x1),
  Y: change(x1, x2),
  m: change(y0, y1),
  i: change(undefined, idle),
  j: change(idle, undefined),
  k: change(undefined, young),
  K: change(young, youngServed),
  N: change(undefined, served),
  s: change(undefined, w1, 'snapshot'),
  S: change(undefined, x1, 'snapshot'),
  t: change(w1, w2, 'snapshot'),
  p: { kind: 'snapshot-probed' } as const,
};
type Input = (typeof changes)[keyof typeof changes];

const batches = {
  a: [changes.a],
  b: [changes.b],
  C: [changes.C],
  q: [changes.q],
  r: [changes.r],
  s: [changes.s],
  m: [changes.m],
  x: [changes.x],
  Y: [changes.Y],
  F: [change(w0, w2)],
  G: [change(w0, w3)],
  H: [change(undefined, w2, 'snapshot')],
  S: [changes.s, changes.S],
  T: [changes.s, change(undefined, x2, 'snapshot')],
  U: [change(w0, w2, 'snapshot')],
  i: [changes.i],
  k: [changes.k],
  n: [changes.N],
  I: [changes.i, changes.k],
  O: [changes.N, change(undefined, youngServed)],
  J: [changes.i, changes.k, changes.N],
};

/** 4 ms of quiet, 10 ms at most. */
const debounce = () => debounceByKey(4, 10);

describe('debounceByKey', () => {
  describe('settings', () => {
    it('wait for quiet and are merged by key: first before, last after', () => {
      marbles(({ hot, expectObservable, expectSubscriptions }) => {
        const source = hot<Input>('-a-b-x------|', changes);
        const subs = '             ^-----------!';
        const expected = '         -------F-x--|';
        expectObservable(source.pipe(debounce())).toBe(expected, batches);
        expectSubscriptions(source.subscriptions).toBe(subs);
      });
    });

    it('wait no longer than the maximum since the first', () => {
      marbles(({ hot, expectObservable }) => {
        const source = hot<Input>('-a--u--a--a--b--|', changes);
        const expected = '         -----------a----(b|)';
        expectObservable(source.pipe(debounce())).toBe(expected, batches);
      });
    });

    it('are dropped when together they come to nothing', () => {
      marbles(({ hot, expectObservable }) => {
        const source = hot<Input>('-a-u---i-j-----a-|', changes);
        const expected = '         -----------------(a|)';
        expectObservable(source.pipe(debounce())).toBe(expected, batches);
      });
    });
  });

  describe('a change that moves instances', () => {
    it('passes at once', () => {
      marbles(({ hot, expectObservable, expectSubscriptions }) => {
        const source = hot<Input>('-C-Y--|', changes);
        const subs = '             ^-----!';
        const expected = '         -C-Y--|';
        expectObservable(source.pipe(debounce())).toBe(expected, batches);
        expectSubscriptions(source.subscriptions).toBe(subs);
      });
    });

    it('is not alone: what gives a service something that another has held passes at once too', () => {
      const held: Service = { ...w0!, denials: [{ claim: 'exact domain a.example.com', holder: 'default/api' }] };
      const [given, asked] = [change(held, w1), change(held, { ...held })];
      marbles(({ hot, expectObservable }) => {
        const source = hot('-g--h------|', { g: given, h: asked });
        const expected = '  -g-------h-|';
        expectObservable(source.pipe(debounceByKey(5, 20))).toBe(expected, { g: [given], h: [asked] });
      });
    });

    it('takes along what waits for its key, whose wait ends with that', () => {
      marbles(({ hot, expectObservable }) => {
        const source = hot<Input>('-a-D--x----|', changes);
        const expected = '         ---G------x|';
        expectObservable(source.pipe(debounce())).toBe(expected, batches);
      });
    });
  });

  describe('a resync', () => {
    it('passes at once, with what waits for its key', () => {
      marbles(({ hot, expectObservable }) => {
        const source = hot<Input>('-r--a-r-----|', changes);
        const expected = '         -r----a-----|';
        expectObservable(source.pipe(debounce())).toBe(expected, batches);
      });
    });

    it('passes also when what it takes along comes to nothing', () => {
      marbles(({ hot, expectObservable }) => {
        const source = hot<Input>('-a-u-q-----|', changes);
        const expected = '         -----q-----|';
        expectObservable(source.pipe(debounce())).toBe(expected, batches);
      });
    });
  });

  describe('new services', () => {
    for (const [what, given, expected] of [
      ['one that serves passes at once', '-N----------|', '-n----------|'],
      ['one that nobody serves waits for quiet', '-i----------|', '-----i------|'],
      ['they pass as one, some time after the last, because one reload is enough', '-i-k--------|', '-------I----|'],
      ['or once all of them serve', '-k-N--K-----|', '------O-----|'],
      ['but no later than the maximum since the first', '-i--N--k--N--k|', '-----------J--(k|)'],
      ['nor does one that is alone and told of again and again', '-i--i--i--i--i--|', '-----------i----(i|)'],
      ['one that comes to nothing keeps nobody', '-i-k-j------|', '-------k----|'],
      ['a change of another service is none of their business', '-i-x-k------|', '-------x-I--|'],
    ] as const) {
      it(what, () => {
        marbles(({ hot, expectObservable, expectSubscriptions }) => {
          const source = hot<Input>(given, changes);
          expectObservable(source.pipe(debounce())).toBe(expected, batches);
          expectSubscriptions(source.subscriptions).toBe(`^${'-'.repeat(given.length - 2)}!`);
        });
      });
    }
  });

  describe("a snapshot's changes", () => {
    it('are held until it is probed and pass as one batch', () => {
      marbles(({ hot, expectObservable }) => {
        const source = hot<Input>('-(sS)----------p--|', changes);
        const expected = '         ---------------S--|';
        expectObservable(source.pipe(debounce())).toBe(expected, batches);
      });
    });

    it('take in later changes of their keys, and let other keys pass', () => {
      marbles(({ hot, expectObservable }) => {
        const source = hot<Input>('-s-m-S-Y-p-|', changes);
        const expected = '         -------m-T-|';
        expectObservable(source.pipe(debounce())).toBe(expected, batches);
      });
    });

    it('take in what waits for their keys', () => {
      marbles(({ hot, expectObservable }) => {
        const source = hot<Input>('-a-t------p-|', changes);
        const expected = '         ----------U-|';
        expectObservable(source.pipe(debounce())).toBe(expected, batches);
      });
    });

    it('are merged with those of a newer snapshot', () => {
      marbles(({ hot, expectObservable }) => {
        const source = hot<Input>('-s-t--p-|', changes);
        const expected = '         ------H-|';
        expectObservable(source.pipe(debounce())).toBe(expected, batches);
      });
    });

    it('hold nothing back once they have passed', () => {
      marbles(({ hot, expectObservable }) => {
        const source = hot<Input>('-s-p-b-------|', changes);
        const expected = '         ---s-----b---|';
        expectObservable(source.pipe(debounce())).toBe(expected, batches);
      });
    });

    it('pass as an empty batch where there are none, or none that matter: the snapshot is through', () => {
      marbles(({ hot, expectObservable }) => {
        const source = hot<Input>('-p---a-v-p----|', { ...changes, v: change(w1, w0, 'snapshot') });
        const expected = '         -N-------N----|';
        expectObservable(source.pipe(debounce())).toBe(expected, { N: [] });
      });
    });
  });

  it('lets everything that waits pass when the source completes, what is held as one batch', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot<Input>('-s-S-m--|', changes);
      const subs = '             ^-------!';
      const expected = '         --------(mS|)';
      expectObservable(source.pipe(debounce())).toBe(expected, batches);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('drops what waits when the source errors', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot<Input>('-s-x-#', changes);
      const subs = '             ^----!';
      const expected = '         -----#';
      expectObservable(source.pipe(debounce())).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('completes with an empty source', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<Input>('|');
      expectObservable(source.pipe(debounce())).toBe('|');
      expectSubscriptions(source.subscriptions).toBe('(^!)');
    });
  });

  it('stays silent with a source that never emits', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<Input>('-');
      expectObservable(source.pipe(debounce()), '^---!').toBe('-----');
      expectSubscriptions(source.subscriptions).toBe('^---!');
    });
  });

  it('takes a synchronous source', () => {
    marbles(({ expectObservable }) => {
      const { a, b, C, x } = changes;
      expectObservable(of<Input[]>(a, b, C, x).pipe(debounce())).toBe('(Gx|)', batches);
    });
  });

  it('leaves a synchronous source when the consumer does', () => {
    marbles(({ expectObservable }) => {
      const source = concat(
        of<Input[]>(changes.C),
        throwError(() => new Error('read too far')),
      );
      expectObservable(source.pipe(debounce(), take(1))).toBe('(C|)', batches);
    });
  });

  it('leaves the source and no timer behind when the consumer leaves', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot<Input>('-a-x---|', changes);
      const unsub = '            ^---!';
      expectObservable(source.pipe(debounce()), unsub).toBe('-----');
      expectSubscriptions(source.subscriptions).toBe(unsub);
    });
    const scheduler = new VirtualTimeScheduler();
    const subscription = concat(of<Input[]>(changes.a, changes.x, changes.b), NEVER)
      .pipe(debounceByKey(4, 10, scheduler))
      .subscribe();
    expect(scheduler.actions).to.have.length(2);
    subscription.unsubscribe();
    expect(scheduler.actions).to.be.empty;
  });

  it('shares nothing between subscriptions', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<Input>('-a-b-------|', changes);
      const debounced = source.pipe(debounce());
      expectObservable(debounced, '^-!').toBe('---');
      expectObservable(debounced, '--^').toBe('---------F---|', batches);
      expectSubscriptions(source.subscriptions).toBe(['^-!', '--^----------!']);
    });
  });
});
