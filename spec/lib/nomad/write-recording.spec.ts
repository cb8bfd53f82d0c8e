import { expect } from 'chai';
import type { Event } from '../../../lib/model/events.ts';
import { parseRecording } from '../../../lib/nomad/recording.ts';
import { exchangeLine, lineOf } from '../../../lib/nomad/write-recording.ts';
import { job, jobCheck, readRecording, recordings, registration } from '../../support/given.ts';

function written(t: number, ...events: readonly Event[]): string {
  return events.flatMap((event) => [...lineOf(t, event)]).join('');
}

/** What a recording of these events is read as. */
function read(...events: readonly Event[]): readonly Event[] {
  return parseRecording(written(7, ...events)).flatMap(({ what }): readonly Event[] => {
    if (what.kind === 'told') return what.events;
    return what.kind === 'heartbeat' || what.kind === 'events' || what.kind === 'exchange' ? [] : [what];
  });
}

describe('lineOf', () => {
  const check = jobCheck({ intervalMs: 0.5, headers: { Host: ['a.com'] } });
  const work = job({ stable: false }, { checks: [check], count: 3, canaries: 1, scalingMax: 9 });
  const inTask = { ...work, id: 'task', services: work.services.map((one) => ({ ...one, task: 'app' })) };
  const updated = { ...work, modifyIndex: 8, earlier: [{ ...work, modifyIndex: 6 }, work] };
  const events: readonly Event[] = [
    {
      kind: 'snapshot-taken',
      index: 9,
      registrations: [registration()],
      jobs: [updated, inTask],
      keep: ['default/db'],
    },
    { kind: 'snapshot-probed' },
    { kind: 'service-registered', index: 10, registration: registration({ tags: ['é"\n'] }) },
    { kind: 'service-deregistered', index: 11, namespace: 'default', id: 'web-1', service: 'web' },
    { kind: 'job-registered', index: 12, job: inTask },
    { kind: 'job-deregistered', index: 13, namespace: 'default', id: 'web' },
    { kind: 'instance-admitted', namespace: 'default', id: 'web-1', address: '10.0.0.1', port: 80 },
    { kind: 'ghosts-seen', ghosts: [{ namespace: 'default', id: 'web-1', service: 'web', createIndex: 7 }] },
    { kind: 'losses-accepted', services: ['default/web'] },
  ];
  for (const event of events) {
    it(`writes ${event.kind} so that it is read as it was`, () => {
      expect(read(event)).to.deep.equal([event]);
    });
  }

  for (const recording of recordings) {
    it(`writes all that ${recording} tells so that it is read as it was`, () => {
      const told = readRecording(recording).events.map((event) =>
        event.kind === 'snapshot-taken' ? { ...event, keep: [] } : event,
      );
      expect(read(...told)).to.deep.equal(told);
    });
  }

  it('writes a snapshot of any size in small pieces', () => {
    const many = Array.from({ length: 1000 }, (_, n) => registration({ port: n + 1 }));
    const event: Event = { kind: 'snapshot-taken', index: 9, registrations: many, jobs: [], keep: [] };
    const pieces = [...lineOf(0, event)];
    expect(Math.max(...pieces.map(({ length }) => length))).to.be.below(50_000);
    expect(read(event)).to.deep.equal([event]);
  });

  it('leaves out what headers of a check may hold', () => {
    const secret = jobCheck({ headers: { Authorization: ['Bearer planted'], host: ['a.com'] } });
    const text = written(0, { kind: 'job-registered', index: 1, job: job({}, { checks: [secret] }) });
    expect(text).to.include('a.com').and.not.include('planted');
  });

  it('leaves out what HAProxy told of an earlier run', () => {
    expect(written(0, { kind: 'marks-found', marks: [] })).to.equal('');
  });
});

describe('exchangeLine', () => {
  for (const exchange of [
    { method: 'POST', path: '/services/x?version=1', ms: 35.5, status: 202, sent: 'a\n', got: 'b' },
    { method: 'GET', path: '/info', ms: 1, error: 'ECONNREFUSED' },
  ]) {
    it(`is read as it was: ${exchange.method}`, () => {
      expect(parseRecording(exchangeLine(12.4, exchange))).to.deep.equal([
        { t: 12, what: { kind: 'exchange', exchange } },
      ]);
    });
  }
});
