import { expect } from 'chai';
import fc from 'fast-check';
import type { MapEntry } from '../../../lib/haproxy/client-maps.ts';
import { compareRows, sayRowDrift } from '../../../lib/haproxy/map-mend.ts';

const entries = (...rows: readonly (readonly [string, string])[]): readonly MapEntry[] =>
  rows.map(([key, value]) => ({ key, value }));
const wanted = new Map([
  ['a', 'web'],
  ['b', 'api'],
  ['c', 'web'],
]);

describe('compareRows', () => {
  it('has nothing to say of the same rows, in any order where that does not count', () => {
    const turned = entries(['c', 'web'], ['a', 'web'], ['b', 'api']);
    expect(compareRows(turned, wanted, 'exact')).to.equal(undefined);
    expect(compareRows(turned, wanted, 'regex')).to.deep.include({ missing: [], inOrder: false });
  });

  it('goes by the first of several rows of a key, as HAProxy does', () => {
    const twice = entries(['a', 'web'], ['b', 'api'], ['a', 'other'], ['c', 'web']);
    expect(compareRows(twice, wanted, 'prefix')).to.equal(undefined);
    const wrong = entries(['a', 'other'], ['b', 'api'], ['a', 'web'], ['c', 'web']);
    expect(compareRows(wrong, wanted, 'prefix')?.different).to.deep.equal(entries(['a', 'web']));
  });

  it('tells what is missing, different and too many', () => {
    const drift = compareRows(entries(['b', 'other'], ['x', 'web']), wanted, 'exact');
    expect(drift).to.deep.equal({
      missing: entries(['a', 'web'], ['c', 'web']),
      different: entries(['b', 'api']),
      extra: ['x'],
      inOrder: true,
    });
    expect(sayRowDrift(drift!)).to.equal('2 rows missing, 1 different, 1 too many');
  });

  it('can append to a regex map only what is missing at its end', () => {
    expect(compareRows(entries(['a', 'web']), wanted, 'regex')).to.deep.include({ inOrder: true });
    const drift = compareRows(entries(['b', 'api'], ['c', 'web']), wanted, 'regex');
    expect(drift).to.deep.include({ inOrder: false });
    expect(sayRowDrift(drift!)).to.equal('1 row missing, 0 different, 0 too many, in another order');
  });

  it('finds nothing any more when its finding was mended', () => {
    const row = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.constantFrom('web', 'api'));
    const rows = fc.uniqueArray(row, { selector: ([key]) => key });
    const kind = fc.constantFrom('exact' as const, 'regex' as const);
    fc.assert(
      fc.property(rows, rows, kind, (found, goal, map) => {
        const drift = compareRows(entries(...found), new Map(goal), map);
        if (drift === undefined || !drift.inOrder) return;
        const set = new Map(drift.different.map(({ key, value }) => [key, value]));
        const kept = entries(...found)
          .filter(({ key }) => !drift.extra.includes(key))
          .map(({ key, value }) => ({ key, value: set.get(key) ?? value }));
        expect(compareRows([...kept, ...drift.missing], new Map(goal), map)).to.equal(undefined);
      }),
    );
  });
});
