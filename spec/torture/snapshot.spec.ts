import { expect } from 'chai';
import { isNotice } from '../../lib/model/notice.ts';
import type { SimulatedNomad } from '../model-based/nomad.ts';
import { readEnd, startTorture, type Torture } from './torture.ts';

/** A list, a request for each service, and one for each job. */
const start = readEnd('domains.nomad-1.10');
const requests = 1 + new Set(start.registrations.map((one) => one.ServiceName)).size + start.jobs.length;

/** Before the first audit. */
const soon = 20_000;
/** Longer than it can take until a job that could not be read is asked for again. */
const healed = 11 * 60_000;

function whole(torture: Torture): string {
  torture.time.advance(healed);
  torture.stop();
  return torture.catalog();
}

const undisturbed = whole(startTorture({ start }));

/** Kinds of what was told from somewhere on, up to the first snapshot. */
function toldUntilSnapshot({ told }: Torture, from: number): readonly string[] {
  const at = told.findIndex(({ kind }, n) => n >= from && kind === 'snapshot-taken');
  return told
    .slice(from, at)
    .filter((one) => !isNotice(one))
    .map(({ kind }) => kind);
}

function complaints({ told }: Torture): number {
  return told.filter(({ kind }) => kind === 'nomad-lost' || kind === 'nomad-input-skipped').length;
}

function each(count: number): readonly number[] {
  return Array.from({ length: count }, (_, k) => k);
}

describe('a snapshot', () => {
  for (const kind of ['unreachable', 'unauthorized', 'malformed'] as const) {
    it(`changes nothing when any of its requests fails (${kind}), and is complete in the end`, () => {
      for (const k of each(1 + requests)) {
        const before = (nomad: SimulatedNomad) => {
          nomad.failRequests(k, 1, kind);
        };
        const torture = startTorture({ start }, { before });
        torture.time.advance(soon);
        expect(complaints(torture), `request ${k}`).to.equal(1);
        expect(toldUntilSnapshot(torture, 0), `request ${k}`).to.deep.equal([]);
        expect(whole(torture), `request ${k}`).to.equal(undisturbed);
      }
    });

    it(`leaves what is known as it is when any request of a later one fails (${kind})`, () => {
      const [gone, ...left] = start.registrations;
      const without = whole(startTorture({ start: { ...start, index: start.index + 1, registrations: left } }));
      /** After one that asks why the stream has ended: namespaces, stream and index, then all but those of what went. */
      for (const k of each(3 + requests - 2).map((n) => n + 1)) {
        const torture = startTorture({ start });
        const from = torture.told.length;
        torture.nomad.cluster.silently(() => {
          torture.nomad.cluster.stop([gone!], 'ServiceDeregistration');
        });
        torture.nomad.failRequests(k, 1, kind);
        torture.stream.complete();
        torture.time.advance(soon);
        expect(complaints(torture), `request ${k}`).to.equal(2);
        expect(toldUntilSnapshot(torture, from), `request ${k}`).to.deep.equal([]);
        expect(whole(torture), `request ${k}`).to.equal(without);
      }
    });
  }
});
