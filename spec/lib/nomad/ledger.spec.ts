import { expect } from 'chai';
import fc from 'fast-check';
import type { Event, Job, Registration } from '../../../lib/model/events.ts';
import type { StreamEvent } from '../../../lib/nomad/frames.ts';
import { createLedger, type Ledger, type Snapshot } from '../../../lib/nomad/ledger.ts';

function registration(service: string, id: string, index: number): Registration {
  return {
    id,
    namespace: 'default',
    service,
    address: '10.0.0.1',
    port: 80,
    tags: [],
    alloc: '',
    job: service,
    node: '',
    createIndex: index,
    modifyIndex: index,
  };
}

function up(index: number, service: string, id: string): StreamEvent {
  return { kind: 'service-registered', index, registration: registration(service, id, index) };
}

function down(index: number, service: string, id: string): StreamEvent {
  return { kind: 'service-deregistered', index, namespace: 'default', id, service };
}

function job(id: string, modifyIndex: number): Job {
  return { namespace: 'default', id, createIndex: 1, modifyIndex, stable: true, services: [] };
}

const withService: Job = {
  ...job('web', 1),
  services: [{ name: 'web', portLabel: '', group: 'web', checks: [], count: 1, canaries: 0, scalingMax: 0 }],
};

function snapshot(index: number, services: Record<string, [index: number, ...ids: string[]]> = {}): Snapshot {
  return {
    index,
    services: Object.entries(services).map(([name, [readAt, ...ids]]) => ({
      key: `default/${name}`,
      index: readAt,
      registrations: ids.map((id) => registration(name, id, 1)),
    })),
    jobs: [],
  };
}

function merged(ledger: Ledger, what: Snapshot): Extract<Event, { kind: 'snapshot-taken' }> {
  return ledger.merge(what, ledger.owed());
}

function idsOf(event: Extract<Event, { kind: 'snapshot-taken' }>): readonly string[] {
  return event.registrations.map((one) => one.id).sort();
}

function started(index: number, services?: Parameters<typeof snapshot>[1]): Ledger {
  const ledger = createLedger();
  ledger.hold();
  merged(ledger, snapshot(index, services));
  return ledger;
}

