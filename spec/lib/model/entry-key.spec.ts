import { expect } from 'chai';
import { isEntryKey } from '../../../lib/model/entry-key.ts';

describe('isEntryKey', () => {
  const keys: readonly (readonly [key: string, addressable: boolean])[] = [
    ['shop.example.com', true],
    ['^a\\.b', true],
    ['...', true],
    ['a/../b', true],
    ['%2e%2e', true],
    ['.', false],
    ['..', false],
    ['^a$', false],
    ['a{2}', false],
    ['a b', false],
  ];
  for (const [key, addressable] of keys) {
    it(`is ${String(addressable)} of ${key}${addressable ? ', which stays what it is in a URL' : ''}`, () => {
      expect(isEntryKey(key)).to.equal(addressable);
      const { pathname } = new URL(`http://api/entries/${encodeURIComponent(key)}`);
      if (addressable) expect(decodeURIComponent(pathname)).to.equal(`/entries/${key}`);
    });
  }
});
