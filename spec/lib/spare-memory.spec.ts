import { expect } from 'chai';
import { EMPTY, map, throwError, type ObservableInput } from 'rxjs';
import { returnSpare, thisProcess, type Household } from '../../lib/spare-memory.ts';
import { marbles } from '../support/marbles.ts';

/** What a look finds: bytes on the heap, and how busy the process was since the look before. */
type Look = readonly [heap: number, busy: number];

const MB = 1_000_000;

/** A process of which `inUse` bytes are left by a collection. */
function given(looks: readonly Look[], inUse = 0, collection: ObservableInput<unknown> = EMPTY): Household {
  let at = -1;
  let collected = false;
  return {
    busy: () => {
      at += 1;
      collected = false;
      return looks[at]![1];
    },
    heap: () => (collected ? inUse : looks[at]![0]),
    collect: () => {
      collected = true;
      return collection;
    },
  };
}

describe('returnSpare', () => {
  it('collects what a start has left, at the first look', () => {
    marbles(({ expectObservable }) => {
      const spared = returnSpare(given([[606 * MB, 0]], 277 * MB), 5);
      expectObservable(spared, '------!').toBe('-----a', { a: { before: 606 * MB, after: 277 * MB } });
    });
  });

  it('waits for a stretch in which the process is calm', () => {
    const looks: Look[] = [
      [606 * MB, 1],
      [606 * MB, 0.3],
      [606 * MB, 0.05],
    ];
    marbles(({ expectObservable }) => {
      expectObservable(returnSpare(given(looks, 277 * MB), 5), '----------------!').toBe('---------------a', {
        a: { before: 606 * MB, after: 277 * MB },
      });
    });
  });

  it('collects again when the heap is half as large again as what was in use', () => {
    const looks: Look[] = [
      [606 * MB, 0],
      [414 * MB, 0],
      [417 * MB, 0],
    ];
    marbles(({ expectObservable }) => {
      expectObservable(returnSpare(given(looks, 277 * MB), 5), '----------------!').toBe('-----a---------b', {
        a: { before: 606 * MB, after: 277 * MB },
        b: { before: 417 * MB, after: 277 * MB },
      });
    });
  });

  it('does nothing for less than 16 MB', () => {
    const looks: Look[] = [
      [15 * MB, 0],
      [28 * MB, 0],
      [29 * MB, 0],
      [30 * MB, 0],
    ];
    marbles(({ expectObservable }) => {
      expectObservable(returnSpare(given(looks, 14 * MB), 5), '---------------------!').toBe('----------a---------b', {
        a: { before: 28 * MB, after: 14 * MB },
        b: { before: 30 * MB, after: 14 * MB },
      });
    });
  });

  it('begins no collection while one is under way', () => {
    const looks: Look[] = [
      [606 * MB, 0],
      [700 * MB, 0],
    ];
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const collection = cold('-------|');
      const subs = '-----^------!';
      const spared = returnSpare(given(looks, 0, collection), 5).pipe(map(() => 'over'));
      expectObservable(spared, '-------------!').toBe('------------a', { a: 'over' });
      expectSubscriptions(collection.subscriptions).toBe(subs);
    });
  });

  it('passes on that a process cannot collect', () => {
    marbles(({ expectObservable }) => {
      const spared = returnSpare(
        given(
          [[606 * MB, 0]],
          0,
          throwError(() => new Error('no inspector')),
        ),
        5,
      );
      expectObservable(spared).toBe('-----#', {}, new Error('no inspector'));
    });
  });

  it('collects in this process', async () => {
    const { heap, collect, busy } = thisProcess();
    let garbage: unknown[] | undefined = Array.from({ length: 200_000 }, (_, n) => ({ n }));
    const before = heap();
    expect(garbage).to.have.length(200_000);
    garbage = undefined;
    await collect();
    expect(before - heap()).to.be.above(4 * MB);
    expect(busy()).to.be.within(0, 1);
  });
});
