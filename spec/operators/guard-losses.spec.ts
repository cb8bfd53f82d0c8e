import { of, skip, take } from 'rxjs';
import type { Event, Registration, ServiceKey } from '../../lib/model/events.ts';
import type { Notice } from '../../lib/model/notice.ts';
import { guardLosses } from '../../operators/guard-losses.ts';
import { accepted, deregistered, registered, registration, snapshot } from '../support/given.ts';
import { marbles } from '../support/marbles.ts';

type Fact = Event | Notice;

function instanceOf(name: string, over: Partial<Registration> = {}): Registration {
  return registration({ service: name, alloc: `alloc-${name}`, ...over });
}
const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => instanceOf(name)) as [
  Registration,
  Registration,
  Registration,
  Registration,
];
const far = instanceOf('x', { namespace: 'far' });
const plain = instanceOf('b', { tags: [] });
const markOf = (service: ServiceKey) => ({ service, backend: service, owned: true, routes: [] });

const lostThree = { namespaces: [], why: '3 of 4 managed services are missing at once' };
const bcd: readonly ServiceKey[] = ['default/b', 'default/c', 'default/d'];
const cd = bcd.slice(1);
const keep = (event: Event, ...services: readonly ServiceKey[]): Event =>
  ({ ...event, keep: services }) as Extract<Event, { kind: 'snapshot-taken' }>;
const released = (by: 'snapshot' | 'operator' | 'deregistration' | 'return', ...services: readonly ServiceKey[]) =>
  ({ kind: 'losses-released', services, by }) as const;

const facts = {
  S: snapshot([a, b, c, d]),
  T: snapshot([a]),
  U: snapshot([a, b]),
  V: snapshot([a, b, c]),
  X: snapshot([a, b, c, d, far]),
  B: registered(b),
  b: deregistered(b),
  p: registered(plain),
  o: accepted(...bcd, 'default/unknown'),
  m: { kind: 'marks-found', marks: ['a', 'b', 'c', 'd'].map((name) => markOf(`default/${name}`)) },
  n: { kind: 'nomad-connected', address: 'http://n' },
  // What comes of them.
  K: keep(snapshot([a]), ...bcd),
  L: keep(snapshot([a, b]), ...cd),
  N: keep(snapshot([a, b, c, d]), 'far/x'),
  G: keep(snapshot([a]), 'far/x', ...bcd),
  O: accepted(...bcd),
  h: { kind: 'losses-held', services: bcd, ...lostThree, confirmInMs: 9 },
  i: { kind: 'losses-held', services: bcd, ...lostThree, confirmInMs: 5 },
  j: { kind: 'losses-held', services: cd, ...lostThree, confirmInMs: 5 },
  f: {
    kind: 'losses-held',
    services: ['far/x'],
    namespaces: ['far'],
    why: 'namespace far is missing whole',
    confirmInMs: 9,
  },
  g: {
    kind: 'losses-held',
    services: ['far/x', ...bcd],
    namespaces: ['far'],
    why: '4 of 5 managed services are missing at once; namespace far is missing whole',
    confirmInMs: 5,
  },
  q: { kind: 'losses-held', services: bcd, ...lostThree, confirmInMs: 4 },
  r: released('snapshot', ...bcd),
  s: released('return', 'default/b'),
  t: released('return', ...bcd),
  u: released('deregistration', 'default/b'),
  v: released('operator', ...bcd),
  w: released('snapshot', ...cd),
  x: released('snapshot', 'far/x'),
} satisfies Readonly<Record<string, Fact>>;

const options = { prefix: 'haproxy', maxLossPercent: 50, confirmAfterMs: 9 };

/** Nine characters until a second snapshot is believed. */
function guards(source: string, expected: string): void {
  marbles(({ hot, expectObservable }) => {
    expectObservable(hot<Fact>(source, facts).pipe(guardLosses(options))).toBe(expected, facts);
  });
}

