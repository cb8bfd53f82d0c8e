import { expect } from 'chai';
import type { Observable } from 'rxjs';
import { asyncScheduler, defer, Subject } from 'rxjs';
import { sharePlaces } from '../../operators/share-places.ts';
import { tryUntilAdmitted, type Patience, type ProbeResult } from '../../operators/try-until-admitted.ts';
import { marbles } from '../support/marbles.ts';

const results = { y: 'admit', n: 'refuse', u: 'unreachable', f: 'forbidden' } as const;

/** Small times, so that marbles show them: every 3 ms for 9 ms, then every 6; 20 ms at most. */
const times: Patience = {
  ...{ firstMs: 9, everyMs: 3, laterMs: 6, maxWaitMs: 20, fallbackMs: 7 },
  scheduler: asyncScheduler,
};

/** One after the other, the last one again and again. */
function inTurn(...attempts: readonly Observable<ProbeResult>[]): Observable<ProbeResult> {
  let n = 0;
  return defer(() => {
    n += 1;
    return attempts[n - 1] ?? attempts.at(-1)!;
  });
}

/** Emits `a` when it admits. */
function tryAlone(attempt: Observable<ProbeResult>, hooks: Partial<Hooks> = {}) {
  const {
    since = asyncScheduler.now(),
    mayBeForbidden = false,
    tried = () => undefined,
    endedBy = () => undefined,
  } = hooks;
  return tryUntilAdmitted(
    { since, mayBeForbidden, attempt, admit: () => 'a', tried, endedBy },
    sharePlaces(1, never),
    times,
  );
}

interface Hooks {
  readonly since: number;
  readonly mayBeForbidden: boolean;
  readonly tried: () => void;
  readonly endedBy: (end: () => void) => void;
}

const never = () => false;

describe('tryUntilAdmitted', () => {
  it('admits at the first success', () => {
    marbles(({ cold, expectObservable }) => {
      const attempt = inTurn(cold('-(n|)', results), cold('-(y|)', results));
      expectObservable(tryAlone(attempt)).toBe('-----(a|)');
    });
  });

  it('repeats often at first, then seldom, and admits after the longest wait whatever the reason', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const refused = cold('(n|)', results);
      expectObservable(tryAlone(refused)).toBe('20ms (a|)');
      expectSubscriptions(refused.subscriptions).toBe([0, 3, 6, 9, 15].map((ms) => `${ms}ms (^!)`));
    });
  });

  it('gives up an attempt that hangs when the longest wait is over', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const hanging = cold<ProbeResult>('-');
      expectObservable(tryAlone(hanging)).toBe('20ms (a|)');
      expectSubscriptions(hanging.subscriptions).toBe('^ 19ms !');
    });
  });

  it('counts the time that it waited before, and tries nothing that has waited longest', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const refused = cold<ProbeResult>('(n|)', results);
      expectObservable(tryAlone(refused, { since: -15 })).toBe('5ms (a|)');
      expectSubscriptions(refused.subscriptions).toBe(['(^!)']);
      const untried = cold<ProbeResult>('-');
      expectObservable(tryAlone(untried, { since: -20 })).toBe('(a|)');
      expectSubscriptions(untried.subscriptions).toBe([]);
    });
  });

  it('admits earlier what it hears nothing of, since HAProxy may reach it all the same', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(tryAlone(cold('(u|)', results))).toBe('9ms (a|)');
    });
  });

  it('does not admit earlier what has refused once', () => {
    marbles(({ cold, expectObservable }) => {
      const unreachable = cold('(u|)', results);
      const attempt = inTurn(unreachable, cold('(n|)', results), unreachable);
      expectObservable(tryAlone(attempt)).toBe('20ms (a|)');
    });
  });

  it('does not admit what leads to a forbidden address, however long it waits, until it leads elsewhere', () => {
    marbles(({ cold, expectObservable }) => {
      const forbidden = cold('(f|)', results);
      const attempt = inTurn(...Array.from({ length: 7 }, () => forbidden), cold('(y|)', results));
      expectObservable(tryAlone(attempt)).toBe('33ms (a|)');
    });
  });

  it('does not admit untried, however long it waits, what may lead to a forbidden address', () => {
    marbles(({ cold, expectObservable }) => {
      const late = { since: -20, mayBeForbidden: true };
      const forbiddenAtFirst = inTurn(cold('--(f|)', results), cold('(n|)', results));
      expectObservable(tryAlone(forbiddenAtFirst, late)).toBe('--------(a|)');
      expectObservable(tryAlone(cold('--(n|)', results), late)).toBe('--(a|)');
      expectObservable(tryAlone(cold<ProbeResult>('22ms (u|)', results), { mayBeForbidden: true })).toBe('22ms (a|)');
    });
  });

  it('tries again after an attempt without a result', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(tryAlone(inTurn(cold('|'), cold('(y|)', results)))).toBe('---(a|)');
    });
  });

  it('is ended from outside without admission, and leaves nothing behind', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const hanging = cold<ProbeResult>('-');
      const endedBy = (end: () => void) => void asyncScheduler.schedule(end, 4);
      expectObservable(tryAlone(hanging, { endedBy })).toBe('----|');
      expectSubscriptions(hanging.subscriptions).toBe('^---!');
    });
  });

  it('says that it was tried after the first attempt, and when it is left before', () => {
    marbles(({ cold, flush }) => {
      const said: number[] = [];
      const tried = () => said.push(asyncScheduler.now());
      tryAlone(cold('--(y|)', results), { tried }).subscribe();
      flush();
      expect(said[0]).to.equal(2);
      const before = said.length;
      tryAlone(new Subject(), { tried }).subscribe().unsubscribe();
      expect(said).to.have.length.above(before);
    });
  });

  it('passes on an error of an attempt', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(tryAlone(cold('--#'))).toBe('--#');
    });
  });
});
