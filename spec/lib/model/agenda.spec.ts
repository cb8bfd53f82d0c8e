import { expect } from 'chai';
import fc from 'fast-check';
import { createAgenda } from '../../../lib/model/agenda.ts';

describe('createAgenda', () => {
  it('gives out what is due, earliest first, and once', () => {
    const agenda = createAgenda<string>();
    agenda.set('late', 30);
    agenda.set('soon', 10);
    agenda.set('now', 0);
    agenda.set('soon too', 10);
    expect(agenda.next()).to.equal(0);
    expect(agenda.take(10)).to.deep.equal(['now', 'soon', 'soon too']);
    expect(agenda.take(10)).to.deep.equal([]);
    expect(agenda.next()).to.equal(30);
  });

  it('keeps the order in which keys came to one time', () => {
    const agenda = createAgenda<string>();
    for (const key of ['a', 'b', 'a']) agenda.set(key, 0);
    expect(agenda.take(0)).to.deep.equal(['a', 'b']);
  });

  it('knows one time of each key, and none of what was taken off', () => {
    const agenda = createAgenda<string>();
    agenda.set('a', 10);
    agenda.set('a', 20);
    agenda.set('b', 20);
    agenda.delete('b');
    expect(agenda.take(19)).to.deep.equal([]);
    expect(agenda.take(20)).to.deep.equal(['a']);
    expect(agenda.next()).to.equal(Infinity);
  });

  it('does as a table that is searched through', () => {
    const act = fc.oneof(
      fc.record({ set: fc.integer({ min: 1, max: 8 }), at: fc.integer({ min: 0, max: 20 }) }),
      fc.record({ delete: fc.integer({ min: 1, max: 8 }) }),
      fc.record({ take: fc.integer({ min: 0, max: 20 }) }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const agenda = createAgenda<number>();
        const table = new Map<number, number>();
        for (const one of acts) {
          if ('set' in one) {
            agenda.set(one.set, one.at);
            table.set(one.set, one.at);
          } else if ('delete' in one) {
            agenda.delete(one.delete);
            table.delete(one.delete);
          } else {
            const due = [...table.keys()].filter((key) => table.get(key)! <= one.take);
            for (const key of due) table.delete(key);
            expect(agenda.take(one.take)).to.have.members(due);
          }
          expect(agenda.next()).to.equal(Math.min(...table.values(), Infinity));
        }
      }),
    );
  });
});
