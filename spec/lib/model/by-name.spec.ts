import { expect } from 'chai';
import { createByName } from '../../../lib/model/by-name.ts';

const a = { namespace: 'default', id: 'a' };
const b = { namespace: 'default', id: 'b' };
const other = { namespace: 'other', id: 'a' };

describe('Values by name', () => {
  it('keep namespaces apart', () => {
    const values = createByName<number>();
    for (const [n, name] of [a, b, other].entries()) values.set(name, n);
    values.set({ ...a }, 7);
    expect([a, b, other].map(values.get)).to.deep.equal([7, 1, 2]);
    expect([...values.entries()]).to.deep.equal([
      [a, 7],
      [b, 1],
      [other, 2],
    ]);
  });

  it('are gone when they are deleted, and what is not there can be', () => {
    const values = createByName<number>();
    values.set(a, 1);
    for (const name of [other, b, a]) values.delete(name);
    expect(values.get(a)).to.equal(undefined);
    expect([...values.entries()]).to.deep.equal([]);
  });

  it('can be deleted while they are looked through', () => {
    const values = createByName<number>();
    for (const name of [a, b, other]) values.set(name, 1);
    const seen = [];
    for (const [name] of values.entries()) {
      seen.push(name);
      values.delete(name);
    }
    expect(seen).to.deep.equal([a, b, other]);
  });
});
