import { expect } from 'chai';
import fc from 'fast-check';
import {
  concat,
  EMPTY,
  from,
  map,
  mergeMap,
  NEVER,
  type Observable,
  of,
  queueScheduler,
  Subject,
  take,
  tap,
  throwError,
  timer,
  VirtualTimeScheduler,
} from 'rxjs';
import type { ServiceKey } from '../../lib/model/events.ts';
import type { Failure, FailureKind } from '../../lib/model/failure.ts';
import type { Notice, Outcome } from '../../lib/model/notice.ts';
import type { Service, ServiceChange } from '../../lib/model/service.ts';
import { batchByKey } from '../../operators/batch-by-key.ts';
import { marbles } from '../support/marbles.ts';

type Batch = readonly ServiceChange[];
type Said = Outcome | Notice;

const states = new Map<string, Service>();

/** One state of a service; the same name is the very same state. */
function state(key: ServiceKey, name: string): Service {
  const known = states.get(key + name) ?? { key, namespace: 'default', name, instances: [], denials: [], problems: [] };
  states.set(key + name, known);
  return known;
}

/** `a12`: service a changed from state 1 to state 2; `-` is no service; `!`: HAProxy has moved. */
function batch(...changes: readonly string[]): Batch {
  return changes.map((text) => {
    const key: ServiceKey = `default/${text.charAt(0)}`;
    const [before, after] = [text.charAt(1), text.charAt(2)];
    return {
      key,
      ...(before !== '-' && { before: state(key, before) }),
      ...(after !== '-' && { after: state(key, after) }),
      ...(text.endsWith('!') && { moved: true }),
    };
  });
}

function textOf({ key, before, after }: ServiceChange): string {
  return `${key.slice(-1)}${before?.name ?? '-'}${after?.name ?? '-'}`;
}

const failure = (kind: FailureKind): Failure => ({ kind, message: kind, where: 'here', hint: 'none' });
const done = (key: string): Outcome => ({ kind: 'done', key: `default/${key}` });
const again = (key: string, afterMs: number): Outcome => ({ kind: 'again', key: `default/${key}`, afterMs });
const failed = (key: string, kind: FailureKind): Outcome => ({
  kind: 'failed',
  key: `default/${key}`,
  failure: failure(kind),
});
const settled = (key: string): Notice => ({ kind: 'settled', service: `default/${key}` });
const refused = (key: string, kind: FailureKind, retryInMs?: number): Notice => ({
  kind: 'service-failed',
  service: `default/${key}`,
  failure: failure(kind),
  ...(retryInMs !== undefined && { retryInMs }),
});

/** Answers one batch after the other, and remembers what they were. */
function worker(...answers: readonly Observable<Said>[]) {
  const batches: string[][] = [];
  const work = (changes: Batch): Observable<Said> => {
    batches.push(changes.map(textOf));
    return answers[batches.length - 1] ?? NEVER;
  };
  return { batches, work };
}

const notices = { a: settled('a'), b: settled('b'), c: settled('c') };
const outcomes = { a: done('a'), b: done('b'), c: done('c') };
/** 3, 6, 9, ... ms. */
const options = { backoff: (attempt: number) => attempt * 3 };

