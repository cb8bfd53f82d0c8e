import { expect } from 'chai';
import { asyncScheduler, count, lastValueFrom, map, toArray, VirtualTimeScheduler } from 'rxjs';
import { parseRecording, recordedEvents } from '../../streams/recorded-events.ts';

function service(index: number, id: string, type = 'ServiceRegistration'): object {
  return {
    Index: index,
    Events: [
      {
        Topic: 'Service',
        Type: type,
        Namespace: 'default',
        Key: id,
        Index: index,
        Payload: { Service: registration(index, id) },
      },
    ],
  };
}

function registration(index: number, id: string): object {
  return {
    ID: id,
    ServiceName: 'web',
    Namespace: 'default',
    NodeID: 'n',
    JobID: 'web',
    AllocID: 'a',
    Tags: null,
    Address: '10.0.0.1',
    Port: 80,
    CreateIndex: index,
    ModifyIndex: index,
  };
}

const recording = parseRecording(
  [
    { t: 0, snapshot: { index: 5, registrations: [registration(5, 'w1')], jobs: [] } },
    { t: 5, frame: {} },
    { t: 6, frame: service(5, 'w1') },
    { t: 40, frame: service(6, 'w2') },
    { t: 40, admitted: { namespace: 'default', id: 'w2', address: '10.0.0.1', port: 80 } },
    { t: 50, ghosts: [{ namespace: 'default', id: 'w2', service: 'web', createIndex: 6 }] },
    { t: 60, accepted: ['default/web'] },
    { t: 60_040, frame: service(7, 'w1', 'PlanResult') },
    { t: 60_041, frame: { Index: 8, Events: [{ Topic: 'Node' }] } },
  ]
    .map((line) => JSON.stringify(line))
    .join('\n'),
);

async function replay(
  pace: 'max' | number,
  lines = recording,
): Promise<readonly (readonly [atMs: number, kind: string])[]> {
  const scheduler = new VirtualTimeScheduler();
  const told = lastValueFrom(
    recordedEvents(lines, pace, scheduler).pipe(
      map((one) => [scheduler.frame, one.kind] as const),
      toArray(),
    ),
  );
  scheduler.flush();
  return told;
}

describe('recordedEvents', () => {
  it('tells each line at its offset, and not what the snapshot already has', async () => {
    expect(await replay('max')).to.deep.equal([
      [0, 'snapshot-taken'],
      [0, 'snapshot-read'],
      [40, 'service-registered'],
      [40, 'instance-admitted'],
      [50, 'ghosts-seen'],
      [50, 'ghosts-ignored'],
      [60, 'losses-accepted'],
      [60_040, 'service-deregistered'],
      [60_041, 'nomad-input-skipped'],
    ]);
  });

  it('tells what a connector took for news, and passes over its exchanges', async () => {
    const first = 1_790_000_000_000;
    const lines = parseRecording(
      [
        { t: first, snapshot: { index: 5, registrations: [registration(5, 'w1')], jobs: [], keep: [] } },
        { t: first + 5, probed: true },
        { t: first + 6, exchange: { method: 'GET', path: '/info', ms: 1, status: 200 } },
        { t: first + 7, told: service(4, 'w2') },
      ]
        .map((line) => JSON.stringify(line))
        .join('\n'),
    );
    expect(await replay('max', lines)).to.deep.equal([
      [0, 'snapshot-taken'],
      [0, 'snapshot-read'],
      [5, 'snapshot-probed'],
      [7, 'service-registered'],
    ]);
  });

  it('goes as many times faster as it is told', async () => {
    expect((await replay(10)).map(([atMs]) => atMs)).to.deep.equal([0, 0, 4, 4, 5, 5, 6, 6004, 6004.1]);
  });

  it('keeps the time on a real clock, too', async () => {
    const startedAt = performance.now();
    await lastValueFrom(recordedEvents(recording, 1000, asyncScheduler));
    expect(performance.now() - startedAt).to.be.at.least(55);
  });

  it('tells each subscriber the whole', async () => {
    const scheduler = new VirtualTimeScheduler();
    const counted = recordedEvents(recording, 'max', scheduler).pipe(count());
    const both = Promise.all([lastValueFrom(counted), lastValueFrom(counted)]);
    scheduler.flush();
    expect(await both).to.deep.equal([9, 9]);
  });
});
