import { expect } from 'chai';
import { createLastResort } from '../../../lib/haproxy/last-resort.ts';

describe('a last resort', () => {
  function given({ isVain = false } = {}) {
    let reloads = 0;
    const resort = createLastResort(
      () => (reloads += 1),
      () => isVain,
    );
    const kinds = (where: string) => resort.reload(where, 'it is not there').map(({ kind }) => kind);
    return { ...resort, kinds, reloads: () => reloads };
  }
  const tried = ['drift-found', 'haproxy-moved'];

  it('reloads once, says once that it did not help, and then nothing more', () => {
    const { kinds, reloads } = given();
    expect(kinds('backend web')).to.deep.equal(tried);
    expect(kinds('backend web')).to.deep.equal(['haproxy-warning']);
    expect(kinds('backend web')).to.deep.equal([]);
    expect(reloads()).to.equal(1);
  });

  it('says once for all that it did not help', () => {
    const { kinds } = given();
    kinds('backend web');
    kinds('backend api');
    expect([kinds('backend web'), kinds('backend api')]).to.deep.equal([['haproxy-warning'], []]);
  });

  it('reloads for another part, when it was well in between, and for another end', () => {
    const { kinds, helped, forget, reloads } = given();
    kinds('backend web');
    kinds('backend api');
    helped('backend web');
    expect(kinds('backend web')).to.deep.equal(tried);
    forget();
    expect(kinds('backend web')).to.deep.equal(tried);
    expect(reloads()).to.equal(4);
  });

  it('does and says nothing where a reload is known to change nothing', () => {
    const { kinds, reloads } = given({ isVain: true });
    expect([kinds('backend web'), reloads()]).to.deep.equal([[], 0]);
  });
});
