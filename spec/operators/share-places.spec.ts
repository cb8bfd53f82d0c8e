import { expect } from 'chai';
import { defer, mergeMap, NEVER, type Observable, of, Subject, Subscription } from 'rxjs';
import { sharePlaces } from '../../operators/share-places.ts';

/** Attempts by name: which have begun, and a way to end each. */
function attempts() {
  const begun: string[] = [];
  const ends = new Map<string, Subject<never>>();
  const attempt = (name: string): Observable<never> =>
    defer(() => {
      begun.push(name);
      const end = new Subject<never>();
      ends.set(name, end);
      return end;
    });
  const end = (name: string) => {
    ends.get(name)?.complete();
  };
  return { begun, attempt, end };
}

const rethrow = {
  error: (error: unknown) => {
    throw error;
  },
};

describe('sharePlaces', () => {
  it('lets so many run at a time, urgent ones first, then in their order', () => {
    const { begun, attempt, end } = attempts();
    const { hold } = sharePlaces(2, () => false);
    for (const name of ['a', 'b', 'c', 'd']) hold(attempt(name), false).subscribe(rethrow);
    hold(attempt('urgent'), true).subscribe(rethrow);
    expect(begun).to.deep.equal(['a', 'b']);
    end('b');
    expect(begun).to.deep.equal(['a', 'b', 'urgent']);
    end('a');
    end('urgent');
    expect(begun).to.deep.equal(['a', 'b', 'urgent', 'c', 'd']);
  });

  it('gives a place back when its holder leaves, and forgets who leaves while waiting', () => {
    const { begun, attempt } = attempts();
    const { hold } = sharePlaces(1, () => false);
    const [holder, waiting] = ['a', 'b'].map((name) => hold(attempt(name), false).subscribe(rethrow));
    hold(attempt('c'), false).subscribe(rethrow);
    waiting?.unsubscribe();
    holder?.unsubscribe();
    expect(begun).to.deep.equal(['a', 'c']);
  });

  it('starts nothing any more once closed', () => {
    const { begun, attempt } = attempts();
    const all = new Subscription();
    const { hold } = sharePlaces(1, () => all.closed);
    for (const name of ['a', 'b']) all.add(hold(attempt(name), false).subscribe(rethrow));
    all.unsubscribe();
    expect(begun).to.deep.equal(['a']);
  });

  it('does not exhaust the stack by attempts that end at once', () => {
    let ended = 0;
    const { attempt, end } = attempts();
    const { hold } = sharePlaces(1, () => false);
    hold(attempt('holder'), false).subscribe(rethrow);
    for (let n = 0; n < 20_000; n += 1) {
      hold(of(n), false).subscribe({ next: () => (ended += 1), error: rethrow.error });
    }
    end('holder');
    expect(ended).to.equal(20_000);
  });

  describe('lets items of a list become attempts in their turn', () => {
    /** The names of a list, each an attempt as soon as it comes. */
    function listed(places: number, names: readonly string[], hurry: Observable<unknown> = NEVER) {
      const { begun, attempt, end } = attempts();
      const emitted: string[] = [];
      const { hold, inTurn } = sharePlaces(places, () => false);
      const all = inTurn(names, hurry)
        .pipe(
          mergeMap((name) => {
            emitted.push(name);
            return hold(attempt(name), true);
          }),
        )
        .subscribe(rethrow);
      return { begun, emitted, attempt, end, hold, all };
    }

    it('as places become free, so that nothing is made of what waits', () => {
      const { emitted, end } = listed(2, ['a', 'b', 'c', 'd']);
      expect(emitted).to.deep.equal(['a', 'b']);
      end('a');
      expect(emitted).to.deep.equal(['a', 'b', 'c']);
    });

    it('after what is urgent and before what is not', () => {
      const { begun, attempt, end, hold } = listed(1, ['a', 'b']);
      hold(attempt('later'), false).subscribe(rethrow);
      hold(attempt('urgent'), true).subscribe(rethrow);
      for (const name of ['a', 'urgent', 'b']) end(name);
      expect(begun).to.deep.equal(['a', 'urgent', 'b', 'later']);
    });

    it('all at once when it is told to hurry', () => {
      const hurry = new Subject<void>();
      const { begun, emitted } = listed(1, ['a', 'b', 'c'], hurry);
      hurry.next();
      expect(emitted).to.deep.equal(['a', 'b', 'c']);
      expect(begun).to.deep.equal(['a']);
      expect(hurry.observed).to.equal(false);
    });

    it('no more when the consumer leaves', () => {
      const hurry = new Subject<void>();
      const { emitted, all } = listed(1, ['a', 'b'], hurry);
      all.unsubscribe();
      expect(emitted).to.deep.equal(['a']);
      expect(hurry.observed).to.equal(false);
    });

    it('and completes at once when it is empty', () => {
      let completed = false;
      sharePlaces(1, () => false)
        .inTurn([], NEVER)
        .subscribe({ error: rethrow.error, complete: () => (completed = true) });
      expect(completed).to.equal(true);
    });
  });
});
