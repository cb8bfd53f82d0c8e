import { checkpointOf } from './model/checkpoint.ts';
import type { Catalog } from './model/catalog.ts';
import type { Event } from './model/events.ts';
import type { Exchange } from './model/exchange.ts';
import { foldHeld, type Losses } from './model/guard.ts';
import type { Notice } from './model/notice.ts';
import type { Witness } from './model/witness.ts';
import { exchangeLine, lineOf } from './nomad/write-recording.ts';
import { openRing, type RingOptions } from './ring-file.ts';

/** Keeps the last of what happens in a file, as a recording that `replay` reads. */
export interface Recorder {
  readonly witness: Witness;
  readonly exchange: (exchange: Exchange) => void;
  readonly observe: (notice: Notice) => void;
  /** Resolves when what was seen is written. */
  readonly close: () => Promise<void>;
}

/**
 * Records what the catalog takes in and what goes over to HAProxy. `t` is wall-clock time (ms), so that what another
 * process of the same file wrote stands before. Only what is told of the catalog decides what a replay comes to.
 */
export function createRecorder(options: Omit<RingOptions, 'head'>): Recorder {
  let catalog: Catalog | undefined;
  let held: Losses | undefined;
  /** Nomad's, of the newest event. */
  let index = 0;
  const ring = openRing({ ...options, head });

  /** The state is that of the call, whenever the lines are asked for. */
  function head(): Iterable<string> {
    const t = Date.now();
    const events = catalog === undefined ? [] : checkpointOf(catalog, index, held?.services ?? []);
    return linesOf(t, events);
  }

  return {
    witness: {
      catalog: (given) => {
        catalog = given;
      },
      event: (event) => {
        if ('index' in event) ({ index } = event);
        if (event.kind === 'marks-found') return;
        const line = lineOf(Date.now(), event);
        ring.add(event.kind === 'snapshot-taken' ? line : [...line].join(''));
      },
    },
    exchange: (exchange) => {
      ring.add(exchangeLine(Date.now(), exchange));
    },
    observe: (notice) => {
      if (notice.kind === 'losses-held' || notice.kind === 'losses-released') held = foldHeld(held, notice);
    },
    close: ring.close,
  };
}

function* linesOf(t: number, events: readonly Event[]): Generator<string> {
  for (const event of events) yield* lineOf(t, event);
}
