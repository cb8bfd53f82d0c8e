import { expect } from 'chai';
import { createLastResort } from '../../../lib/haproxy/last-resort.ts';

describe('a last resort', () => {
  function given() {
    let reloads = 0;
    const resort = createLastResort(() => (reloads += 1));
    const kinds = (where: string, text: string) =>
      resort.reload(where, 'it is not there', text).map(({ kind }) => kind);
    return { ...resort, kinds, reloads: () => reloads };
  }

  it('reloads once, says once that it did not help, and then nothing more', () => {
    const { kinds, reloads } = given();
    expect(kinds('backend web', 'text 1')).to.deep.equal(['drift-found', 'haproxy-moved']);
    expect(kinds('backend web', 'text 1')).to.deep.equal(['haproxy-warning']);
    expect(kinds('backend web', 'text 1')).to.deep.equal([]);
    expect(reloads()).to.equal(1);
  });

  it('reloads for another text, for another part, and when it was well in between', () => {
    const { kinds, helped, reloads } = given();
    kinds('backend web', 'text 1');
    kinds('backend web', 'text 2');
    kinds('backend api', 'text 2');
    helped('backend web');
    kinds('backend web', 'text 2');
    expect(reloads()).to.equal(4);
  });
});
