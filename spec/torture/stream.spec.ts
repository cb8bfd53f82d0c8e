import { expect } from 'chai';
import { from, toArray } from 'rxjs';
import { FailureError } from '../../lib/model/failure.ts';
import { parseFrame, type Frame } from '../../lib/nomad/frames.ts';
import { decodeFrames } from '../../operators/decode-frames.ts';
import { valueNow } from '../model-based/value-now.ts';
import { isThorough } from '../model-based/effort.ts';
import { bytesOf, happen, readRecording, restoreStart, startTorture, type Torture } from './torture.ts';

const recording = readRecording('node-drain.nomad-1.10');
const { frames } = recording;
const bytes = bytesOf(frames);
/** Every byte, or a few of every frame. */
const step = isThorough ? 1 : 97;
const positions = Array.from({ length: Math.floor(bytes.length / step) + 1 }, (_, n) => n * step);
const turns = frames.map((_, at) => at);

const reset = new FailureError({ kind: 'unreachable', message: 'ECONNRESET', where: 'a stream', hint: 'none' });
const minute = 60_000;
/** Longer than it can take until what left no trace is found. */
const healed = 11 * minute;

/** The catalog after the recording has happened, with this stream instead of Nomad's; as soon as it is as `expected`. */
function catalogAfter(disturb: (torture: Torture) => void, buffer = 100, expected?: string): string {
  const torture = startTorture(recording, { buffer });
  happen(torture.state, frames);
  disturb(torture);
  torture.time.advance(minute);
  if (torture.catalog() !== expected) torture.time.advance(healed);
  torture.stop();
  return torture.catalog();
}

const undisturbed = catalogAfter(({ stream }) => {
  stream.next(bytes);
});

function expectUnharmed(what: string, disturb: (torture: Torture) => void, buffer?: number): void {
  const after = catalogAfter(disturb, buffer, undisturbed);
  // A message for each of thousands of positions would take longer than they do.
  if (after !== undisturbed) expect(after, what).to.equal(undisturbed);
}

function framesIn(chunks: readonly Uint8Array[]): readonly Frame[] {
  const oversized = (size: number): Frame => ({ kind: 'malformed', excerpt: '', why: `${size} bytes` });
  return valueNow(from(chunks).pipe(decodeFrames(parseFrame, oversized), toArray()));
}

function permutations<T>(all: readonly T[]): readonly (readonly T[])[] {
  if (all.length < 2) return [all];
  return all.flatMap((one, at) => permutations(all.toSpliced(at, 1)).map((rest) => [one, ...rest]));
}

describe('a tortured stream', function () {
  this.timeout(120_000);

  it('changes the catalog when nothing is wrong with it', () => {
    expect(undisturbed).to.not.equal(startTorture(recording).catalog());
  });

  it(`says the same in two chunks, cut at ${positions.length} of ${bytes.length} bytes`, () => {
    const whole = JSON.stringify(framesIn([bytes]));
    expect(framesIn([bytes])).to.have.length(frames.length);
    for (const at of positions) {
      const cut = JSON.stringify(framesIn([bytes.subarray(0, at), bytes.subarray(at)]));
      if (cut !== whole) expect(cut, `cut at ${at}`).to.equal(whole);
    }
  });

  for (const buffer of [100, 1]) {
    it(`loses nothing when it ends at ${positions.length} of ${bytes.length} bytes, and Nomad has ${buffer} frames left`, () => {
      for (const at of positions) {
        expectUnharmed(
          `ended at ${at}`,
          ({ stream }) => {
            stream.next(bytes.subarray(0, at));
            if (at % 2 === 0) stream.complete();
            else stream.error(reset);
          },
          buffer,
        );
      }
    });
  }

  it('loses nothing when a server says why it ends, behind any frame', () => {
    for (const at of turns) {
      expectUnharmed(`text before frame ${at}`, ({ stream }) => {
        stream.next(bytesOf(frames.slice(0, at)));
        stream.next(Buffer.from('subscription closed by server, client should resubscribe'));
        stream.complete();
      });
    }
  });

  it('loses nothing when it falls silent behind any frame', () => {
    for (const at of turns) {
      expectUnharmed(`silent before frame ${at}`, ({ stream }) => {
        stream.next(bytesOf(frames.slice(0, at)));
      });
    }
  });

  it('means the same in whatever order its frames come', () => {
    for (const order of permutations(turns)) {
      expectUnharmed(`in the order ${order.join()}`, ({ stream }) => {
        stream.next(bytesOf(order.map((at) => frames[at]!)));
      });
    }
  });

  it('means the same when a frame comes again, at once or later', () => {
    for (const one of turns) {
      for (const again of turns.slice(one)) {
        expectUnharmed(`frame ${one} again behind ${again}`, ({ stream }) => {
          stream.next(bytesOf(frames.toSpliced(again + 1, 0, frames[one]!)));
        });
      }
    }
  });

  it('means the same without any one of its frames', () => {
    for (const lost of turns) {
      expectUnharmed(`without frame ${lost}`, ({ stream }) => {
        stream.next(bytesOf(frames.toSpliced(lost, 1)));
      });
    }
  });

  it('follows Nomad back to where a backup was taken, behind any frame', () => {
    for (const at of turns) {
      const torture = startTorture(recording);
      const before = torture.catalog();
      happen(torture.state, frames.slice(0, at + 1));
      torture.stream.next(bytesOf(frames.slice(0, at + 1)));
      restoreStart(torture.state, recording.start);
      torture.stream.complete();
      torture.time.advance(minute);
      torture.stop();
      expect(torture.catalog(), `restored behind frame ${at}`).to.equal(before);
    }
  });
});
