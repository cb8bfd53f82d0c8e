import { expect } from 'chai';
import { claimantsOf, claimsOf, createClaims, denialsOf, holderOf, setClaims } from '../../../lib/model/claims.ts';
import { serving, tagged } from '../../support/given.ts';

describe('claimsOf', () => {
  const cases: readonly (readonly [tags: readonly string[], claims: readonly string[]])[] = [
    [[], ['backend web']],
    [['haproxy.domain=a.com,b.com'], ['backend web', 'exact domain a.com', 'exact domain b.com']],
    [
      ['haproxy.domain=^a', 'haproxy.domain.type=regex'],
      ['backend web', 'regex domain ^a'],
    ],
    [['haproxy.backend=custom', 'haproxy.domain=a.com'], ['exact domain a.com']],
    [['haproxy.mode=tcp', 'haproxy.domain=a.com'], ['backend web']],
  ];
  for (const [tags, claims] of cases) {
    it(`are ${claims.join(', ')} for ${tags.length === 0 ? 'no tags' : tags.join(' ')}`, () => {
      expect(claimsOf(serving(tagged(...tags)).wish)).to.deep.equal(claims);
    });
  }

  it('are none for what is not managed', () => {
    expect(claimsOf(undefined)).to.deep.equal([]);
  });
});

describe('setClaims', () => {
  it('returns who may have won or lost by it', () => {
    const claims = createClaims();
    expect([...setClaims(claims, 'd/a', ['x', 'y'], 2)]).to.deep.equal([]);
    expect([...setClaims(claims, 'd/b', ['x'], 1)]).to.deep.equal(['d/a']);
    expect(denialsOf(claims, 'd/a')).to.deep.equal([{ claim: 'x', holder: 'd/b' }]);
    expect([...setClaims(claims, 'd/b', [], 1)]).to.deep.equal(['d/a']);
    expect(denialsOf(claims, 'd/a')).to.deep.equal([]);
  });

  it('gives a claim to the lower right, then to the first key', () => {
    const claims = createClaims();
    for (const [key, right] of [
      ['d/c', 2],
      ['d/b', 1],
      ['d/a', 1],
    ] as const) {
      setClaims(claims, key, ['x'], right);
    }
    expect(holderOf(claims, 'x')).to.equal('d/a');
    expect(claimantsOf(claims, 'x')).to.deep.equal([
      { key: 'd/a', right: 1 },
      { key: 'd/b', right: 1 },
      { key: 'd/c', right: 2 },
    ]);
    expect(claimantsOf(claims, 'y')).to.deep.equal([]);
  });

  it('touches nobody while claims and right stay what they are', () => {
    const claims = createClaims();
    const wanted = ['x'];
    setClaims(claims, 'd/a', wanted, 2);
    setClaims(claims, 'd/b', ['x'], 3);
    expect([...setClaims(claims, 'd/a', wanted, 2)]).to.deep.equal([]);
    expect([...setClaims(claims, 'd/a', wanted, 4)]).to.deep.equal(['d/b']);
    expect(holderOf(claims, 'x')).to.equal('d/b');
  });

  it('touches nobody where the holder stays the same', () => {
    const claims = createClaims();
    for (const [key, right] of [
      ['d/b', 2],
      ['d/c', 3],
      ['d/a', 3],
    ] as const) {
      expect([...setClaims(claims, key, ['x'], right)]).to.deep.equal([]);
    }
    expect([...setClaims(claims, 'd/c', ['x', 'y'], 4)]).to.deep.equal([]);
    expect([...setClaims(claims, 'd/c', [], 4)]).to.deep.equal([]);
    expect([...setClaims(claims, 'd/b', ['x'], 1)]).to.deep.equal([]);
    expect([...setClaims(claims, 'd/b', [], 1)]).to.deep.equal(['d/a']);
  });

  it('keeps nothing of what nobody claims', () => {
    const claims = createClaims();
    setClaims(claims, 'd/a', ['x'], 1);
    setClaims(claims, 'd/a', [], 1);
    expect([claims.byClaim.size, claims.byService.size]).to.deep.equal([0, 0]);
    expect(holderOf(claims, 'x')).to.equal(undefined);
    expect(denialsOf(claims, 'd/a')).to.deep.equal([]);
  });
});
