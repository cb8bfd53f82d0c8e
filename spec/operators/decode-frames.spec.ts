import { expect } from 'chai';
import fc from 'fast-check';
import { concat, from, lastValueFrom, of, take, throwError, toArray } from 'rxjs';
import { decodeFrames } from '../../operators/decode-frames.ts';
import { marbles } from '../support/marbles.ts';

const encoder = new TextEncoder();
const bytes = (text: string) => encoder.encode(text);
const decode = (maxLineBytes?: number) =>
  decodeFrames(
    (line) => line,
    (size) => `oversized: ${size}`,
    maxLineBytes,
  );

function framesOf(chunks: readonly Uint8Array[], maxLineBytes?: number): Promise<readonly string[]> {
  return lastValueFrom(from(chunks).pipe(decode(maxLineBytes), toArray()), { defaultValue: [] });
}

describe('decodeFrames', () => {
  it('emits the frames of a chunk when it comes', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' --a----b---|', { a: bytes('one\ntwo\n'), b: bytes('three\n') });
      const subs = '        ^----------!';
      const expected = '    --(xy)-z---|';
      expectObservable(source.pipe(decode())).toBe(expected, { x: 'one', y: 'two', z: 'three' });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('carries a partial line over to the next chunk', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' --a--b--c--|', { a: bytes('on'), b: bytes('e'), c: bytes('\ntw') });
      const subs = '        ^----------!';
      const expected = '    --------x--(y|)';
      expectObservable(source.pipe(decode())).toBe(expected, { x: 'one', y: 'tw' });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('ignores blank lines', async () => {
    expect(await framesOf([bytes('\n\none\n\r\n  \ntwo\n\n')])).to.deep.equal(['one', 'two']);
  });

  it('joins characters that were split between chunks', async () => {
    const text = bytes('{"name":"größe-€-🚀"}\n');
    expect(await framesOf([...text].map((byte) => Uint8Array.of(byte)))).to.deep.equal(['{"name":"größe-€-🚀"}']);
  });

  it('reports an oversized line once, when it ends, and goes on after it', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const chunks = { a: bytes('12345'), b: bytes('6789'), c: bytes('0\nok\n') };
      const source = cold(' --a--b--c---|', chunks);
      const subs = '        ^-----------!';
      const expected = '    --------(xy)|';
      expectObservable(source.pipe(decode(8))).toBe(expected, { x: 'oversized: 10', y: 'ok' });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('takes a line of exactly the bound, counted in bytes', async () => {
    expect(await framesOf([bytes('1234567€\n')], 10)).to.deep.equal(['1234567€']);
    expect(await framesOf([bytes('1234567€\n')], 9)).to.deep.equal(['oversized: 10']);
  });

  it('starts the next line clean after an oversized one that broke off within a character', async () => {
    expect(await framesOf([bytes('12345€').subarray(0, 7), bytes('\nok\n')], 3)).to.deep.equal(['oversized: 7', 'ok']);
  });

  it('reports an oversized line that the end cuts off', async () => {
    expect(await framesOf([bytes('12345')], 4)).to.deep.equal(['oversized: 5']);
  });

  it('decodes a line of 4 MiB in small chunks', async () => {
    const line = 'x'.repeat(4 * 1024 * 1024);
    const text = bytes(`${line}\n`);
    const chunks = Array.from({ length: Math.ceil(text.length / 1024) }, (_, n) =>
      text.subarray(n * 1024, (n + 1) * 1024),
    );
    expect((await framesOf(chunks))[0] === line).to.equal(true);
  });

  it('gives the same frames however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: fc.constantFrom('a', '€', '🚀', '\n', ' ') }),
        fc.array(fc.nat(60)),
        async (text, cuts) => {
          const whole = bytes(text);
          const at = [0, ...cuts.sort((a, b) => a - b), whole.length];
          const chunks = at.slice(1).map((end, n) => whole.subarray(at[n], end));
          expect(await framesOf(chunks, 12)).to.deep.equal(await framesOf([whole], 12));
        },
      ),
    );
  });

  it('completes with an empty source', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<Uint8Array>('|');
      expectObservable(source.pipe(decode())).toBe('|');
      expectSubscriptions(source.subscriptions).toBe('(^!)');
    });
  });

  it('stays silent with a source that never emits', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold<Uint8Array>('-');
      expectObservable(source.pipe(decode()), '^---!').toBe('-----');
      expectSubscriptions(source.subscriptions).toBe('^---!');
    });
  });

  it('forwards an error and drops the partial line', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' --a--#', { a: bytes('one\ntw') });
      const subs = '        ^----!';
      const expected = '    --x--#';
      expectObservable(source.pipe(decode())).toBe(expected, { x: 'one' });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('leaves the source when the consumer does, within a chunk too', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' --a---a---|', { a: bytes('one\ntwo\n') });
      const subs = '        ^-----!';
      const expected = '    --(xy)(x|)';
      expectObservable(source.pipe(decode(), take(3))).toBe(expected, { x: 'one', y: 'two' });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('parses no further than a consumer of a synchronous source reads', () => {
    const parsed: string[] = [];
    const frames = concat(
      of(bytes('one\ntwo\n')),
      throwError(() => new Error('read too far')),
    );
    frames
      .pipe(
        decodeFrames(
          (line) => parsed.push(line),
          (size) => size,
        ),
        take(1),
      )
      .subscribe();
    expect(parsed).to.deep.equal(['one']);
  });

  it('shares nothing between subscriptions', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  -a---b---|', { a: bytes('on'), b: bytes('e\n') });
      const frames = source.pipe(decode());
      const first = '        ^--!';
      const second = '       ----^';
      const expected = '     ---------x---|';
      expectObservable(frames, first).toBe('----');
      expectObservable(frames, second).toBe(expected, { x: 'one' });
      expectSubscriptions(source.subscriptions).toBe(['^--!', '----^--------!']);
    });
  });
});
