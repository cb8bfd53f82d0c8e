import { expect } from 'chai';
import fc from 'fast-check';
import { printable, quoted, visible } from '../../../lib/model/quoted.ts';

describe('a stranger’s text in a message', () => {
  const cases: readonly (readonly [text: string, quoted: string, printable: string])[] = [
    ['haproxy.weight', '"haproxy.weight"', 'haproxy.weight'],
    ['', '""', '""'],
    ['a b', '"a b"', '"a b"'],
    ['a"b', '"a\\"b"', 'a"b'],
    ['a\nb\r', '"a\\nb\\r"', '"a\\nb\\r"'],
    ['\u001b[2J', '"\\u001b[2J"', '"\\u001b[2J"'],
    ['\u009b2J\u007f', '"\\u{9b}2J\\u{7f}"', '"\\u{9b}2J\\u{7f}"'],
    ['gpj.\u202etxt', '"gpj.\\u{202e}txt"', '"gpj.\\u{202e}txt"'],
    ['a\u2028b', '"a\\u{2028}b"', '"a\\u{2028}b"'],
    ['\ud800', '"\\ud800"', '"\\ud800"'],
    ['bücher', '"bücher"', '"bücher"'],
  ];
  for (const [text, inQuotes, asItIs] of cases) {
    it(`is ${inQuotes} in quotes and ${asItIs} without`, () => {
      expect(quoted(text)).to.equal(inQuotes);
      expect(printable(text)).to.equal(asItIs);
    });
  }

  it('is whole where only what nobody sees is written out', () => {
    expect(visible(`${'a'.repeat(500)}\n`)).to.equal(`${'a'.repeat(500)}\\u{a}`);
  });

  it('is short and stays in its line, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 10_000 }), (text) => {
        for (const said of [quoted(text), printable(text)]) {
          expect(said).not.to.match(/[\p{C}\p{Zl}\p{Zp}]/u);
          expect(said.length).to.be.below(800);
        }
      }),
    );
  });
});
