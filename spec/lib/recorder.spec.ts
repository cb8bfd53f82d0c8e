import { expect } from 'chai';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { concatMap, from, lastValueFrom, type Observable } from 'rxjs';
import type { Catalog } from '../../lib/model/catalog.ts';
import type { Event } from '../../lib/model/events.ts';
import type { Notice } from '../../lib/model/notice.ts';
import { isOfRun, parseRecording } from '../../lib/nomad/recording.ts';
import { createRecorder, type Recorder } from '../../lib/recorder.ts';
import { foldCatalog } from '../../operators/fold-catalog.ts';
import { tellFacts } from '../../streams/recorded-events.ts';
import { createScratch } from '../support/command-line.ts';
import { admitted, keeping, readRecording, recordings, registration, snapshot } from '../support/given.ts';
import { replayRecording, rowsIn, servingIn } from '../support/replayed.ts';

describe('createRecorder', () => {
  const scratch = createScratch();
  after(scratch.remove);

  function start(name: string, maxBytes: number): { readonly path: string; readonly recorder: Recorder } {
    const fail = (why: unknown) => {
      throw new Error(String(why));
    };
    const path = scratch.path(name);
    return { path, recorder: createRecorder({ path, maxBytes, lost: fail, trouble: fail }) };
  }

  /** All that decides what happens next, after these events. */
  async function known(events: Observable<Event>, recorder?: Recorder) {
    let catalog: Catalog | undefined;
    const witness = {
      catalog: (given: Catalog) => {
        catalog = given;
        recorder?.witness.catalog(given);
      },
      event: (event: Event) => recorder?.witness.event(event),
    };
    await lastValueFrom(events.pipe(foldCatalog('haproxy', undefined, undefined, witness)), {
      defaultValue: undefined,
    });
    await recorder?.close();
    const { services, jobs } = catalog!;
    return {
      services: Object.fromEntries([...services].sort(([a], [b]) => (a < b ? -1 : 1))),
      jobs: Object.fromEntries([...jobs].sort(([a], [b]) => (a < b ? -1 : 1))),
    };
  }

  const factsOf = (...paths: readonly string[]): Observable<Event> =>
    from(parseRecording(paths.map((path) => readFileSync(path, 'utf8')).join(''))).pipe(
      tellFacts(),
    ) as Observable<Event>;

  /** As they come: some together, some apart; every other instance answers its probe. */
  const paced = (events: readonly Event[]) =>
    from(events).pipe(
      concatMap(async (event, n) => {
        if (n % 5 === 0) await setTimeout();
        return event;
      }),
      concatMap((event) =>
        event.kind === 'service-registered' && event.registration.port % 2 === 0
          ? [event, admitted(event.registration)]
          : [event],
      ),
    );

  for (const recording of recordings) {
    it(`records ${recording} so that the last segment alone, and both, come to the same`, async () => {
      const { events } = readRecording(recording);
      const sizes = start(`${recording}-whole`, 1e9);
      await known(paced(events), sizes.recorder);
      const whole = statSync(sizes.path).size;

      const { path, recorder } = start(recording, Math.ceil(whole * 1.5));
      const expected = await known(paced(events), recorder);
      if (recording.startsWith('burst')) expect(existsSync(`${path}.1`)).to.equal(true);
      const segments = [`${path}.1`, path].filter((one) => existsSync(one));
      for (const segment of segments) expect(statSync(segment).size).to.be.at.most(Math.ceil(whole * 0.75));
      const [first] = parseRecording(readFileSync(path, 'utf8'));
      expect(first?.what.kind).to.equal('snapshot-taken');
      expect(await known(factsOf(path))).to.deep.equal(expected);
      expect(await known(factsOf(...segments))).to.deep.equal(expected);
    });
  }

  it('comes to the same configuration when the last segment is replayed alone', async () => {
    const { events } = readRecording('burst-100.nomad-1.10');
    const all = events.flatMap((event) =>
      event.kind === 'service-registered' ? [event, admitted(event.registration)] : [event],
    );
    const probed = all.flatMap((event): Event[] =>
      event.kind === 'snapshot-taken' ? [event, { kind: 'snapshot-probed' }] : [event],
    );
    const large = start('config-whole', 1e9);
    await known(paced(probed), large.recorder);
    const small = start('config-ring', statSync(large.path).size);
    await known(paced(probed), small.recorder);
    expect(existsSync(`${small.path}.1`)).to.equal(true);
    /** Whether the backend of a service that has gone is kept depends on how long it was there. */
    const endOf = async (path: string) => {
      const { end } = await replayRecording(path, '--until', '60000');
      const serving = Object.entries(servingIn(end.config)).filter(([, slots]) => slots.length > 0);
      const rows = rowsIn(end.maps).filter((row) => serving.some(([backend]) => row.endsWith(` ${backend}`)));
      return { serving: Object.fromEntries(serving), rows: rows.toSorted() };
    };
    const end = await endOf(large.path);
    expect(Object.keys(end.serving)).to.have.length(50);
    expect(end.rows).to.have.length(50);
    expect(await endOf(small.path)).to.deep.equal(end);
  });

  it('can be read wherever a crash cuts it, and comes to what was known by then', async () => {
    const { path, recorder } = start('cut', 1e6);
    await known(paced(readRecording('rolling-update.nomad-2.0').events), recorder);
    const text = readFileSync(path, 'utf8');
    const head = text.indexOf('\n', text.indexOf('"snapshot"'));
    for (let length = head; length < text.length; length += 97) {
      const read = parseRecording(text.slice(0, length));
      expect(isOfRun(read)).to.equal(true);
      expect(read.length).to.be.within(1, text.slice(0, length).split('\n').length);
    }
  });

  it('remembers what the guard holds', async () => {
    const [web, db] = [registration(), registration({ service: 'db' })];
    const { path, recorder } = start('held', 2600);
    recorder.observe({ kind: 'losses-held', services: ['default/db'], namespaces: [], why: '', confirmInMs: 1 });
    const events = [
      snapshot([web, db]),
      keeping(['default/db'], web),
      ...Array.from({ length: 6 }, () => admitted(web)),
    ];
    const expected = await known(paced(events), recorder);
    expect(existsSync(`${path}.1`)).to.equal(true);
    expect(await known(factsOf(path))).to.deep.equal(expected);
    expect(Object.keys(expected.services)).to.deep.equal(['default/db', 'default/web']);
    const kept = parseRecording(readFileSync(path, 'utf8')).flatMap(({ what }) =>
      what.kind === 'snapshot-taken' ? [what.keep] : [],
    );
    expect(kept).to.deep.equal([[], ['default/db']]);
  });

  it('writes what went to HAProxy beside it, also before there is a snapshot', async () => {
    const { path, recorder } = start('exchanges', 1e6);
    const exchange = { method: 'GET', path: '/info', ms: 1, error: 'ECONNREFUSED' };
    recorder.exchange(exchange);
    recorder.observe({ kind: 'settled', service: 'default/web' } satisfies Notice);
    await recorder.close();
    const read = parseRecording(readFileSync(path, 'utf8'));
    expect(read.map(({ what }) => what)).to.deep.equal([{ kind: 'exchange', exchange }]);
    expect(read[0]?.t).to.be.closeTo(Date.now(), 60_000);
  });
});
