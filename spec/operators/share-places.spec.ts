import { expect } from 'chai';
import { defer, type Observable, of, Subject, Subscription } from 'rxjs';
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
    const inPlace = sharePlaces(2, () => false);
    for (const name of ['a', 'b', 'c', 'd']) inPlace(attempt(name), false).subscribe(rethrow);
    inPlace(attempt('urgent'), true).subscribe(rethrow);
    expect(begun).to.deep.equal(['a', 'b']);
    end('b');
    expect(begun).to.deep.equal(['a', 'b', 'urgent']);
    end('a');
    end('urgent');
    expect(begun).to.deep.equal(['a', 'b', 'urgent', 'c', 'd']);
  });

  it('gives a place back when its holder leaves, and forgets who leaves while waiting', () => {
    const { begun, attempt } = attempts();
    const inPlace = sharePlaces(1, () => false);
    const [holder, waiting] = ['a', 'b'].map((name) => inPlace(attempt(name), false).subscribe(rethrow));
    inPlace(attempt('c'), false).subscribe(rethrow);
    waiting?.unsubscribe();
    holder?.unsubscribe();
    expect(begun).to.deep.equal(['a', 'c']);
  });

  it('starts nothing any more once closed', () => {
    const { begun, attempt } = attempts();
    const all = new Subscription();
    const inPlace = sharePlaces(1, () => all.closed);
    for (const name of ['a', 'b']) all.add(inPlace(attempt(name), false).subscribe(rethrow));
    all.unsubscribe();
    expect(begun).to.deep.equal(['a']);
  });

  it('does not exhaust the stack by attempts that end at once', () => {
    let ended = 0;
    const { attempt, end } = attempts();
    const inPlace = sharePlaces(1, () => false);
    inPlace(attempt('holder'), false).subscribe(rethrow);
    for (let n = 0; n < 20_000; n += 1) {
      inPlace(of(n), false).subscribe({ next: () => (ended += 1), error: rethrow.error });
    }
    end('holder');
    expect(ended).to.equal(20_000);
  });
});
