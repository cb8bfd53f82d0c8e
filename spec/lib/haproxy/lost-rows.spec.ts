import { expect } from 'chai';
import { haveLost, putBackRows } from '../../../lib/haproxy/lost-rows.ts';

const none = new Map<string, string>();
const rows = (...keys: readonly string[]) => new Map(keys.map((key) => [key, 'web']));

describe('putBackRows', () => {
  it('has nothing to put back where a file has rows, or had none', () => {
    const found = { exact: rows('b', 'new'), prefix: none, regex: none };
    const before = { exact: rows('a', 'b'), prefix: none, regex: none };
    expect(haveLost(found, before)).to.equal(false);
    expect(putBackRows(found, before)).to.equal(undefined);
  });

  it('gives an empty file all that it had, in its order, and leaves the others as they are found', () => {
    const found = { exact: rows('b', 'new'), prefix: none, regex: none };
    const before = { exact: rows('a', 'b'), prefix: none, regex: rows('d', 'c') };
    expect(haveLost(found, before)).to.equal(true);
    const whole = putBackRows(found, before);
    expect(whole?.exact).to.equal(found.exact);
    expect([...whole!.prefix]).to.deep.equal([]);
    expect([...whole!.regex.keys()]).to.deep.equal(['d', 'c']);
  });
});
