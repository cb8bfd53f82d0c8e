import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { assert, expect } from 'chai';
import {
  concat,
  defer,
  delay,
  EMPTY,
  filter,
  ignoreElements,
  lastValueFrom,
  NEVER,
  type Observable,
  of,
  Subject,
  Subscription,
  tap,
  throwError,
  timer,
  VirtualTimeScheduler,
} from 'rxjs';
import type { Event, Registration } from '../../lib/model/events.ts';
import { isNotice, type Notice } from '../../lib/model/notice.ts';
import { parseRegistrations } from '../../lib/nomad/answers.ts';
import { createNomadClient, type NomadClient } from '../../lib/nomad/client.ts';
import { nomadEvents, type NomadEventsOptions } from '../../streams/nomad-events.ts';
import { startNomad, until, type NomadServer, type NomadServerOptions } from '../support/nomad-server.ts';

const recordings = fileURLToPath(new URL('../../fixtures/recordings/', import.meta.url));
const never = 3_600_000;

type NoticeOf<K extends Notice['kind']> = Extract<Notice, { kind: K }>;

/** One subscriber of nomadEvents: what it was told, and a plain fold of it. */
interface Follower {
  readonly told: readonly (Event | Notice)[];
  readonly notices: <K extends Notice['kind']>(kind: K) => readonly NoticeOf<K>[];
  readonly events: () => readonly Event[];
  /** IDs of the folded registrations, sorted. */
  readonly ids: () => readonly string[];
  readonly registrations: () => readonly Registration[];
  readonly stop: () => void;
}

function follow(events: Observable<Event | Notice>): Follower {
  const told: (Event | Notice)[] = [];
  const folded = new Map<string, Registration>();

  function keep(one: Registration): void {
    folded.set(`${one.namespace}/${one.id}`, one);
  }

  const subscription = events.subscribe({
    next(one) {
      told.push(one);
      if (one.kind === 'service-registered') keep(one.registration);
      if (one.kind === 'service-deregistered') folded.delete(`${one.namespace}/${one.id}`);
      if (one.kind !== 'snapshot-taken') return;
      folded.clear();
      one.registrations.forEach(keep);
    },
    error: (error: unknown) => {
      assert.fail(`it failed: ${String(error)}`);
    },
    complete: () => {
      assert.fail('it completed');
    },
  });

  return {
    told,
    notices: <K extends Notice['kind']>(kind: K) => told.filter((one): one is NoticeOf<K> => one.kind === kind),
    events: () => told.filter((one): one is Event => !isNotice(one)),
    ids: () => [...folded.values()].map((one) => one.id).sort(),
    registrations: () => [...folded.values()],
    stop() {
      subscription.unsubscribe();
    },
  };
}

/** Does something in the middle of a stream. */
function happens(action: () => unknown): Observable<never> {
  return defer(() => {
    action();
    return EMPTY;
  });
}

function wait(ms: number): Observable<never> {
  return timer(ms).pipe(ignoreElements());
}

