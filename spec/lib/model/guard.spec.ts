import { expect } from 'chai';
import fc from 'fast-check';
import type { ServiceKey } from '../../../lib/model/events.ts';
import { foldHeld, judgeLosses } from '../../../lib/model/guard.ts';

/** `a1` is service 1 of namespace a. */
function keys(text: string): readonly ServiceKey[] {
  return text.split(' ').flatMap((word): ServiceKey[] => (word === '' ? [] : [`${word[0]!}/${word.slice(1)}`]));
}

describe('judgeLosses', () => {
  const ten = 'a1 a2 a3 a4 a5 a6 a7 a8 a9 a10';
  const cases: readonly (readonly [
    what: string,
    managed: string,
    lost: string,
    percent: number,
    held: string,
    why: string,
  ])[] = [
    ['nothing where nothing is missing', ten, '', 50, '', ''],
    ['nothing where nothing is managed', '', '', 50, '', ''],
    ['nothing for just the share that may go', ten, 'a1 a2 a3 a4 a5', 50, '', ''],
    [
      'all that is missing when it is more',
      ten,
      'a1 a2 a3 a4 a5 a6',
      50,
      'a1 a2 a3 a4 a5 a6',
      '6 of 10 managed services are missing at once',
    ],
    ['nothing for two, whatever their share', 'a1 a2 a3', 'a1 a2', 50, '', ''],
    ['three of four', 'a1 a2 a3 a4', 'a1 a2 a3', 50, 'a1 a2 a3', '3 of 4 managed services are missing at once'],
    [
      'three of many where no share may go',
      ten,
      'a1 a2 a3',
      0,
      'a1 a2 a3',
      '3 of 10 managed services are missing at once',
    ],
    ['nothing of a namespace where all may go', ten, 'a1 a2 a3 a4 a5 a6 a7 a8 a9', 100, '', ''],
    ['a namespace of one service', `${ten} b1`, 'b1', 50, 'b1', 'namespace b is missing whole'],
    [
      'only the namespace that is missing whole',
      `${ten} b1 b2`,
      'a1 b1 b2',
      50,
      'b1 b2',
      'namespace b is missing whole',
    ],
    ['a namespace where all may go', 'a1', 'a1', 100, 'a1', 'namespace a is missing whole'],
    [
      'everything, for two reasons',
      'a1 b1 b2',
      'a1 b1 b2',
      50,
      'a1 b1 b2',
      '3 of 3 managed services are missing at once; namespace a is missing whole; namespace b is missing whole',
    ],
  ];
  for (const [what, managed, lost, percent, held, why] of cases) {
    it(`holds ${what}`, () => {
      const found = keys(managed).filter((key) => !keys(lost).includes(key));
      const losses = judgeLosses(keys(lost), keys(managed).length, found, percent);
      expect(losses.services).to.deep.equal(keys(held));
      expect(losses.why).to.equal(why);
    });
  }

  it('does not take a namespace for missing in which there are other services now', () => {
    expect(judgeLosses(keys('a1 a2'), 2, keys('a3'), 50).services).to.deep.equal([]);
  });

  it('names a few namespaces and counts the rest', () => {
    const all = keys('a1 b1 c1 d1 e1 f1 g1');
    const { namespaces, why } = judgeLosses(all, all.length, [], 100);
    expect(namespaces).to.have.length(7);
    expect(why).to.match(/namespace e is missing whole; and 2 namespaces more$/);
  });

  it('never leaves a namespace empty, nor lets more than the share go when it is three or more', () => {
    const key = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(20)).map(([ns, n]): ServiceKey => `${ns}/${n}`);
    const sets = fc.uniqueArray(key).chain((managed) => fc.tuple(fc.constant(managed), fc.subarray(managed)));
    fc.assert(
      fc.property(sets, fc.nat(100), ([managed, lost], percent) => {
        const found = managed.filter((one) => !lost.includes(one));
        const { services } = judgeLosses(lost, managed.length, found, percent);
        const gone = lost.filter((one) => !services.includes(one));
        const left = managed.filter((one) => !gone.includes(one));
        const namespaces = (list: readonly ServiceKey[]) => new Set(list.map((one) => one.slice(0, 1)));
        expect(namespaces(left)).to.deep.equal(namespaces(managed));
        expect(gone.length < 3 || gone.length * 100 <= percent * managed.length).to.equal(true);
        expect(lost).to.include.members([...services]);
      }),
    );
  });
});

describe('foldHeld', () => {
  const held = { services: keys('a1 a2'), namespaces: [], why: 'so' };

  it('takes what is held now for all there is', () => {
    const next = foldHeld(held, { kind: 'losses-held', ...held, services: keys('b1'), confirmInMs: 1 });
    expect(next?.services).to.deep.equal(keys('b1'));
  });

  it('takes out what is released, until nothing is left', () => {
    const one = foldHeld(held, { kind: 'losses-released', services: keys('a1'), by: 'return' });
    expect(one).to.deep.equal({ ...held, services: keys('a2') });
    expect(foldHeld(one, { kind: 'losses-released', services: keys('a2 b1'), by: 'operator' })).to.equal(undefined);
    expect(foldHeld(undefined, { kind: 'losses-released', services: [], by: 'operator' })).to.equal(undefined);
  });
});
