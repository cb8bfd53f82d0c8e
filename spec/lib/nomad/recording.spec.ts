import { readdirSync, readFileSync } from 'node:fs';
import { assert, expect } from 'chai';
import type { Registration } from '../../../lib/model/events.ts';
import { parseRegistrations } from '../../../lib/nomad/answers.ts';
import { isOfRun, parseRecording } from '../../../lib/nomad/recording.ts';

const folder = new URL('../../../fixtures/recordings/', import.meta.url);
const scenarios = readdirSync(folder)
  .filter((name) => name.endsWith('.ndjson'))
  .map((name) => name.replace('.ndjson', ''));

/** The simplest fold there is. */
function foldRegistrations(text: string): readonly Registration[] {
  const found = new Map<string, Registration>();
  for (const { what } of parseRecording(text)) {
    if (what.kind === 'snapshot-taken')
      for (const one of what.registrations) found.set(`${one.namespace}/${one.id}`, one);
    if (what.kind !== 'events') continue;
    expect(what.skipped).to.deep.equal([]);
    for (const event of what.events) {
      if (event.kind === 'service-registered') {
        found.set(`${event.registration.namespace}/${event.registration.id}`, event.registration);
      }
      if (event.kind === 'service-deregistered') found.delete(`${event.namespace}/${event.id}`);
    }
  }
  return [...found.values()];
}

describe('parseRecording', () => {
  for (const scenario of scenarios) {
    it(`reads ${scenario}, whose fold ends as Nomad did`, () => {
      const text = readFileSync(new URL(`${scenario}.ndjson`, folder), 'utf8');
      const after = JSON.parse(readFileSync(new URL(`${scenario}.after.json`, folder), 'utf8')) as {
        registrations: unknown;
      };
      const expected = parseRegistrations(after.registrations);
      assert(expected.ok);
      expect(foldRegistrations(text)).to.have.deep.members([...expected.value]);
    });
  }

  it('reads an admission', () => {
    const admitted = { namespace: 'default', id: 'web-1', address: '10.0.0.1', port: 80 };
    expect(parseRecording(`{"t":12,"admitted":${JSON.stringify(admitted)}}\n`)).to.deep.equal([
      { t: 12, what: { kind: 'instance-admitted', ...admitted } },
    ]);
  });

  it('reads ghosts, and an operator who lets services go', () => {
    const ghosts = [{ namespace: 'default', id: 'web-1', service: 'web', createIndex: 7 }];
    const services = ['default/web'];
    const lines = [`{"t":1,"ghosts":${JSON.stringify(ghosts)}}`, `{"t":2,"accepted":${JSON.stringify(services)}}`];
    expect(parseRecording(lines.join('\n'))).to.deep.equal([
      { t: 1, what: { kind: 'ghosts-seen', ghosts } },
      { t: 2, what: { kind: 'losses-accepted', services } },
    ]);
  });

  it('takes the events that a connector told of for news, and a snapshot for judged', () => {
    const snapshot = { index: 9, registrations: [], jobs: [], keep: ['default/web'] };
    const lines = [
      `{"t":1,"snapshot":${JSON.stringify(snapshot)}}`,
      '{"t":2,"told":{"Index":3}}',
      '{"t":2,"probed":true}',
    ];
    const read = parseRecording(lines.join('\n'));
    expect(read).to.deep.equal([
      { t: 1, what: { kind: 'snapshot-taken', ...snapshot } },
      { t: 2, what: { kind: 'told', events: [], skipped: [] } },
      { t: 2, what: { kind: 'snapshot-probed' } },
    ]);
    expect(isOfRun(read)).to.equal(true);
    expect(isOfRun(parseRecording('{"t":1,"snapshot":{"index":9,"registrations":[],"jobs":[]}}'))).to.equal(false);
  });

  describe('of a line that a crash cut short', () => {
    const whole = '{"t":5,"frame":{}}\n{"t":6,"probed":true}';
    const cut = (line: number) => ({
      kind: 'told',
      events: [],
      skipped: [{ what: `line ${line} of the recording`, why: 'it was cut off' }],
    });
    const kinds = (text: string) => parseRecording(text).map(({ what }) => what.kind);

    it('says so, wherever it was cut, and reads all before it', () => {
      const [first = '', last = ''] = whole.split('\n');
      for (let length = 1; length < last.length; length += 1) {
        const read = parseRecording(`${first}\n${last.slice(0, length)}`);
        expect(read, String(length)).to.deep.equal([
          { t: 5, what: { kind: 'heartbeat' } },
          { t: 5, what: cut(2) },
        ]);
      }
    });

    it('reads the segment that follows it', () => {
      expect(kinds(`${whole.slice(0, -3)}\n\n${whole}\n`)).to.deep.equal([
        'heartbeat',
        'told',
        'heartbeat',
        'snapshot-probed',
      ]);
    });
  });

  const bad: readonly (readonly [line: string, why: RegExp])[] = [
    ['{"t":1,"frame":', /JSON/],
    ['{"frame":{}}', /'t'/],
    ['{"t":1}', /one of the properties snapshot, frame, told, probed, admitted, ghosts, accepted, exchange/],
    ['{"t":1,"frame":{"Events":[]}}', /'Index'/],
    ['{"t":1,"ghosts":[{"id":"web-1"}]}', /\/ghosts\/0 .*'namespace'/],
    ['{"t":1,"accepted":["web"]}', /\/accepted\/0 .*pattern/],
    [
      '{"t":1,"snapshot":{"index":1,"registrations":[{"ID":"x"}],"jobs":[]}}',
      /\/snapshot\/registrations\/0 .*'ServiceName'/,
    ],
    ['{"t":1,"snapshot":{"index":1,"registrations":[],"jobs":[{}]}}', /\/snapshot\/jobs\/0 .*'ID'/],
  ];
  for (const [line, why] of bad) {
    it(`names the line and what is wrong with ${line.slice(0, 40)}`, () => {
      expect(() => parseRecording(`{"t":0,"frame":{}}\n\n${line}\n`))
        .to.throw(why)
        .with.nested.property('failure.where', 'line 3');
    });
  }
});