describe('batchByKey', () => {
  it('has one batch in flight; what comes meanwhile is merged by key and goes next', () => {
    marbles(({ hot, cold, expectObservable, expectSubscriptions, flush }) => {
      const source = hot('  -a-bc--------|', { a: batch('a01'), b: batch('a12', 'b01'), c: batch('a23') });
      const subs = '         ^------------!';
      const first = cold('    -----(a|)', outcomes);
      const firstSubs = '    -^----!';
      const second = cold('        ---(ab|)', outcomes);
      const secondSubs = '   ------^--!';
      const expected = '     ------a--(ab)|';
      const { work, batches } = worker(first, second);
      expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, notices);
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(first.subscriptions).toBe(firstSubs);
      expectSubscriptions(second.subscriptions).toBe(secondSubs);
      flush();
      expect(batches).to.deep.equal([['a01'], ['a13', 'b01']]);
    });
  });

  it('makes one batch of what comes in one turn of the queue, when that turn is over', () => {
    const source = new Subject<Batch>();
    const { work, batches } = worker(of(), of(), of());
    const subscription = source.pipe(batchByKey(work, options)).subscribe();
    queueScheduler.schedule(() => {
      source.next(batch('a01'));
      source.next(batch('b01'));
      source.next(batch('a12'));
      expect(batches).to.deep.equal([]);
    });
    expect(batches).to.deep.equal([['a02', 'b01']]);
    source.next(batch('a23'));
    source.next(batch('b12'));
    expect(batches.slice(1)).to.deep.equal([['a23'], ['b12']]);
    subscription.unsubscribe();
  });

  it('does not begin a batch when the consumer leaves in that turn', () => {
    const source = new Subject<Batch>();
    const { work, batches } = worker(of());
    const subscription = source.pipe(batchByKey(work, options)).subscribe();
    queueScheduler.schedule(() => {
      source.next(batch('a01'));
      subscription.unsubscribe();
    });
    expect(batches).to.deep.equal([]);
  });

  it('passes on what work says, at once', () => {
    marbles(({ hot, cold, expectObservable }) => {
      const notice: Notice = { kind: 'haproxy-warning', text: 'odd', hint: 'look' };
      const source = hot('  -a------|', { a: batch('a01') });
      const answer = cold<Said>('-n-a-|', { n: notice, a: done('a') });
      const expected = '     --n-a---|';
      const { work } = worker(answer);
      expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, { ...notices, n: notice });
    });
  });

  it('takes a key for done that has no outcome when its batch completes', () => {
    marbles(({ hot, cold, expectObservable }) => {
      const source = hot('  -a------|', { a: batch('a01', 'b01') });
      const answer = cold('   -b-|', outcomes);
      const expected = '     --b-a---|';
      const { work } = worker(answer);
      expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, notices);
    });
  });

  it('counts the first outcome of a key, and none of a key that is not in the batch', () => {
    marbles(({ hot, cold, expectObservable }) => {
      const source = hot('  -a------|', { a: batch('a01') });
      const answer = cold('   -a-x-b|', { ...outcomes, x: again('a', 1) });
      const expected = '     --a-----|';
      const { work } = worker(answer);
      expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, notices);
    });
  });

  it('does the work on an empty batch too, in its turn', () => {
    marbles(({ hot, cold, expectObservable, flush }) => {
      const notice: Notice = { kind: 'haproxy-warning', text: 'odd', hint: 'look' };
      const source = hot('    e--aee--------|', { a: batch('a01'), e: batch() });
      const first = cold<Said>('-|');
      const second = cold<Said>(' ----|');
      const third = cold<Said>('      -n-|', { n: notice });
      const expected = '       -------an-----|';
      const { work, batches } = worker(first, second, third);
      expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, { ...notices, n: notice });
      flush();
      expect(batches).to.deep.equal([[], ['a01'], []]);
    });
  });

  describe('again', () => {
    it('brings the change back after its delay', () => {
      marbles(({ hot, cold, expectObservable, expectSubscriptions, flush }) => {
        const source = hot('  -a----------|', { a: batch('a01') });
        const first = cold('    -(x|)', { x: again('a', 5) });
        const second = cold('         -(a|)', outcomes);
        const secondSubs = '   -------^!';
        const expected = '     --------a---|';
        const { work, batches } = worker(first, second);
        expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, notices);
        expectSubscriptions(second.subscriptions).toBe(secondSubs);
        flush();
        expect(batches).to.deep.equal([['a01'], ['a01']]);
      });
    });

    it('gives way to a newer change, merged with it, and its timer is dropped', () => {
      marbles(({ hot, cold, expectObservable, expectSubscriptions, flush }) => {
        const source = hot('  -a--b----------|', { a: batch('a01'), b: batch('a12') });
        const first = cold('    -(x|)', { x: again('a', 5) });
        const second = cold('      -(a|)', outcomes);
        const secondSubs = '   ----^!';
        const expected = '     -----a---------|';
        const { work, batches } = worker(first, second);
        expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, notices);
        expectSubscriptions(second.subscriptions).toBe(secondSubs);
        flush();
        expect(batches).to.deep.equal([['a01'], ['a02']]);
      });
    });

    it('gives way to a change that came while its batch was in flight', () => {
      marbles(({ hot, cold, expectObservable, flush }) => {
        const source = hot('  -ab------------|', { a: batch('a01'), b: batch('a12') });
        const first = cold('    ---x-|', { x: again('a', 5) });
        const second = cold('        -(a|)', outcomes);
        const expected = '     -------a-------|';
        const { work, batches } = worker(first, second);
        expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, notices);
        flush();
        expect(batches).to.deep.equal([['a01'], ['a02']]);
      });
    });

    it('lets keys that are due at one time go in one batch, and others at theirs', () => {
      marbles(({ hot, cold, expectObservable, expectSubscriptions, flush }) => {
        const source = hot('  -a 30ms                |', { a: batch('a01', 'b01', 'c01') });
        const first = cold('    -(xyz|)               ', { x: again('a', 5), y: again('b', 20), z: again('c', 5) });
        const second = cold<Said>('         -|              ');
        const secondSubs = '   -------^!              ';
        const third = cold<Said>('                         -|');
        const thirdSubs = '    22ms                  ^!';
        const expected = '     --------(ac) 11ms      b 8ms |';
        const { work, batches } = worker(first, second, third);
        expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, notices);
        expectSubscriptions(second.subscriptions).toBe(secondSubs);
        expectSubscriptions(third.subscriptions).toBe(thirdSubs);
        flush();
        expect(batches).to.deep.equal([['a01', 'b01', 'c01'], ['a01', 'c01'], ['b01']]);
      });
    });

    it('takes along what came due while another batch was in flight', () => {
      marbles(({ hot, cold, expectObservable, flush }) => {
        const source = hot('  -a--b----------|', { a: batch('a01'), b: batch('b01') });
        const first = cold('    -(x|)', { x: again('a', 4) });
        const second = cold<Said>('      -----|');
        const third = cold<Said>('            -|');
        const expected = '     ---------ba----|';
        const { work, batches } = worker(first, second, third);
        expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, notices);
        flush();
        expect(batches).to.deep.equal([['a01'], ['b01'], ['a01']]);
      });
    });

    it('waits 1 ms at least, so that work that answers at once cannot spin', () => {
      marbles(({ hot, expectObservable, expectSubscriptions, flush }) => {
        const source = hot('  -a------|', { a: batch('a01') });
        const unsub = '        ^---!';
        const { work, batches } = worker(...Array.from({ length: 9 }, () => of(again('a', 0))));
        expectObservable(source.pipe(batchByKey(work, options)), unsub).toBe('-----');
        expectSubscriptions(source.subscriptions).toBe(unsub);
        flush();
        expect(batches).to.have.length(3);
      });
    });
  });

  describe('a transient failure', () => {
    it('is told and tried again with backoff, counted until the key is done', () => {
      marbles(({ hot, cold, expectObservable, flush }) => {
        const source = hot('  -a-------------b------|', { a: batch('a01'), b: batch('a12') });
        const fail = cold('     (x|)', { x: failed('a', 'unreachable') });
        const good = cold<Said>('     -|');
        const expected = '     -x--y------a---x---a--|';
        const { work, batches } = worker(fail, fail, good, fail, good);
        expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, {
          ...notices,
          x: refused('a', 'unreachable', 3),
          y: refused('a', 'unreachable', 6),
        });
        flush();
        expect(batches).to.deep.equal([['a01'], ['a01'], ['a01'], ['a12'], ['a12']]);
      });
    });

    it('is tried again at once, and counted anew, when what may have been the reason is over', () => {
      marbles(({ hot, cold, expectObservable, expectSubscriptions, flush }) => {
        const source = hot('  -a-----------------|', { a: batch('a01', 'b01') });
        const over = hot('    ------o-------------');
        const overSubs = '    ^------------------!';
        const first = cold('   (xy|)', { x: failed('a', 'unreachable'), y: failed('b', 'rejected') });
        const second = cold('       (x|)', { x: failed('a', 'unreachable') });
        const third = cold('                -(a|)', outcomes);
        const thirdSubs = '   --------------^!';
        const expected = '    -(xy)-x--------a---|';
        const { work, batches } = worker(first, second, third);
        const seldom = { backoff: (attempt: number) => attempt * 8, over };
        expectObservable(source.pipe(batchByKey(work, seldom))).toBe(expected, {
          ...notices,
          x: refused('a', 'unreachable', 8),
          y: refused('b', 'rejected'),
        });
        expectSubscriptions(third.subscriptions).toBe(thirdSubs);
        expectSubscriptions(over.subscriptions).toBe(overSubs);
        flush();
        expect(batches).to.deep.equal([['a01', 'b01'], ['a01'], ['a01']]);
      });
    });

    it('is no reason to hurry while its batch is in flight, nor for a key that only waits for time', () => {
      marbles(({ hot, cold, expectObservable, flush }) => {
        const source = hot('  -a------------|', { a: batch('a01', 'b01') });
        const over = hot('    --o--o---------');
        const first = cold('   --(xy|)', { x: again('a', 6), y: done('b') });
        const second = cold('           -(a|)', outcomes);
        const expected = '    ---b------a---|';
        const { work, batches } = worker(first, second);
        expectObservable(source.pipe(batchByKey(work, { ...options, over }))).toBe(expected, notices);
        flush();
        expect(batches).to.deep.equal([['a01', 'b01'], ['a01']]);
      });
    });

    it('goes on counting when a newer change takes its place', () => {
      marbles(({ hot, cold, expectObservable, flush }) => {
        const source = hot('  -a-b---------|', { a: batch('a01'), b: batch('a12') });
        const fail = cold('     (x|)', { x: failed('a', 'conflict') });
        const good = cold<Said>('              -|');
        const expected = '     -x-y------a--|';
        const { work, batches } = worker(fail, fail, good);
        expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, {
          ...notices,
          x: refused('a', 'conflict', 3),
          y: refused('a', 'conflict', 6),
        });
        flush();
        expect(batches).to.deep.equal([['a01'], ['a02'], ['a02']]);
      });
    });
  });

  describe('any other failure', () => {
    it('waits for a change, which goes with the first before; a resync is none', () => {
      marbles(({ hot, cold, expectObservable, flush }) => {
        const source = hot('  -a-r-b----|', { a: batch('a01'), r: batch('a11'), b: batch('a12') });
        const fail = cold('     (x|)', { x: failed('a', 'rejected') });
        const good = cold<Said>('         -|');
        const expected = '     -x----a---|';
        const { work, batches } = worker(fail, good);
        expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, {
          ...notices,
          x: refused('a', 'rejected'),
        });
        flush();
        expect(batches).to.deep.equal([['a01'], ['a02']]);
      });
    });

    it('comes back after a minute for a service that went, and holds nothing open', () => {
      marbles(({ hot, cold, expectObservable, flush }) => {
        const source = hot('  -a 59999ms ---|', { a: batch('a1-') });
        const fail = cold('     (x|)', { x: failed('a', 'rejected') });
        const expected = '     -x 59999ms x--|';
        const { work, batches } = worker(fail, fail);
        expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, { x: refused('a', 'rejected') });
        flush();
        expect(batches).to.deep.equal([['a1-'], ['a1-']]);
      });
    });

    it('lets a resync through that finds the service in another state', () => {
      marbles(({ hot, cold, expectObservable, flush }) => {
        const source = hot('  -a-r------|', { a: batch('a01'), r: batch('a22') });
        const fail = cold('     (x|)', { x: failed('a', 'unsupported') });
        const good = cold<Said>('       -|');
        const expected = '     -x--a-----|';
        const { work, batches } = worker(fail, good);
        expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, {
          ...notices,
          x: refused('a', 'unsupported'),
        });
        flush();
        expect(batches).to.deep.equal([['a01'], ['a02']]);
      });
    });

    it('is looked at again at a resync when something was missing', () => {
      marbles(({ hot, cold, expectObservable, flush }) => {
        const source = hot('  -a-r-r----|', { a: batch('a01'), r: batch('a11') });
        const fail = cold('     (x|)', { x: failed('a', 'not-found') });
        const good = cold<Said>('         -|');
        const expected = '     -x-x--a---|';
        const { work, batches } = worker(fail, fail, good);
        expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, {
          ...notices,
          x: refused('a', 'not-found'),
        });
        flush();
        expect(batches).to.deep.equal([['a01'], ['a01'], ['a01']]);
      });
    });

    it('is looked at again at a resync when HAProxy has moved', () => {
      marbles(({ hot, cold, expectObservable, flush }) => {
        const source = hot('  -a-r-m----|', { a: batch('a01'), r: batch('a11'), m: batch('a11!') });
        const fail = cold('     (x|)', { x: failed('a', 'rejected') });
        const good = cold<Said>('   -|');
        const expected = '     -x----a---|';
        const { work, batches } = worker(fail, good);
        expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, {
          ...notices,
          x: refused('a', 'rejected'),
        });
        flush();
        expect(batches).to.deep.equal([['a01'], ['a01']]);
      });
    });

    it('comes back after its delay where only a part has failed', () => {
      marbles(({ hot, cold, expectObservable, flush }) => {
        const source = hot('  -a----------|', { a: batch('a01') });
        const fail = cold('     (x|)', { x: { ...failed('a', 'rejected'), afterMs: 5 } });
        const good = cold<Said>('    -|');
        const expected = '     -x-----a----|';
        const { work, batches } = worker(fail, good);
        expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, {
          ...notices,
          x: refused('a', 'rejected'),
        });
        flush();
        expect(batches).to.deep.equal([['a01'], ['a01']]);
      });
    });

    it('treats what came while its batch was in flight in the same way', () => {
      marbles(({ hot, cold, expectObservable, flush }) => {
        const source = hot('  -ab--------|', { a: batch('a01', 'b01'), b: batch('a11', 'b12') });
        const fail = cold('     --(xy|)', { x: failed('a', 'rejected'), y: failed('b', 'rejected') });
        const good = cold<Said>('       ----|');
        const expected = '     ---(xy)b---|';
        const { work, batches } = worker(fail, good);
        expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, {
          ...notices,
          x: refused('a', 'rejected'),
          y: refused('b', 'rejected'),
        });
        flush();
        expect(batches).to.deep.equal([['a01', 'b01'], ['b02']]);
      });
    });
  });

  describe('when the source completes', () => {
    it('stays open until nothing is in flight, queued or delayed', () => {
      marbles(({ hot, cold, expectObservable, expectSubscriptions, flush }) => {
        const source = hot('  -a(b|)         ', { a: batch('a01'), b: batch('b01') });
        const subs = '         ^-!            ';
        const first = cold('    ---(x|)       ', { x: again('a', 5) });
        const second = cold<Said>('      --|         ');
        const third = cold<Said>('            -|     ');
        const expected = '     ------b---(a|) ';
        const { work, batches } = worker(first, second, third);
        expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, notices);
        expectSubscriptions(source.subscriptions).toBe(subs);
        flush();
        expect(batches).to.deep.equal([['a01'], ['b01'], ['a01']]);
      });
    });

    it('is not held open by a refused key', () => {
      marbles(({ hot, cold, expectObservable }) => {
        const source = hot('  -(a|)', { a: batch('a01') });
        const fail = cold('     --(x|)', { x: failed('a', 'rejected') });
        const expected = '     ---(x|)';
        const { work } = worker(fail);
        expectObservable(source.pipe(batchByKey(work, options))).toBe(expected, { x: refused('a', 'rejected') });
      });
    });
  });

  it('passes on an error of work, thrown or emitted', () => {
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const bug = new Error('bug');
      const source = hot('  -a----|', { a: batch('a01') });
      const subs = '         ^--!';
      const broken = cold<Said>('--#', undefined, bug);
      const { work } = worker(broken);
      expectObservable(source.pipe(batchByKey(work, options))).toBe('---#', undefined, bug);
      expectSubscriptions(source.subscriptions).toBe([subs, '^!']);
      const thrower = () => {
        throw bug;
      };
      expectObservable(source.pipe(batchByKey(thrower, options))).toBe('-#', undefined, bug);
    });
  });

  it('forwards an error of the source and leaves what is in flight', () => {
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -a--#', { a: batch('a01') });
      const subs = '         ^---!';
      const endless = cold<Said>('-');
      const workSubs = '     -^--!';
      const { work } = worker(endless);
      expectObservable(source.pipe(batchByKey(work, options))).toBe('----#');
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(endless.subscriptions).toBe(workSubs);
    });
  });

  it('completes with an empty source', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<Batch>('|');
      expectObservable(source.pipe(batchByKey(worker().work, options))).toBe('|');
      expectSubscriptions(source.subscriptions).toBe('(^!)');
    });
  });

  it('stays silent with a source that never emits', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<Batch>('-');
      expectObservable(source.pipe(batchByKey(worker().work, options)), '^---!').toBe('-----');
      expectSubscriptions(source.subscriptions).toBe('^---!');
    });
  });

  it('leaves the source and the work when the consumer does', () => {
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -a----|', { a: batch('a01') });
      const unsub = '        ^--!';
      const endless = cold<Said>('-');
      const workSubs = '     -^-!';
      expectObservable(source.pipe(batchByKey(worker(endless).work, options)), unsub).toBe('----');
      expectSubscriptions(source.subscriptions).toBe(unsub);
      expectSubscriptions(endless.subscriptions).toBe(workSubs);
    });
  });

  it('has one timer at most and leaves none behind', () => {
    const scheduler = new VirtualTimeScheduler();
    const work = () => of(again('a', 5), again('b', 9), failed('c', 'unreachable'));
    const subscription = concat(of(batch('a01', 'b01', 'c01')), NEVER)
      .pipe(batchByKey(work, { ...options, scheduler }))
      .subscribe();
    expect(scheduler.actions).to.have.length(1);
    subscription.unsubscribe();
    expect(scheduler.actions).to.be.empty;
  });

  it('takes a synchronous source, and leaves it when the consumer does', () => {
    marbles(({ expectObservable }) => {
      const source = concat(
        of(batch('a01'), batch('b01')),
        throwError(() => new Error('read too far')),
      );
      const work = (changes: Batch) => from(changes).pipe(map(({ key }): Outcome => ({ kind: 'done', key })));
      expectObservable(source.pipe(batchByKey(work, options), take(2))).toBe('(ab|)', notices);
    });
  });

  it('does not exhaust the stack when thousands of batches in a row complete at once', () => {
    const changes = new Subject<Batch>();
    let batches = 0;
    let notices = 0;
    const work = () => {
      batches += 1;
      if (batches < 10_000) changes.next(batch('a01'));
      else changes.complete();
      return EMPTY;
    };
    changes
      .pipe(
        batchByKey(work, options),
        tap(() => (notices += 1)),
      )
      .subscribe();
    changes.next(batch('a01'));
    expect([batches, notices]).to.deep.equal([10_000, 10_000]);
  });

  it('shares nothing between subscriptions', () => {
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const source = cold('  -a-----|', { a: batch('a01') });
      const answer = cold('   (x|)', { x: failed('a', 'rejected') });
      const { work, batches } = worker(answer, answer);
      const batched = source.pipe(batchByKey(work, options));
      const x = refused('a', 'rejected');
      expectObservable(batched, '^--!').toBe('-x--', { x });
      expectObservable(batched, '----^').toBe('-----x-----|', { x });
      expectSubscriptions(source.subscriptions).toBe(['^--!', '----^------!']);
      flush();
      expect(batches).to.deep.equal([['a01'], ['a01']]);
    });
  });

  it('sees every key through: its last batch has its newest state, whatever failed before', () => {
    const answer = fc.constantFrom<(key: string) => Outcome>(
      done,
      (key) => again(key, 4),
      (key) => failed(key, 'unreachable'),
    );
    const arrival = fc.record({ at: fc.nat(40), key: fc.constantFrom('a', 'b', 'c') });
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 12 }), fc.array(answer, { maxLength: 12 }), (arrivals, answers) => {
        const scheduler = new VirtualTimeScheduler();
        const newest = new Map<string, number>();
        const last = new Map<string, string>();
        const script = [...answers];
        const source = from(arrivals.toSorted((one, other) => one.at - other.at)).pipe(
          mergeMap(({ at, key }) => timer(at, scheduler).pipe(map(() => key))),
          map((key) => {
            const before = newest.get(key) ?? 0;
            newest.set(key, before + 1);
            return batch(`${key}${before.toString(36)}${(before + 1).toString(36)}`);
          }),
        );
        const work = (changes: Batch) => {
          for (const change of changes) last.set(textOf(change).charAt(0), textOf(change).charAt(2));
          const outcomes = changes.map(({ key }) => (script.shift() ?? done)(key.slice(-1)));
          return timer(3, scheduler).pipe(mergeMap(() => outcomes));
        };
        const open = new Set<string>();
        source
          .pipe(
            batchByKey<Notice>(work, { ...options, scheduler }),
            tap((notice) => {
              if (notice.kind === 'service-failed') open.add(notice.service);
              if (notice.kind === 'settled') open.delete(notice.service);
            }),
          )
          .subscribe();
        scheduler.flush();
        expect(open).to.be.empty;
        expect(last).to.deep.equal(new Map([...newest].map(([key, n]) => [key, n.toString(36)])));
      }),
    );
  });
});