describe('nomadEvents', () => {
  let cleanUp = new Subscription();
  let servers: NomadServer[] = [];

  afterEach(async () => {
    cleanUp.unsubscribe();
    cleanUp = new Subscription();
    for (const server of servers) await server.close();
    servers = [];
  });

  async function start(options?: NomadServerOptions): Promise<NomadServer> {
    const server = await startNomad(options);
    servers.push(server);
    return server;
  }

  function connect(
    server: NomadServer,
    options: Partial<NomadEventsOptions> = {},
    change: (client: NomadClient) => Partial<NomadClient> = () => ({}),
  ): Follower {
    const client = createNomadClient({ address: server.address, skipVerify: false });
    const events = nomadEvents(
      { ...client, ...change(client) },
      {
        namespaces: ['*'],
        prefix: 'haproxy',
        auditEveryMs: never,
        lossAfterMs: 20,
        firstHeartbeatMs: 5_000,
        silenceMs: never,
        backoff: { minMs: 5, maxMs: 20 },
        ...options,
      },
    );
    const follower = follow(events);
    cleanUp.add(follower.stop);
    return follower;
  }

  /** Connects, and waits for the first snapshot. */
  async function connected(
    server: NomadServer,
    options?: Partial<NomadEventsOptions>,
    change?: Parameters<typeof connect>[2],
  ): Promise<Follower> {
    const follower = connect(server, options, change);
    await until(() => follower.notices('snapshot-read').length === 1);
    return follower;
  }

  function asked(server: NomadServer, path: string): number {
    return server.requests.filter(({ url }) => url.startsWith(path)).length;
  }

  describe('from a recording', () => {
    const scenarios = readdirSync(recordings)
      .filter((name) => name.endsWith('.ndjson'))
      .map((name) => name.replace('.ndjson', ''));
    for (const scenario of scenarios) {
      it(`ends as Nomad did: ${scenario}`, async () => {
        const server = await start({ recording: `${recordings}${scenario}.ndjson` });
        for (const namespace of ['prod', 'stage']) server.addNamespace(namespace);
        const follower = await connected(server);
        server.play();
        const marker = server.register({ ServiceName: 'marker' });
        await until(() => follower.ids().includes(marker.ID));
        const after = JSON.parse(readFileSync(`${recordings}${scenario}.after.json`, 'utf8')) as {
          registrations: unknown;
        };
        const expected = parseRegistrations(after.registrations);
        assert(expected.ok);
        expect(follower.registrations().filter((one) => one.id !== marker.ID)).to.have.deep.members([
          ...expected.value,
        ]);
        expect(follower.notices('nomad-lost')).to.deep.equal([]);
        expect(follower.notices('nomad-input-skipped')).to.deep.equal([]);
      });
    }
  });

  describe('at the start', () => {
    it('opens the stream before it reads the snapshot, and says both', async () => {
      const server = await start({ recording: `${recordings}rolling-update.nomad-2.0.ndjson` });
      const follower = await connected(server);
      expect(server.requests.map(({ url }) => url.replace(/[?&].*/, ''))).to.deep.equal([
        '/v1/namespaces',
        '/v1/event/stream',
        '/v1/services',
        '/v1/service/shop-api',
        '/v1/job/shop-api',
      ]);
      expect(follower.told.map(({ kind }) => kind)).to.deep.equal([
        'nomad-connected',
        'snapshot-taken',
        'snapshot-read',
      ]);
      expect(follower.told[0]).to.deep.equal({ kind: 'nomad-connected', address: server.address });
      expect(follower.told[1]).to.have.nested.property('jobs[0].id', 'shop-api');
      expect(follower.told[2]).to.deep.equal({
        kind: 'snapshot-read',
        index: 56,
        services: 1,
        registrations: 3,
        reason: 'start',
      });
    });

    it('loses nothing that happens while the snapshot is read, and tells it once', async () => {
      const server = await start();
      const first = server.register({ ServiceName: 'web' });
      const seen: string[] = [];
      const follower = await connected(server, {}, (client) => ({
        getService: (name, namespace) =>
          concat(
            happens(() => seen.push(server.register({ ServiceName: 'web' }).ID)),
            client.getService(name, namespace),
            happens(() => {
              seen.push(server.register({ ServiceName: 'web' }).ID);
              server.deregister(first.ID);
            }),
          ),
        getJob: () => wait(20),
      }));
      expect(follower.ids()).to.deep.equal(seen);
      expect(follower.events().map(({ kind }) => kind)).to.deep.equal(['snapshot-taken']);
    });

    it('changes nothing on a partial snapshot, says why, and tries again', async () => {
      const server = await start();
      server.register({ ServiceName: 'web' });
      server.register({ ServiceName: 'api' });
      server.fail({ path: '/v1/service/api', status: 500, body: 'No cluster leader' });
      const follower = connect(server);
      await until(() => follower.notices('nomad-lost').length === 1);
      expect(follower.events()).to.deep.equal([]);
      expect(follower.notices('nomad-lost')[0]!.failure).to.deep.include({
        kind: 'unreachable',
        message: 'Nomad answered 500: No cluster leader',
      });
      server.mend();
      await until(() => follower.ids().length === 2);
    });

    it('takes an empty list with index 0 for a refusal', async () => {
      const server = await start();
      server.fail({ path: '/v1/services', status: 200, body: '[]', index: 0 });
      const follower = connect(server);
      await until(() => follower.notices('nomad-lost').length > 0);
      expect(follower.notices('nomad-lost')[0]!.failure.kind).to.equal('unauthorized');
      expect(follower.events()).to.deep.equal([]);
    });

    it('takes an empty list with an index for an empty cluster', async () => {
      const follower = await connected(await start());
      expect(follower.events()).to.deep.equal([{ kind: 'snapshot-taken', index: 1, registrations: [], jobs: [] }]);
    });

    it('passes each fact on at once afterwards', async () => {
      const server = await start();
      const follower = await connected(server);
      server.setJob({ ID: 'web', Namespace: 'default' });
      const { ID: id } = server.register({ ServiceName: 'web' });
      server.deregister(id, 'PlanResult');
      await until(() => follower.events().length === 4);
      expect(follower.events().map((one) => [one.kind, 'index' in one && one.index])).to.deep.equal([
        ['snapshot-taken', 1],
        ['job-registered', 2],
        ['service-registered', 3],
        ['service-deregistered', 4],
      ]);
    });
  });

  describe('when the stream is lost', () => {
    it('opens it where it was, and takes no snapshot when nothing was missed', async () => {
      const server = await start();
      let judged = 0;
      const noteJudged = tap<number>({ complete: () => (judged += 1) });
      const follower = await connected(server, {}, ({ readIndex }) => ({
        readIndex: (namespace) => readIndex(namespace).pipe(noteJudged),
      }));
      server.register({ ServiceName: 'web' });
      server.setJob({ ID: 'web', Namespace: 'default' });
      await until(() => follower.events().length === 3);
      const judgedBefore = judged;
      server.endStream();
      await until(() => follower.notices('nomad-connected').length === 2 && judged > judgedBefore);
      server.register({ ServiceName: 'web' });
      await until(() => follower.ids().length === 2);
      expect(follower.notices('nomad-lost')[0]).to.have.nested.property(
        'failure.message',
        'the event stream has ended',
      );
      expect(follower.notices('snapshot-read')).to.have.length(1);
      expect(server.requests.filter(({ url }) => url.startsWith('/v1/event/stream')).at(-1)!.url).to.include(
        'index=3&',
      );
    });

    it('takes a snapshot when something was missed, though the buffer has lost it', async () => {
      const server = await start({ bufferSize: 1 });
      const gone = server.register({ ServiceName: 'web' });
      const follower = await connected(server);
      server.endStream();
      server.deregister(gone.ID);
      const ids = [server.register({ ServiceName: 'web' }).ID, server.register({ ServiceName: 'api' }).ID];
      await until(() => follower.notices('snapshot-read').length === 2);
      expect(follower.ids()).to.deep.equal(ids.sort());
      expect(follower.notices('snapshot-read')[1]).to.include({ reason: 'gap' });
    });

    it('passes on what it can while that snapshot is read', async () => {
      const server = await start();
      const web = server.register({ ServiceName: 'web' });
      let reads = 0;
      const follower = await connected(server, {}, (client) => ({
        getServices: (namespace) => (++reads === 1 ? client.getServices(namespace) : wait(never)),
      }));
      server.endStream();
      server.deregister(web.ID);
      await until(() => follower.ids().length === 0);
      expect(follower.notices('snapshot-read')).to.have.length(1);
    });

    it('compares from zero when the index went back', async () => {
      const server = await start();
      const web = server.register({ ServiceName: 'web' });
      const later = server.register({ ServiceName: 'web' });
      const follower = await connected(server);
      server.restore(web.CreateIndex);
      server.endStream();
      await until(() => follower.notices('snapshot-read').length === 2);
      expect(follower.ids()).to.deep.equal([web.ID]);
      const again = server.register({ ServiceName: 'web', ID: 'again' });
      expect(again.CreateIndex).to.equal(later.CreateIndex);
      await until(() => follower.ids().includes('again'));
    });

    it('compares from zero also when it went back to an index that the stream has just told', async () => {
      const server = await start();
      const follower = await connected(server);
      const web = server.register({ ServiceName: 'web' });
      server.register({ ServiceName: 'web' });
      await until(() => follower.ids().length === 2);
      server.restore(web.CreateIndex);
      server.endStream();
      await until(() => follower.notices('snapshot-read').length === 2);
      expect(follower.ids()).to.deep.equal([web.ID]);
    });

    it('says that it is silent, and opens it again', async () => {
      const server = await start({ heartbeatMs: 20 });
      const follower = await connected(server, { silenceMs: 250 });
      await sleep(300);
      expect(follower.notices('nomad-lost')).to.deep.equal([]);
      server.silence();
      await until(() => follower.notices('nomad-lost').length === 1);
      expect(follower.notices('nomad-lost')[0]!.failure.message).to.match(/silent for 250 ms/);
      server.mend();
      await until(() => follower.notices('nomad-connected').length === 2);
    });

    it('keeps what it knows while nobody is there', async () => {
      const server = await start();
      const { ID: id } = server.register({ ServiceName: 'web' });
      const follower = await connected(server);
      await server.close();
      servers = [];
      await until(() => follower.notices('nomad-lost').length > 1);
      expect(follower.ids()).to.deep.equal([id]);
    });
  });

  describe('when another snapshot is asked for', () => {
    it('takes one, and takes no other when it is asked while one is under way', async () => {
      const server = await start();
      server.register({ ServiceName: 'web' });
      const asks = new Subject<void>();
      const follower = await connected(server, { confirm: asks }, (client) => ({
        getJob: () => wait(50),
        getNamespaces: client.getNamespaces,
      }));
      asks.next();
      asks.next();
      await until(() => follower.notices('snapshot-read').length === 2);
      await sleep(100);
      expect(follower.notices('snapshot-read').map(({ reason }) => reason)).to.deep.equal(['start', 'guard']);
    });

    it('takes it with the next connection when there is none', async () => {
      const server = await start();
      const asks = new Subject<void>();
      const follower = await connected(server, { confirm: asks, backoff: { minMs: 200, maxMs: 200 } });
      server.endStream();
      await until(() => follower.notices('nomad-lost').length === 1);
      asks.next();
      await until(() => follower.notices('snapshot-read').length === 2);
      expect(follower.notices('snapshot-read')[1]).to.include({ reason: 'guard' });
    });

    it('says that it failed, and tries again with the next audit', async () => {
      const server = await start();
      const asks = new Subject<void>();
      const follower = await connected(server, { confirm: asks, auditEveryMs: 300 });
      server.fail({ path: '/v1/services', status: 500, body: 'No cluster leader' });
      asks.next();
      await until(() => follower.notices('nomad-input-skipped').length > 0);
      server.mend();
      await until(() => follower.notices('snapshot-read').length === 2);
      expect(follower.notices('nomad-lost')).to.deep.equal([]);
    });
  });

  describe('with allocations verified', () => {
    const ghosts = (follower: Follower) =>
      follower.notices('ghosts-ignored').map((notice) => notice.ghosts.map(({ id }) => id));

    it('names registrations whose allocation is missing or has ended, by one request for each snapshot', async () => {
      const server = await start();
      const [lost, missing] = ['web', 'api', 'db'].map((ServiceName) => server.register({ ServiceName }));
      server.setAllocation(lost!.AllocID, 'lost');
      server.setAllocation(missing!.AllocID, 'missing');
      const follower = await connected(server, { verifyAllocations: true });
      await until(() => ghosts(follower).length === 1);
      expect(ghosts(follower)).to.deep.equal([[lost!.ID, missing!.ID]]);
      expect(follower.told.map(({ kind }) => kind)).to.deep.equal([
        'nomad-connected',
        'snapshot-taken',
        'snapshot-read',
        'ghosts-seen',
        'ghosts-ignored',
      ]);
      expect(asked(server, '/v1/allocations')).to.equal(1);
    });

    it('finds them by an audit, once, and brings one that is alive again back by a snapshot', async () => {
      const server = await start();
      server.register({ ServiceName: 'db' });
      const web = server.register({ ServiceName: 'web' });
      const follower = await connected(server, { verifyAllocations: true, auditEveryMs: 20 });
      server.setAllocation(web.AllocID, 'complete');
      await until(() => ghosts(follower).length === 1);
      const before = asked(server, '/v1/allocations');
      await until(() => asked(server, '/v1/allocations') >= before + 3);
      expect(ghosts(follower)).to.deep.equal([[web.ID]]);
      server.setAllocation(web.AllocID, 'running');
      await until(() => follower.notices('snapshot-read').length === 2);
      expect(ghosts(follower)).to.deep.equal([[web.ID], []]);
      expect(follower.told.at(-2)).to.have.property('kind', 'snapshot-taken');
    });

    it('goes on without the list where it may not be read, and says so', async () => {
      const server = await start();
      server.fail({ path: '/v1/allocations', status: 403, body: 'Permission denied' });
      const follower = await connected(server, { verifyAllocations: true });
      await until(() => follower.notices('nomad-input-skipped').length === 1);
      expect(follower.notices('nomad-input-skipped')[0]).to.include({ what: 'the list of allocations' });
      const { ID } = server.register({ ServiceName: 'web' });
      await until(() => follower.ids().includes(ID));
      expect(follower.notices('nomad-lost')).to.deep.equal([]);
    });

    it('asks nothing when it is off', async () => {
      const server = await start();
      const follower = await connected(server, { auditEveryMs: 10 });
      await until(() => asked(server, '/v1/service/none') >= 2);
      expect([asked(server, '/v1/allocations'), ghosts(follower)]).to.deep.equal([0, []]);
    });
  });

  describe('audit', () => {
    it('asks for one index, and nothing else, when all is well', async () => {
      const server = await start();
      server.register({ ServiceName: 'web' });
      const follower = await connected(server, { namespaces: ['default'], auditEveryMs: 10 });
      const before = server.requests.length;
      await until(() => asked(server, '/v1/service/none') >= 3);
      expect(server.requests.length - before).to.equal(asked(server, '/v1/service/none'));
      expect(follower.notices('snapshot-read')).to.have.length(1);
    });

    it('finds a delete that had no event', async () => {
      const server = await start();
      const web = server.register({ ServiceName: 'web' });
      const follower = await connected(server, { auditEveryMs: 20 });
      server.silently(() => {
        server.deregister(web.ID);
      });
      await until(() => follower.ids().length === 0);
      expect(follower.notices('snapshot-read').map(({ reason }) => reason)).to.deep.equal(['start', 'audit']);
      expect(follower.notices('nomad-lost')).to.deep.equal([]);
    });

    it('finds it although other events came afterwards', async () => {
      const server = await start();
      const web = server.register({ ServiceName: 'web' });
      const follower = await connected(server, { auditEveryMs: 30, lossAfterMs: 30 });
      server.silently(() => {
        server.deregister(web.ID);
      });
      await until(() => asked(server, '/v1/service/none') === 1);
      server.register({ ServiceName: 'web' });
      await until(() => !follower.ids().includes(web.ID));
    });

    it('finds it behind an event that came before the audit, by a snapshot that is taken anyway', async () => {
      const server = await start();
      const gone = server.register({ ServiceName: 'web' });
      const follower = await connected(server, { auditEveryMs: 20, renewEveryMs: 200 });
      server.silently(() => {
        server.deregister(gone.ID);
      });
      const later = server.register({ ServiceName: 'web' });
      await until(() => !follower.ids().includes(gone.ID));
      expect(follower.ids()).to.deep.equal([later.ID]);
      expect(follower.notices('snapshot-read').map(({ reason }) => reason)).to.include('renewal');
    });

    it('finds that a job is gone which no service names, by a snapshot that is taken anyway', async () => {
      const server = await start();
      const withService = { TaskGroups: [{ Name: 'g', Count: 1, Services: [{ Name: 's', Provider: 'nomad' }] }] };
      const follower = await connected(server, { auditEveryMs: 20, renewEveryMs: 100 });
      const jobs = ['collected', 'idle'].map((ID) => ({ ID, Namespace: 'default', ...withService }));
      for (const one of jobs) server.setJob(one);
      await until(() => follower.events().filter(({ kind }) => kind === 'job-registered').length === 2);
      server.silently(() => {
        const purge = { Topic: 'Job', Type: 'JobDeregistered', Namespace: 'default', Key: 'collected' };
        server.push({ Index: 50, Events: [{ ...purge, FilterKeys: null, Index: 50, Payload: { Job: jobs[0]! } }] });
      });
      const told = () => follower.events().find((event) => event.kind === 'snapshot-taken' && event.gone !== undefined);
      await until(() => told() !== undefined);
      expect(told()).to.deep.include({ gone: [{ namespace: 'default', id: 'collected' }] });
      expect(told()).to.have.property('jobs').with.length(1).and.have.nested.property('[0].id', 'idle');
    });

    it('waits for an event that is only late', async () => {
      const server = await start();
      const late = wait(80).pipe((done) =>
        concat(
          done,
          happens(() => server.register({ ServiceName: 'web' })),
        ),
      );
      const follower = await connected(server, { auditEveryMs: 50, lossAfterMs: 300 }, () => ({
        readIndex: () => of(2),
      }));
      cleanUp.add(late.subscribe());
      await sleep(450);
      expect(follower.notices('snapshot-read')).to.have.length(1);
    });

    it('notices a restore that the stream slept through', async () => {
      const server = await start();
      const web = server.register({ ServiceName: 'web' });
      server.register({ ServiceName: 'web' });
      const follower = await connected(server, { auditEveryMs: 20 });
      server.restore(web.CreateIndex);
      await until(() => follower.ids().length === 1);
      expect(follower.ids()).to.deep.equal([web.ID]);
    });

    it('takes one snapshot per change in a namespace that the stream does not see', async () => {
      const server = await start();
      server.addNamespace('prod');
      const follower = await connected(server, { namespaces: ['default'], auditEveryMs: 20 });
      server.register({ ServiceName: 'web', Namespace: 'prod' });
      await until(() => follower.notices('snapshot-read').length === 2);
      await sleep(150);
      expect(follower.notices('snapshot-read')).to.have.length(2);
      expect(follower.ids()).to.deep.equal([]);
    });

    it('says that it failed, and holds the stream', async () => {
      const server = await start();
      const follower = await connected(server, { auditEveryMs: 20 });
      server.fail({ path: '/v1/service/none', status: 404, body: 'no such thing' });
      await until(() => follower.notices('nomad-input-skipped').length > 0);
      expect(follower.notices('nomad-input-skipped')[0]).to.deep.include({ what: 'an audit of the event stream' });
      expect(follower.notices('nomad-lost')).to.deep.equal([]);
    });

    it('does not trust a stream whose token REST refuses', async () => {
      const server = await start();
      const follower = await connected(server, { auditEveryMs: 20 });
      server.fail({ path: '/v1/service/none', status: 403, body: 'ACL token expired' });
      await until(() => follower.notices('nomad-lost').length > 0);
      expect(follower.notices('nomad-lost')[0]!.failure).to.include({ kind: 'unauthorized' });
    });

    it('pays for a line that could not be kept with a snapshot', async () => {
      const server = await start();
      const follower = await connected(server, { auditEveryMs: 50 });
      const big = server.register({ ServiceName: 'web', Tags: ['haproxy.x', 'x'.repeat(5 * 1024 * 1024)] });
      server.register({ ServiceName: 'web' });
      await until(() => follower.ids().includes(big.ID));
      expect(follower.notices('nomad-input-skipped')).to.have.length(1);
      expect(follower.notices('nomad-input-skipped')[0]!.why).to.match(/^too long: \d{7} bytes$/);
    });

    it('pays for an event that could not be read, too', async () => {
      const server = await start();
      const follower = await connected(server, { auditEveryMs: 20 });
      server.push({
        Index: 50,
        Events: [
          {
            Topic: 'Service',
            Type: 'ServiceRegistration',
            Namespace: 'default',
            Key: 'x',
            FilterKeys: null,
            Index: 50,
            Payload: {},
          },
        ],
      });
      await until(() => follower.notices('snapshot-read').length === 2);
      expect(follower.notices('nomad-input-skipped')[0]).to.include({ what: 'event 1 of index 50' });
    });
  });

  describe('after a burst', () => {
    async function overrun(events: number): Promise<{ server: NomadServer; follower: Follower; lost: string }> {
      const server = await start();
      const follower = await connected(server, { quietMs: 20 });
      for (let n = 0; n < events; n += 1) server.register({ ServiceName: 'web', Tags: ['haproxy.enable=true'] });
      let lost = '';
      server.silently(() => {
        lost = server.register({ ServiceName: 'web', Tags: ['haproxy.enable=true'] }).ID;
      });
      await until(() => follower.events().length === 1 + events);
      return { server, follower, lost };
    }

    it('that the server did not see through, opens the stream again, and finds what it missed', async () => {
      const { server, follower, lost } = await overrun(5);
      await until(() => follower.ids().includes(lost));
      expect(follower.ids()).to.have.length(6);
      expect(asked(server, '/v1/event/stream')).to.equal(2);
      expect(follower.notices('nomad-lost')).to.deep.equal([]);
      const next = server.register({ ServiceName: 'web' });
      await until(() => follower.ids().includes(next.ID));
    });

    it('that came through, is content', async () => {
      const server = await start();
      const follower = await connected(server, { quietMs: 20 });
      for (let n = 0; n < 30; n += 1) server.register({ ServiceName: 'web' });
      await until(() => asked(server, '/v1/service/none') === 1);
      await sleep(50);
      expect(asked(server, '/v1/service/none')).to.equal(1);
      expect(asked(server, '/v1/event/stream')).to.equal(1);
      expect(follower.ids()).to.have.length(30);
    });

    it('of less nobody asks, nor of one instance that is told a thousand times', async () => {
      const { server, follower } = await overrun(4);
      await sleep(60);
      const same = server.register({ ServiceName: 'web' });
      for (let n = 0; n < 1000; n += 1) server.register(same);
      await until(() => follower.events().length === 1 + 4 + 1 + 1000);
      await sleep(60);
      expect(asked(server, '/v1/service/none')).to.equal(0);
    });
  });

  describe('a token in a file', () => {
    it('is the newest one in the stream, too, which misses nothing', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'token-'));
      cleanUp.add(() => {
        rmSync(folder, { recursive: true });
      });
      const tokenFile = join(folder, 'token');
      writeFileSync(tokenFile, 'first');
      const server = await start({ token: 'first' });
      const follower = await connected(server, { auditEveryMs: 10 }, () =>
        createNomadClient({ address: server.address, tokenFile, skipVerify: false }),
      );
      server.setToken('second');
      writeFileSync(tokenFile, 'second');
      utimesSync(tokenFile, 1, 1);
      const streams = () => server.requests.filter(({ url }) => url.startsWith('/v1/event/stream'));
      const registered: string[] = [];
      await until(() => {
        registered.push(server.register({ ServiceName: 'web' }).ID);
        return streams().length === 2 && follower.notices('nomad-connected').length === 2;
      });
      await until(() => follower.ids().includes(registered.at(-1)!));
      expect(follower.ids()).to.deep.equal(registered.toSorted());
      expect(streams().map(({ headers }) => headers['x-nomad-token'])).to.deep.equal(['first', 'second']);
      expect(server.streams()).to.equal(1);
      expect(follower.notices('nomad-lost')).to.deep.equal([]);
    });
  });

  describe('namespaces', () => {
    it('follows a list as one', async () => {
      const server = await start();
      for (const name of ['prod', 'stage', 'other']) server.addNamespace(name);
      const prod = server.register({ ServiceName: 'web', Namespace: 'prod' });
      server.register({ ServiceName: 'web', Namespace: 'other' });
      const follower = await connected(server, { namespaces: ['prod', 'stage'] });
      expect(server.streams()).to.equal(2);
      const stage = server.register({ ServiceName: 'web', Namespace: 'stage' });
      server.register({ ServiceName: 'web', Namespace: 'other' });
      server.deregister(prod.ID, 'PlanResult', 'prod');
      await until(() => follower.events().length === 3);
      expect(follower.ids()).to.deep.equal([stage.ID]);
      expect(follower.notices('nomad-connected')).to.have.length(1);
    });

    it('finds with the next connection what one stream of several lost, whatever index the others told', async () => {
      const server = await start({ bufferSize: 2 });
      for (const name of ['prod', 'stage']) server.addNamespace(name);
      const gone = server.register({ ServiceName: 'web', Namespace: 'stage' });
      let deaf = false;
      const follower = await connected(server, { namespaces: ['prod', 'stage'] }, (client) => ({
        openStream: (options) => client.openStream(options).pipe(filter(() => !deaf || options.namespace !== 'stage')),
      }));
      deaf = true;
      server.deregister(gone.ID, 'PlanResult', 'stage');
      const kept = [1, 2].map(() => server.register({ ServiceName: 'web', Namespace: 'prod' }).ID);
      await until(() => follower.ids().length === 3);
      deaf = false;
      server.endStream();
      await until(() => follower.notices('snapshot-read').length === 2);
      expect(follower.ids()).to.deep.equal(kept.sort());
      expect(follower.notices('snapshot-read')[1]).to.include({ reason: 'gap' });
    });

    it('opens the stream again for a new one, and tells what it holds', async () => {
      const server = await start();
      const follower = await connected(server, { auditEveryMs: 20 });
      server.addNamespace('prod');
      const early = server.register({ ServiceName: 'web', Namespace: 'prod' });
      await until(() => follower.notices('snapshot-read').length === 2);
      const late = server.register({ ServiceName: 'web', Namespace: 'prod' });
      await until(() => follower.ids().includes(late.ID));
      expect(follower.ids()).to.deep.equal([early.ID, late.ID]);
      expect(follower.notices('nomad-lost')).to.deep.equal([]);
      expect(follower.notices('snapshot-read').map(({ reason }) => reason)).to.include('namespace');
    });
  });

  it('closes its streams and stops asking when nobody listens any more', async () => {
    const server = await start();
    const follower = await connected(server, { auditEveryMs: 10 });
    follower.stop();
    await until(() => server.streams() === 0);
    const before = server.requests.length;
    await sleep(50);
    expect(server.requests.length).to.equal(before);
  });

  it('hides no bug', async () => {
    const server = await start();
    const client = createNomadClient({ address: server.address, skipVerify: false });
    const bug = new TypeError('a bug');
    const events = nomadEvents(
      { ...client, getServices: () => throwError(() => bug) },
      { namespaces: ['*'], prefix: 'haproxy' },
    );
    expect(await lastValueFrom(events).catch((error: unknown) => error)).to.equal(bug);
  });

  it('keeps the account of each subscription apart', async () => {
    const server = await start();
    server.register({ ServiceName: 'web' });
    const client = createNomadClient({ address: server.address, skipVerify: false });
    const events = nomadEvents(client, { namespaces: ['*'], prefix: 'haproxy' });
    for (const follower of [follow(events), follow(events)]) {
      cleanUp.add(follower.stop);
      await until(() => follower.ids().length === 1);
      expect(follower.notices('snapshot-read')[0]).to.include({ reason: 'start' });
    }
  });
});