describe('guardLosses', () => {
  it('passes what is ordinary as it is', () => {
    guards('-n-S-V-U-B-b-p-S-|', '-n-S-V-U-B-b-p-S-|');
  });

  it('holds what a snapshot misses until a second one, late enough, says the same', () => {
    guards('-S--T--------T---|', '-S--(hK)-----(rT)|');
  });

  it('holds on when the second one comes too early, and says how long still', () => {
    guards('-S--T---T----T---|', '-S--(hK)(iK)-(rT)|');
  });

  it('ends the hold when all are back', () => {
    guards('-S--T---S---T---|', '-S--(hK)(tS)(hK)|');
  });

  it('holds on to those that are not back', () => {
    guards('-S--T---U----U---|', '-S--(hK)(sjL)(wU)|');
  });

  it('holds a service no longer of which there is a registration', () => {
    guards('-S--T---B----U---|', '-S--(hK)(Bs)-(wU)|');
  });

  it('lets the deregistration of what is held pass', () => {
    guards('-S--T---b----T---|', '-S--(hK)(bu)-(wT)|');
  });

  it("lets what is held go by an operator's word, and nothing else", () => {
    guards('-S-o-T---o----T---|', '-S---(hK)(Ov)-T---|');
  });

  it('holds a namespace that is missing whole', () => {
    guards('-X--S--------S---|', '-X--(fN)-----(xS)|');
  });

  it('holds a second loss for a time of its own', () => {
    guards('-X--S---T----T----T---|', '-X--(fN)(gG)-(xqK)(rT)|');
  });

  it('counts what an earlier run left in HAProxy', () => {
    guards('-m--T--------T---|', '-m--(hK)-----(rT)|');
  });

  it('does not miss a service that is deregistered, or no longer enabled', () => {
    guards('-S-V-b-U-p-T-|', '-S-V-b-U-p-T-|');
  });

  it('believes a snapshot that has been judged when it was recorded', () => {
    const judged = {
      S: facts.S,
      D: keep(snapshot([a, c, d]), 'default/b'),
      E: keep(snapshot([a])),
      h: {
        kind: 'losses-held',
        services: ['default/b'],
        namespaces: [],
        why: 'they were when this was recorded',
        confirmInMs: 9,
      },
      r: released('snapshot', 'default/b'),
    } satisfies Readonly<Record<string, Fact>>;
    marbles(({ hot, expectObservable }) => {
      expectObservable(hot<Fact>('-S-D----E---|', judged).pipe(guardLosses(options))).toBe('-S-(hD)-(rE)|', judged);
    });
  });

  it('completes with an empty source and stays silent with one that never emits', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const empty = cold<Fact>('|');
      const never = cold<Fact>('-');
      expectObservable(empty.pipe(guardLosses(options))).toBe('|');
      expectObservable(never.pipe(guardLosses(options)), '^--!').toBe('----');
      expectSubscriptions(never.subscriptions).toBe('^--!');
    });
  });

  it('forwards an error', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<Fact>('-S--T---#', facts);
      const subs = '             ^-------!';
      const expected = '         -S--(hK)#';
      expectObservable(source.pipe(guardLosses(options))).toBe(expected, facts);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('guards a synchronous source', () => {
    marbles(({ expectObservable }) => {
      const source = of<Fact[]>(facts.S, facts.T, facts.S);
      expectObservable(source.pipe(guardLosses(options))).toBe('(ShKtS|)', facts);
    });
  });

  it('starts with nothing for each subscription', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<Fact>(' -S--T-|', facts);
      const guarded = source.pipe(guardLosses(options));
      expectObservable(guarded, '^--!').toBe('-S', facts);
      expectObservable(guarded.pipe(skip(1), take(2)), '---^').toBe('-------(hK|)', facts);
      expectSubscriptions(source.subscriptions).toBe(['^--!', '---^---!']);
    });
  });
});
