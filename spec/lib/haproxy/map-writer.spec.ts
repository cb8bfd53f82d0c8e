import { expect } from 'chai';
import fc from 'fast-check';
import { changeRows, parseRows, renderRows, type RouteStep } from '../../../lib/haproxy/map-writer.ts';
import type { RouteMap } from '../../../lib/model/events.ts';

const none = { exact: new Map(), prefix: new Map(), regex: new Map() };
const set = (map: RouteMap, key: string, backend: string): RouteStep => ({
  kind: 'set-route',
  service: 'default/web',
  route: { map, key },
  backend,
});
const remove = (map: RouteMap, key: string): RouteStep => ({
  kind: 'delete-route',
  service: 'default/web',
  route: { map, key },
});
const word = fc.stringMatching(/^[a-z0-9^$.*()|-]{1,12}$/);

describe('changeRows', () => {
  it('sets and deletes rows of each map by itself', () => {
    const rows = changeRows(none, [set('exact', 'a', 'web'), set('prefix', 'a', 'api'), remove('regex', 'a')]);
    expect(rows).to.deep.equal({
      exact: new Map([['a', 'web']]),
      prefix: new Map([['a', 'api']]),
      regex: new Map(),
    });
    expect(changeRows(rows, [remove('exact', 'a')]).exact).to.deep.equal(new Map());
  });

  it('leaves the rows that it was given as they are', () => {
    changeRows(none, [set('exact', 'a', 'web')]);
    expect(none.exact.size).to.equal(0);
  });

  it('keeps the place of a row that changes its backend, and puts a new one last', () => {
    const rows = changeRows(none, [set('regex', '^a', 'one'), set('regex', '^b', 'two')]);
    const changed = changeRows(rows, [set('regex', '^a', 'three'), set('regex', '^c', 'four')]);
    expect([...changed.regex]).to.deep.equal([
      ['^a', 'three'],
      ['^b', 'two'],
      ['^c', 'four'],
    ]);
  });
});

describe('parseRows', () => {
  it('reads keys and values as HAProxy does', () => {
    const text = '# ours\n\na.example.com web\n\t b.example.com\t\tapi  \n^(www\\.)?c\\.example\\.com$ web';
    expect([...parseRows(text)]).to.deep.equal([
      ['a.example.com', 'web'],
      ['b.example.com', 'api'],
      ['^(www\\.)?c\\.example\\.com$', 'web'],
    ]);
  });

  it('keeps the first of two rows with one key, which is the one that HAProxy finds', () => {
    expect([...parseRows('a web\na api\n')]).to.deep.equal([['a', 'web']]);
  });

  it('skips a key without a value', () => {
    expect([...parseRows('a\nb api\n')]).to.deep.equal([['b', 'api']]);
  });

  it('reads what renderRows wrote, in its order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(word, word), { selector: ([key]) => key }), (rows) => {
        expect([...parseRows(renderRows(new Map(rows)))]).to.deep.equal(rows);
      }),
    );
  });
});