describe('nomadEvents, when a snapshot takes long', () => {
  /** What it says of its progress, and when, with so many services of which each takes so many ms. */
  function progressOf(services: number, eachMs: number): readonly (readonly [atMs: number, said: object])[] {
    const scheduler = new VirtualTimeScheduler(undefined, 10_000);
    const names = Array.from({ length: services }, (_, n) => ({
      namespace: 'default',
      name: `web-${n}`,
      tags: ['haproxy.x'],
    }));
    const client = {
      address: 'http://nomad',
      hide: (text) => text,
      tokenChanges: () => 0,
      openStream: () => concat(of(new TextEncoder().encode('{}\n')), NEVER),
      getServices: () => of({ index: 1, value: names }),
      getService: () => of({ index: 1, value: [] }).pipe(delay(eachMs, scheduler)),
      getNamespaces: () => of(['default']),
      readIndex: () => of(1),
    } as Partial<NomadClient> as NomadClient;
    const said: (readonly [number, object])[] = [];
    const follower = follow(
      nomadEvents(client, { namespaces: ['default'], prefix: 'haproxy', scheduler }).pipe(
        tap((one) => {
          if (one.kind === 'snapshot-progress' || one.kind === 'snapshot-read') said.push([scheduler.now(), one]);
        }),
      ),
    );
    scheduler.flush();
    follower.stop();
    return said.map(
      ([at, { kind, read, of: all }]: readonly [number, { kind?: string; read?: number; of?: number }]) => [
        at,
        kind === 'snapshot-read' ? { kind } : { read, of: all },
      ],
    );
  }

  it('says each second how many services of all it has read', () => {
    expect(progressOf(40, 700)).to.deep.equal([
      [1000, { read: 16, of: 40 }],
      [2000, { read: 32, of: 40 }],
      [2100, { kind: 'snapshot-read' }],
    ]);
  });

  it('says nothing of a short one', () => {
    expect(progressOf(16, 900)).to.deep.equal([[900, { kind: 'snapshot-read' }]]);
  });
});