describe('ledger', () => {
  it('holds events until the first snapshot, and puts the newer ones into it', () => {
    const ledger = createLedger();
    ledger.hold();
    const early = [up(4, 'web', 'w1'), up(7, 'web', 'w2'), down(8, 'web', 'w3'), up(6, 'api', 'a1')];
    expect(early.map((event) => ledger.take('*', event))).to.deep.equal([false, false, false, false]);
    const event = merged(ledger, snapshot(5, { web: [6, 'w3'], api: [9] }));
    expect(idsOf(event)).to.deep.equal(['w2']);
    expect(event.index).to.equal(9);
  });

  it('passes on only what the snapshot of that service does not have', () => {
    const ledger = started(5, { web: [8, 'w1'] });
    expect(ledger.take('*', up(8, 'web', 'w1'))).to.equal(false);
    expect(ledger.take('*', up(8, 'other', 'o1'))).to.equal(true);
    expect(ledger.take('*', up(9, 'web', 'w2'))).to.equal(true);
  });

  it('passes both lines of one index on, and no replay of a lower one', () => {
    const ledger = started(5);
    const registered: StreamEvent = { kind: 'job-registered', index: 7, job: job('web', 7) };
    expect(ledger.take('*', registered)).to.equal(true);
    expect(ledger.take('*', registered)).to.equal(true);
    expect(ledger.take('*', { ...registered, index: 6 })).to.equal(false);
    expect(ledger.position('*')).to.equal(7);
  });

  it('takes each source for a stream of its own', () => {
    const ledger = started(5);
    expect(ledger.take('prod', up(9, 'web', 'w1'))).to.equal(true);
    expect(ledger.take('stage', up(8, 'web', 'w2'))).to.equal(true);
    expect([ledger.position('prod'), ledger.position('stage'), ledger.position('other')]).to.deep.equal([9, 8, 0]);
  });

  it('keeps in a later snapshot what the stream told since its parts were read', () => {
    const ledger = started(5, { web: [5, 'w1', 'w2'] });
    ledger.take('*', down(6, 'web', 'w1'));
    ledger.take('*', up(7, 'web', 'w3'));
    expect(idsOf(merged(ledger, snapshot(5, { web: [5, 'w1', 'w2'] })))).to.deep.equal(['w2', 'w3']);
  });

  it('keeps a job that the stream told newer than REST did', () => {
    const ledger = started(5);
    ledger.take('*', { kind: 'job-registered', index: 9, job: job('web', 9) });
    ledger.take('*', { kind: 'job-deregistered', index: 10, namespace: 'default', id: 'gone' });
    const jobs = [
      { index: 8, value: job('web', 8) },
      { index: 8, value: job('gone', 8) },
    ];
    expect(merged(ledger, { ...snapshot(8), jobs }).jobs).to.deep.equal([job('web', 9)]);
    expect(ledger.take('*', { kind: 'job-registered', index: 10, job: job('web', 10) })).to.equal(true);
  });

  it('takes the word of a renewal about jobs told before it was asked for, whatever their index', () => {
    const ledger = started(5);
    ledger.take('*', { kind: 'job-registered', index: 9, job: job('web', 9) });
    ledger.take('*', { kind: 'job-registered', index: 9, job: job('api', 9) });
    ledger.owe('renewal');
    ledger.askingJobs();
    ledger.take('*', { kind: 'job-registered', index: 10, job: job('api', 10) });
    const jobs = ['web', 'api'].map((id) => ({ index: 7, value: job(id, 7) }));
    expect(merged(ledger, { ...snapshot(7), jobs }).jobs).to.deep.equal([job('web', 7), job('api', 10)]);
  });

  it('knows the jobs with services that nothing says are gone', () => {
    const ledger = started(5);
    const told = (id: string, index: number, services: Job['services']) =>
      ledger.take('*', { kind: 'job-registered', index, job: { ...job(id, index), services } });
    const [service] = withService.services;
    for (const id of ['web', 'batch', 'left', 'lost', 'again']) told(id, 9, [service!]);
    told('batch', 10, []);
    ledger.take('*', { kind: 'job-deregistered', index: 10, namespace: 'default', id: 'left' });
    const jobs = [{ index: 10, value: { ...withService, id: 'read' } }];
    expect(ledger.askingJobs().map(({ id }) => id)).to.deep.equal(['web', 'lost', 'again']);
    told('again', 12, [service!]);
    ledger.settle(11);
    const gone = ['lost', 'again'].map((id) => ({ namespace: 'default', id }));
    const event = merged(ledger, { ...snapshot(11), jobs, gone });
    expect(event.gone).to.deep.equal([{ namespace: 'default', id: 'lost' }]);
    expect(ledger.askingJobs().map(({ id }) => id)).to.have.members(['web', 'again', 'read']);
  });

  it('judges an index by what it knows', () => {
    const ledger = started(5);
    ledger.take('*', up(6, 'web', 'w0'));
    ledger.asking();
    ledger.take('*', up(7, 'web', 'w1'));
    ledger.take('*', up(9, 'web', 'w2'));
    const verdicts = [5, 6, 7, 8, 9, 10].map(ledger.judge);
    expect(verdicts).to.deep.equal(['restored', 'restored', 'same', 'restored', 'same', 'missed']);
  });

  it('releases what it held, newest per object', () => {
    const ledger = started(5);
    ledger.hold();
    ledger.take('*', up(6, 'web', 'w1'));
    ledger.take('*', up(7, 'web', 'w2'));
    ledger.take('*', down(8, 'web', 'w1'));
    expect(ledger.release()).to.deep.equal([up(7, 'web', 'w2'), down(8, 'web', 'w1')]);
    expect(ledger.take('*', up(9, 'web', 'w1'))).to.equal(true);
  });

  it('starts anew after a restore, and drops nothing of what it holds', () => {
    const ledger = started(50, { web: [50, 'w1'] });
    ledger.take('*', up(60, 'web', 'w2'));
    ledger.hold();
    ledger.take('*', up(14, 'web', 'w3'));
    expect(ledger.judge(13)).to.equal('restored');
    ledger.forget();
    expect(idsOf(merged(ledger, snapshot(13, { web: [13, 'w1'] })))).to.deep.equal(['w1', 'w3']);
    expect(ledger.take('*', up(15, 'web', 'w4'))).to.equal(true);
  });

  it('owes a snapshot until one is merged that was begun after the reason', () => {
    const ledger = createLedger();
    expect(ledger.owed()).to.deep.equal({ reason: 'start' });
    const begun = ledger.owed();
    ledger.owe('gap');
    ledger.merge(snapshot(5), begun);
    expect(ledger.owed()).to.not.equal(undefined);
    merged(ledger, snapshot(5));
    expect(ledger.owed()).to.equal(undefined);
  });

  type Write = readonly [what: 'write', service: 'web' | 'api', id: string, up: boolean];
  type Small = Write | readonly ['deliver'];
  type Action = Small | readonly ['reconnect', lost: number] | readonly ['snapshot', ...between: readonly Small[][]];

  const small: fc.Arbitrary<Small> = fc.oneof(
    fc.tuple(fc.constant('write'), fc.constantFrom('web', 'api'), fc.constantFrom('1', '2'), fc.boolean()),
    fc.constant<Small>(['deliver']),
  );
  const some = fc.array(small, { maxLength: 4 });
  const action: fc.Arbitrary<Action> = fc.oneof(
    { arbitrary: small, weight: 6 },
    { arbitrary: fc.tuple(fc.constant<'reconnect'>('reconnect'), fc.nat(3)), weight: 1 },
    { arbitrary: fc.tuple(fc.constant<'snapshot'>('snapshot'), some, some, some), weight: 1 },
  );

  it('lets a plain fold end as the cluster did, whatever order writes, events, snapshots and reconnects come in', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const ledger = createLedger();
        const log: StreamEvent[] = [];
        const truth = new Map<string, Registration>();
        const folded = new Map<string, Registration>();
        let cursor = 0;
        let index = 1;

        function fold(event: Event): void {
          if (event.kind === 'service-registered') folded.set(event.registration.id, event.registration);
          if (event.kind === 'service-deregistered') folded.delete(event.id);
          if (event.kind !== 'snapshot-taken') return;
          folded.clear();
          for (const one of event.registrations) folded.set(one.id, one);
        }

        function deliver(): void {
          const event = log[cursor];
          if (event === undefined) return;
          cursor += 1;
          if (ledger.take('*', event)) fold(event);
        }

        function write([, service, suffix, isUp]: Write): void {
          const id = `${service}-${suffix}`;
          if (!isUp && !truth.has(id)) return;
          index += 1;
          log.push(isUp ? up(index, service, id) : down(index, service, id));
          if (isUp) truth.set(id, registration(service, id, index));
          else truth.delete(id);
        }

        function doSmall(steps: readonly Small[] = []): void {
          for (const step of steps)
            if (step[0] === 'write') write(step);
            else deliver();
        }

        function readService(service: string): Snapshot['services'][number] {
          const registrations = [...truth.values()].filter((one) => one.service === service);
          return { key: `default/${service}`, index, registrations };
        }

        function takeSnapshot(between: readonly Small[][]): void {
          const debt = ledger.owed();
          const listedAt = index;
          doSmall(between[0]);
          const web = readService('web');
          doSmall(between[1]);
          const api = readService('api');
          doSmall(between[2]);
          fold(ledger.merge({ index: listedAt, services: [web, api], jobs: [] }, debt));
        }

        /** The events after the last one are still in the server's buffer, but for the `lost` oldest. */
        function reconnect(lost: number): void {
          ledger.hold();
          const from = log.findIndex((event) => event.index >= ledger.position('*'));
          cursor = Math.min(log.length, lost > 0 && cursor < log.length ? cursor + lost : Math.max(0, from));
          doSmall([['deliver']]);
          if (ledger.judge(index) === 'same') {
            for (const event of ledger.release()) fold(event);
          } else {
            for (const event of ledger.release()) fold(event);
            takeSnapshot([]);
          }
        }

        ledger.hold();
        doSmall(actions.slice(0, 3).filter((one): one is Small => one[0] === 'write' || one[0] === 'deliver'));
        takeSnapshot([]);
        for (const one of actions) {
          if (one[0] === 'reconnect') reconnect(one[1]);
          else if (one[0] === 'snapshot') takeSnapshot(one.slice(1) as Small[][]);
          else doSmall([one]);
        }
        while (cursor < log.length) deliver();

        expect([...folded.values()]).to.have.deep.members([...truth.values()]);
      }),
      { numRuns: 2000 },
    );
  });

  it('says how far Nomad is ahead of what it has told', () => {
    const ledger = started(10, { web: [10, 'a'] });
    const lags = [ledger.lag()];
    for (const act of [
      () => ledger.judge(10),
      () => ledger.judge(14),
      () => ledger.take('default', up(12, 'web', 'b')),
      () => merged(ledger, snapshot(14, { web: [14, 'a'] })),
      () => ledger.judge(3),
    ]) {
      act();
      lags.push(ledger.lag());
    }
    expect(lags).to.deep.equal([0, 0, 4, 2, 0, 0]);
  });
});
