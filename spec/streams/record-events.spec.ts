import { expect } from 'chai';
import { map, NEVER, of, type Subscription } from 'rxjs';
import type { Notice } from '../../lib/model/notice.ts';
import { createNomadClient, type NomadClient } from '../../lib/nomad/client.ts';
import { parseRecording } from '../../lib/nomad/recording.ts';
import { recordEvents } from '../../streams/record-events.ts';
import { marbles } from '../support/marbles.ts';
import { startNomad, until, type NomadServer, type NomadServerOptions } from '../support/nomad-server.ts';

const tags = ['haproxy.enable=true'];

describe('recordEvents', () => {
  let nomad: NomadServer;
  let recording: Subscription;

  afterEach(async () => {
    recording.unsubscribe();
    await nomad.close();
  });

  async function start(options: NomadServerOptions = {}, prepare: (nomad: NomadServer) => void = () => undefined) {
    nomad = await startNomad(options);
    prepare(nomad);
    return nomad;
  }

  function record(namespaces: readonly string[] = ['default']) {
    const lines: string[] = [];
    const notices: Notice[] = [];
    const client = createNomadClient({ address: nomad.address, skipVerify: false });
    recording = recordEvents(client, { namespaces, prefix: 'haproxy' }).subscribe({
      next: (said) => {
        if (typeof said === 'string') lines.push(said);
        else notices.push(said);
      },
      error: (error: unknown) => {
        throw error;
      },
    });
    const lost = () => notices.flatMap((notice) => (notice.kind === 'nomad-lost' ? [notice] : []));
    return { lines, lost, notices };
  }

  /** What kind of line each is. */
  function shapes(lines: readonly string[]): readonly string[] {
    return parseRecording(lines.join('')).map(({ what }) => what.kind);
  }

  it('records a snapshot in the words of Nomad, then every frame untouched', async () => {
    const job = { ID: 'web', Namespace: 'default', TaskGroups: [], Meta: { any: 'thing' } };
    let web: object = {};
    await start({}, (server) => {
      web = server.register({ ServiceName: 'web', JobID: 'web', Tags: tags });
      server.register({ ServiceName: 'plain', Tags: ['other'] });
      server.silently(() => {
        server.setJob(job);
      });
    });
    const { lines } = record();
    await until(() => lines.length >= 2);
    const event = { Topic: 'Job', Type: 'JobDeregistered', Namespace: 'default', Key: 'web', Index: 999 };
    const frame = { Index: 999, Events: [{ ...event, FilterKeys: null, Payload: {}, Unknown: 'é' }], Later: 1 };
    nomad.push(frame);
    await until(() => lines.at(-1)?.includes('999') === true);
    const { t, snapshot } = JSON.parse(lines[0]!) as { t: number; snapshot: Record<string, unknown> };
    expect(t).to.be.a('number');
    expect(snapshot['registrations']).to.deep.equal([web]);
    expect(snapshot['jobs']).to.have.nested.property('[0].Meta.any', 'thing');
    expect(snapshot['index']).to.be.above(1);
    expect(lines[1]).to.match(/^\{"t":\d+,"frame":\{\}\}\n$/);
    expect(lines.at(-1)?.replace(/^\{"t":\d+,/, '')).to.equal(`"frame":${JSON.stringify(frame)}}\n`);
    expect(shapes(lines).slice(0, 2)).to.deep.equal(['snapshot-taken', 'heartbeat']);
  });

  it('takes the snapshot when the stream of every namespace has spoken', async () => {
    await start({}, (server) => {
      server.register({ ServiceName: 'web', Namespace: 'prod', Tags: tags });
    });
    const { lines } = record(['default', 'prod']);
    await until(() => lines.length >= 3);
    const [first] = parseRecording(lines.join(''));
    expect(first?.what).to.have.nested.property('registrations[0].namespace', 'prod');
    expect(nomad.streams()).to.equal(2);
    const snapshotAt = nomad.requests.findIndex(({ url }) => url.startsWith('/v1/service/'));
    const streamsAt = nomad.requests.flatMap(({ url }, at) => (url.startsWith('/v1/event/stream') ? [at] : []));
    expect(streamsAt).to.have.length(2);
    expect(snapshotAt).to.be.above(Math.max(...streamsAt));
  });

  it('opens the stream again after a break, takes a new snapshot, and records no error text', async () => {
    await start();
    const { lines, lost } = record();
    await until(() => lines.length === 2);
    nomad.text('subscription closed by server');
    await until(() => lines.length >= 4);
    expect(lost()[0]).to.have.nested.include({
      'failure.kind': 'unreachable',
      'failure.message': 'the event stream says: subscription closed by server',
    });
    expect(shapes(lines).slice(0, 4)).to.deep.equal(['snapshot-taken', 'heartbeat', 'snapshot-taken', 'heartbeat']);
  });

  it('says that the stream has ended where Nomad says nothing', async () => {
    await start();
    const { lines, lost } = record();
    await until(() => lines.length === 2);
    nomad.endStream();
    await until(() => lost().length === 1);
    expect(lost()[0]).to.have.nested.property('failure.message', 'the event stream has ended');
  });

  for (const version of ['1.10', '2.0'] as const) {
    it(`says at once that its token is refused, by Nomad ${version} too`, async () => {
      await start({ version, token: 'right' });
      const { lines, lost } = record();
      await until(() => lost().length === 1);
      expect(lost()[0]).to.have.nested.property('failure.kind', 'unauthorized');
      expect(lines).to.deep.equal([]);
    });
  }

  it('records nothing of a snapshot that cannot be read again', async () => {
    await start({}, (server) => {
      server.register({ ServiceName: 'web', Tags: tags });
      server.fail({ path: '/v1/service/web', status: 200, body: '[{"ID":7}]' });
    });
    const { lines, lost } = record();
    await until(() => lost().length === 1);
    expect(lost()[0]).to.have.nested.property('failure.kind', 'malformed');
    expect(lines).to.deep.equal([]);
  });

  it('records every version of a job that is not stable', async () => {
    const job = (Stable: boolean, text: string) => ({ ID: 'web', Namespace: 'default', Meta: { text }, Stable });
    await start({}, (server) => {
      server.silently(() => {
        for (const one of [job(true, 'old'), job(false, 'new')]) server.setJob(one);
      });
      server.register({ ServiceName: 'web', JobID: 'web', Tags: tags });
    });
    const { lines } = record();
    await until(() => lines.length >= 2);
    const { snapshot } = JSON.parse(lines[0]!) as { snapshot: { jobs: { Meta: unknown }[] } };
    expect(snapshot.jobs.map(({ Meta }) => Meta)).to.deep.equal([{ text: 'new' }, { text: 'old' }]);
    const [read] = parseRecording(lines.join(''));
    expect(read?.what).to.have.nested.property('jobs[0].earlier').that.has.length(1);
  });

  it('does without a job that cannot be read', async () => {
    await start({}, (server) => {
      server.register({ ServiceName: 'web', JobID: 'web', Tags: tags });
      server.fail({ path: '/v1/job/web', status: 500, body: 'rpc error' });
    });
    const { lines } = record();
    await until(() => lines.length >= 2);
    expect(JSON.parse(lines[0]!)).to.have.nested.property('snapshot.jobs').that.deep.equals([]);
  });

  it('does without a job that could not be read again', async () => {
    await start({}, (server) => {
      server.register({ ServiceName: 'web', JobID: 'web', Tags: tags });
      server.silently(() => {
        server.setJob({ ID: 'web', Namespace: 'default', TaskGroups: 'none' });
      });
    });
    const { lines } = record();
    await until(() => lines.length >= 2);
    expect(JSON.parse(lines[0]!)).to.have.nested.property('snapshot.jobs').that.deep.equals([]);
    expect(shapes(lines)[0]).to.equal('snapshot-taken');
  });

  it('says what it leaves out: a line of more than 4 MiB', async () => {
    await start();
    const { lines, notices } = record();
    await until(() => lines.length === 2);
    nomad.setJob({ ID: 'huge', Namespace: 'default', Meta: { text: 'x'.repeat(5 * 1024 * 1024) } });
    await until(() => notices.some(({ kind }) => kind === 'nomad-input-skipped'));
    expect(notices.at(-1))
      .to.have.property('why')
      .that.matches(/^too long: 52\d{5} bytes$/);
    expect(lines).to.have.length(2);
  });
});

describe('recordEvents, when Nomad is silent', () => {
  const quiet = {
    address: 'http://nomad',
    getServices: () => of({ index: 1, value: [] }),
    hide: (text) => text,
    openStream: () => NEVER,
  } as Partial<NomadClient> as NomadClient;

  it('gives the first heartbeat 10 s', () => {
    marbles(({ expectObservable }) => {
      const said = recordEvents(quiet, { namespaces: ['default'], prefix: 'haproxy' }).pipe(
        map((one) => (typeof one !== 'string' && one.kind === 'nomad-lost' ? one.failure.message : one)),
      );
      expectObservable(said, '^ 10s -!').toBe('10s l', { l: 'the event stream is silent' });
    });
  });
});
