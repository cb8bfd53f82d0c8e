import { of } from 'rxjs';
import type { Event, Registration } from '../../lib/model/events.ts';
import type { Notice } from '../../lib/model/notice.ts';
import { ignoreGhosts } from '../../operators/ignore-ghosts.ts';
import { deregistered, registered, registration, snapshot } from '../support/given.ts';
import { marbles } from '../support/marbles.ts';

type Fact = Event | Notice;
const a = registration({ createIndex: 10 });
const b = registration({ port: 8002, createIndex: 20 });
const again = { ...a, createIndex: 30 };

function seen(...ghosts: readonly Registration[]): Event {
  return {
    kind: 'ghosts-seen',
    ghosts: ghosts.map(({ namespace, id, service, createIndex }) => ({ namespace, id, service, createIndex })),
  };
}
const left = (one: Registration): Event => ({ ...deregistered(one), index: one.createIndex }) as Event;

const facts = {
  a: registered(a),
  b: registered(b),
  c: registered(again),
  r: deregistered(a),
  G: seen(a),
  H: seen(a, b),
  N: seen(),
  S: snapshot([a, b]),
  T: snapshot([again, b]),
  n: { kind: 'nomad-connected', address: 'http://n' },
  // What comes of them.
  d: left(a),
  e: left(b),
  s: snapshot([b]),
  E: snapshot([]),
} satisfies Readonly<Record<string, Fact>>;

function ignores(source: string, expected: string): void {
  marbles(({ hot, expectObservable }) => {
    expectObservable(hot<Fact>(source, facts).pipe(ignoreGhosts())).toBe(expected, facts);
  });
}

describe('ignoreGhosts', () => {
  it('passes everything while there are none', () => {
    ignores('-S-a-n-r-N-T-|', '-S-a-n-r---T-|');
  });

  it('takes ghosts out, once each, and leaves them out of snapshots', () => {
    ignores('-S-G-G-S-H-S-|', '-S-d---s-e-E-|');
  });

  it('lets those that are alive again come back with a snapshot', () => {
    ignores('-S-G-S-N-S-|', '-S-d-s---S-|');
  });

  it('hears nothing of a ghost whose tags change, and takes one that is registered anew for another', () => {
    ignores('-S-G-a-c-T-|', '-S-d---c-T-|');
  });

  it('lets the deregistration of a ghost pass', () => {
    ignores('-G-r-|', '-d-r-|');
  });

  it('completes with an empty source and stays silent with one that never emits', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const never = cold<Fact>('-');
      expectObservable(cold<Fact>('|').pipe(ignoreGhosts())).toBe('|');
      expectObservable(never.pipe(ignoreGhosts()), '^--!').toBe('----');
      expectSubscriptions(never.subscriptions).toBe('^--!');
    });
  });

  it('forwards an error', () => {
    ignores('-S-#', '-S-#');
  });

  it('reads a synchronous source', () => {
    marbles(({ expectObservable }) => {
      expectObservable(of<Fact[]>(facts.G, facts.S).pipe(ignoreGhosts())).toBe('(ds|)', facts);
    });
  });

  it('starts with nothing for each subscription', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<Fact>('-G-S-|', facts);
      const ignored = source.pipe(ignoreGhosts());
      expectObservable(ignored, '^-!').toBe('-d', facts);
      expectObservable(ignored, '---^').toBe('----d-s-|', facts);
      expectSubscriptions(source.subscriptions).toBe(['^-!', '---^----!']);
    });
  });
});
