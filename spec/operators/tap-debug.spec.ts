import { expect } from 'chai';
import { EMPTY, NEVER, Observable, of, take, throwError } from 'rxjs';
import { tapDebug, type DebugTap } from '../../operators/tap-debug.ts';
import { marbles } from '../support/marbles.ts';

type Entry = Parameters<DebugTap['trace']>[0];

function tracing(...seams: readonly string[]): DebugTap & { readonly entries: Entry[] } {
  const entries: Entry[] = [];
  return { seams: new Set(seams), trace: (entry) => entries.push(entry), entries };
}

const what = ({ entries }: { readonly entries: readonly Entry[] }) => entries.map((entry) => entry.what);

describe('tapDebug', () => {
  it('is the very source when nothing is traced', () => {
    const source = of(1);
    expect(source.pipe(tapDebug('fold', undefined))).to.equal(source);
    expect(source.pipe(tapDebug('fold', tracing()))).to.equal(source);
    expect(source.pipe(tapDebug('fold', tracing('route')))).to.equal(source);
  });

  it('traces subscription, values, completion and teardown of its seam, and changes nothing', () => {
    const debug = tracing('fold', 'route');
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' --a--b--|');
      const subs = '        ^-------!';
      const expected = '    --a--b--|';
      expectObservable(source.pipe(tapDebug('fold', debug))).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
    expect(debug.entries).to.deep.equal([
      { seam: 'fold', what: 'subscribe' },
      { seam: 'fold', what: 'value', value: 'a' },
      { seam: 'fold', what: 'value', value: 'b' },
      { seam: 'fold', what: 'complete' },
      { seam: 'fold', what: 'teardown' },
    ]);
  });

  it('traces every seam for *', () => {
    const debug = tracing('*');
    of(1).pipe(tapDebug('any', debug)).subscribe();
    expect(what(debug)).to.deep.equal(['subscribe', 'value', 'complete', 'teardown']);
  });

  it('traces an error and forwards it', () => {
    const debug = tracing('fold');
    const error = new Error('broken');
    marbles(({ expectObservable }) => {
      expectObservable(throwError(() => error).pipe(tapDebug('fold', debug))).toBe('#', undefined, error);
    });
    expect(debug.entries).to.deep.equal([
      { seam: 'fold', what: 'subscribe' },
      { seam: 'fold', what: 'error', value: error },
      { seam: 'fold', what: 'teardown' },
    ]);
  });

  it('traces the teardown when the consumer leaves', () => {
    const debug = tracing('fold');
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' --a--b--|');
      const unsub = '       ^--!';
      expectObservable(source.pipe(tapDebug('fold', debug)), unsub).toBe('--a-');
      expectSubscriptions(source.subscriptions).toBe(unsub);
    });
    expect(what(debug)).to.deep.equal(['subscribe', 'value', 'teardown']);
  });

  it('stops a synchronous source when the consumer leaves', () => {
    const debug = tracing('fold');
    of(1, 2, 3).pipe(tapDebug('fold', debug), take(1)).subscribe();
    expect(what(debug)).to.deep.equal(['subscribe', 'value', 'teardown']);
  });

  it('traces an empty source and one that never emits', () => {
    const empty = tracing('fold');
    EMPTY.pipe(tapDebug('fold', empty)).subscribe();
    expect(what(empty)).to.deep.equal(['subscribe', 'complete', 'teardown']);

    const never = tracing('fold');
    NEVER.pipe(tapDebug('fold', never)).subscribe().unsubscribe();
    expect(what(never)).to.deep.equal(['subscribe', 'teardown']);
  });

  it('traces each subscription by itself', () => {
    const debug = tracing('fold');
    const traced = new Observable<never>((subscriber) => {
      subscriber.complete();
    }).pipe(tapDebug('fold', debug));
    traced.subscribe();
    traced.subscribe();
    expect(what(debug)).to.deep.equal(['subscribe', 'complete', 'teardown', 'subscribe', 'complete', 'teardown']);
  });
});
