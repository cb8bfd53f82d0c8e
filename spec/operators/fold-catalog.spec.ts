import { expect } from 'chai';
import { of, queueScheduler, Subject } from 'rxjs';
import type { Event, ServiceKey } from '../../lib/model/events.ts';
import type { ServiceChange } from '../../lib/model/service.ts';
import { foldCatalog } from '../../operators/fold-catalog.ts';
import { marbles } from '../support/marbles.ts';
import {
  admitted,
  appears,
  becomes,
  goes,
  registered,
  deregistered,
  registration,
  serving,
  snapshot,
  starting,
} from '../support/given.ts';

const web = registration();
const two = registration({ port: 8002, createIndex: 20 });
const db = registration({ service: 'db', port: 5432 });

const events = {
  S: snapshot([web]),
  E: snapshot([]),
  B: snapshot([web, db]),
  r: registered(web),
  a: admitted(web),
  t: registered(two),
  g: deregistered(web),
  p: { kind: 'snapshot-probed' },
} satisfies Readonly<Record<string, Event>>;

type Output = ServiceChange | { readonly kind: 'snapshot-probed' };
const outputs: Readonly<Record<string, Output>> = {
  S: { ...appears(starting(web)), snapshot: true },
  D: { ...appears(starting(db)), snapshot: true },
  r: appears(starting(web)),
  a: becomes(starting(web), serving(web)),
  g: goes(starting(web)),
  p: events.p,
};

describe('foldCatalog', () => {
  it('emits what each event changes, and nothing before the first snapshot or without a difference', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot<Event>(' -r-S-r-a-a-|', events);
      const subs = '              ^----------!';
      const expected = '          ---S---a---|';
      expectObservable(source.pipe(foldCatalog('haproxy'))).toBe(expected, {
        ...outputs,
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('emits every service of a snapshot at once, and lets snapshot-probed pass', () => {
    marbles(({ hot, expectObservable }) => {
      const source = hot<Event>(' -p-B---p-|', events);
      const expected = '          -p-(SD)p-|';
      expectObservable(source.pipe(foldCatalog('haproxy'))).toBe(expected, outputs);
    });
  });

  it('emits what comes, is admitted and goes after an empty snapshot', () => {
    marbles(({ hot, expectObservable }) => {
      const source = hot<Event>(' -E-r-g-|', events);
      const expected = '          ---r-g-|';
      expectObservable(source.pipe(foldCatalog('haproxy'))).toBe(expected, outputs);
    });
  });

  describe('in a turn of the queue', () => {
    function turn(...told: readonly Event[]): readonly Output[] {
      const source = new Subject<Event>();
      const seen: Output[] = [];
      const subscription = source.pipe(foldCatalog('haproxy')).subscribe({
        next: (one) => seen.push(one),
        error: (error: unknown) => {
          throw error;
        },
      });
      source.next(events.E);
      queueScheduler.schedule(() => {
        for (const event of told) source.next(event);
      });
      subscription.unsubscribe();
      return seen;
    }

    it('makes one change of all that happens to a service', () => {
      expect(turn(events.r, registered(db), events.a)).to.deep.equal([appears(serving(web)), appears(starting(db))]);
    });

    it('says nothing of what comes to nothing', () => {
      expect(turn(events.r, events.a, events.g)).to.deep.equal([]);
    });

    it('tells what came before snapshot-probed, or before a snapshot, before it', () => {
      expect(turn(events.r, events.p, events.a)).to.deep.equal([
        outputs['r'],
        events.p,
        becomes(starting(web), serving(web)),
      ]);
      expect(turn(events.r, events.B)).to.deep.equal([outputs['r'], outputs['D']]);
    });
  });

  it('reads the tags with the prefix it is given', () => {
    const edge = registration({ tags: ['edge.enable=true'] });
    const isManaged = (prefix: string) => {
      const managed: (ServiceKey | undefined)[] = [];
      of(snapshot([edge]))
        .pipe(foldCatalog(prefix))
        .subscribe({
          next: (one) => managed.push('kind' in one || one.after?.wish === undefined ? undefined : one.key),
          error: (error: unknown) => {
            throw error;
          },
        });
      return managed;
    };
    marbles(({ expectObservable }) => {
      expectObservable(of(isManaged('edge'), isManaged('haproxy'))).toBe('(em|)', {
        e: ['default/web'],
        m: [undefined],
      });
    });
  });

  it('completes with an empty source and stays silent with one that never emits', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const empty = cold<Event>('|');
      const never = cold<Event>('-');
      expectObservable(empty.pipe(foldCatalog('haproxy'))).toBe('|');
      expectObservable(never.pipe(foldCatalog('haproxy')), '^--!').toBe('----');
      expectSubscriptions(never.subscriptions).toBe('^--!');
    });
  });

  it('forwards an error', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<Event>('-S-#', events);
      const subs = '              ^--!';
      const expected = '          -S-#';
      expectObservable(source.pipe(foldCatalog('haproxy'))).toBe(expected, outputs);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('folds a synchronous source', () => {
    marbles(({ expectObservable }) => {
      expectObservable(of<Event[]>(events.E, events.r, events.a, events.r, events.S).pipe(foldCatalog('haproxy'))).toBe(
        '(ra|)',
        outputs,
      );
    });
  });

  it('starts with nothing for each subscription', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<Event>('  -S-a-|', events);
      const folded = source.pipe(foldCatalog('haproxy'));
      expectObservable(folded, '^-!').toBe('-S', outputs);
      expectObservable(folded, '---^').toBe('----S-a-|', outputs);
      expectSubscriptions(source.subscriptions).toBe(['^-!', '---^----!']);
    });
  });
});
