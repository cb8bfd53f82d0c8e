import { setTimeout as sleep } from 'node:timers/promises';
import { assert, expect } from 'chai';
import { asyncScheduler, lastValueFrom, NEVER, queueScheduler, startWith, tap } from 'rxjs';
import { FailureError, type Failure } from '../../lib/model/failure.ts';
import { createNomadClient } from '../../lib/nomad/client.ts';
import { nomadLines, type Line } from '../../streams/nomad-lines.ts';
import { startNomad, until, type NomadServer, type NomadServerOptions } from '../support/nomad-server.ts';

const closed = 'subscription closed by server, client should resubscribe';

describe('nomadLines', () => {
  let server: NomadServer | undefined;

  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  /** Follows the stream until it fails; `act` happens to its server, once the stream is open unless told otherwise. */
  async function follow(
    options: NomadServerOptions,
    act: (server: NomadServer) => unknown,
    when: 'open' | 'before' = 'open',
    silenceMs = 80,
  ): Promise<{ readonly lines: readonly Line[]; readonly failure: Failure }> {
    const nomad = (server = await startNomad(options));
    const { address } = nomad;
    if (when === 'before') await act(nomad);
    const lines: Line[] = [];
    const followed = lastValueFrom(
      nomadLines(createNomadClient({ address, skipVerify: false }), {
        namespace: 'default',
        index: 0,
        firstHeartbeatMs: when === 'before' ? silenceMs : 5_000,
        silenceMs,
        scheduler: asyncScheduler,
      }).pipe(
        tap((line) => {
          lines.push(line);
        }),
      ),
    ).catch((error: unknown) => error);
    if (when === 'open') {
      await until(() => lines.length > 0);
      await act(nomad);
    }
    const error = await followed;
    assert(error instanceof FailureError, String(error));
    expect(error.failure.where).to.match(/^GET http:.*\/v1\//);
    return { lines, failure: error.failure };
  }

  it('passes heartbeats and events on', async () => {
    const { lines } = await follow({ heartbeatMs: 5 }, talk, 'open', 5_000);
    const kinds = lines.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'events')).to.have.length(2);
    expect(kinds.filter((kind) => kind === 'heartbeat').length).to.be.greaterThan(2);

    async function talk(nomad: NomadServer): Promise<void> {
      nomad.register({ ServiceName: 'web' });
      nomad.setJob({ ID: 'web', Namespace: 'default' });
      await sleep(50);
      nomad.endStream();
    }
  });

  it('lets the lines of a chunk come in one turn of the queue', () => {
    const client = createNomadClient({ address: 'http://nomad.invalid', skipVerify: false });
    const chunk = Buffer.from('{}\n{"Index":7}\n');
    const seen: string[] = [];
    const lines = nomadLines(
      { ...client, openStream: () => NEVER.pipe(startWith(chunk)) },
      { namespace: 'default', index: 0, firstHeartbeatMs: 5_000, silenceMs: 5_000, scheduler: asyncScheduler },
    );
    const subscription = lines.subscribe({
      next: ({ kind }) => {
        seen.push(kind);
        queueScheduler.schedule(() => seen.push('next turn'));
      },
      error: (error: unknown) => {
        expect.fail(String(error));
      },
    });
    subscription.unsubscribe();
    expect(seen).to.deep.equal(['heartbeat', 'events', 'next turn', 'next turn']);
  });

  it('goes on after a line that is too long', async () => {
    const { lines } = await follow({}, talk, 'open', 5_000);
    expect(lines.map(({ kind }) => kind)).to.deep.equal(['heartbeat', 'oversized', 'events']);

    function talk(nomad: NomadServer): void {
      nomad.register({ ServiceName: 'web', Tags: ['x'.repeat(5 * 1024 * 1024)] });
      nomad.register({ ServiceName: 'web' });
      nomad.endStream();
    }
  });

  it('asks after a second whether the token is refused where no heartbeat comes', async () => {
    const startedAt = performance.now();
    const act = (nomad: NomadServer) => {
      nomad.denyToken();
    };
    const { failure } = await follow({ version: '2.0' }, act, 'before', 10_000);
    expect(failure.kind).to.equal('unauthorized');
    expect(failure.message).to.match(/silent for 1000 ms; Nomad answered 403: Permission denied/);
    expect(failure.hint).to.include('set NOMAD_TOKEN');
    expect(performance.now() - startedAt).to.be.below(1900);
  });

  it('goes on waiting where it is not', async () => {
    const { failure } = await follow(
      {},
      (nomad) => {
        nomad.silence();
      },
      'before',
      1300,
    );
    expect(failure.message).to.match(/silent for 1300 ms$/);
  });

  type Row = readonly [
    name: string,
    options: NomadServerOptions,
    act: (server: NomadServer) => unknown,
    when: 'open' | 'before',
    kind: string,
    message: RegExp,
  ];
  const rows: readonly Row[] = [
    [
      'an end',
      {},
      (nomad) => {
        nomad.endStream();
      },
      'open',
      'unreachable',
      /^the event stream has ended$/,
    ],
    [
      "a server's error text",
      {},
      (nomad) => {
        nomad.text(closed);
      },
      'open',
      'unreachable',
      new RegExp(`says: ${closed}$`),
    ],
    [
      'half a line',
      {},
      (nomad) => {
        nomad.text('{"Index":7,"Ev');
      },
      'open',
      'malformed',
      /was cut .*: \{"Index":7,"Ev$/,
    ],
    [
      'silence',
      {},
      (nomad) => {
        nomad.silence();
      },
      'open',
      'unreachable',
      /^the event stream is silent for 80 ms$/,
    ],
    [
      'silence from the beginning',
      {},
      (nomad) => {
        nomad.silence();
      },
      'before',
      'unauthorized',
      /silent for 80 ms$/,
    ],
    [
      'a refused token that Nomad 2.0 keeps silent about',
      { version: '2.0' },
      (nomad) => {
        nomad.denyToken();
      },
      'before',
      'unauthorized',
      /silent for 80 ms; Nomad answered 403: Permission denied/,
    ],
    [
      'a refused token that Nomad 1.10 tells at once',
      { version: '1.10' },
      (nomad) => {
        nomad.denyToken();
      },
      'before',
      'unauthorized',
      /^Nomad answered 403: Permission denied$/,
    ],
    [
      'a token whose rights go, 2.0',
      { version: '2.0' },
      (nomad) => {
        nomad.denyToken();
      },
      'open',
      'unauthorized',
      /silent for 80 ms; Nomad answered 403/,
    ],
    [
      'a token whose rights go, 1.10',
      { version: '1.10' },
      (nomad) => {
        nomad.denyToken();
      },
      'open',
      'unauthorized',
      /says: subscription closed by server.*; Nomad answered 403/,
    ],
    ['a killed server', {}, (nomad) => nomad.close(), 'open', 'unreachable', /no answer from Nomad/],
    ['nobody there', {}, (nomad) => nomad.close(), 'before', 'unreachable', /ECONNREFUSED/],
  ];
  for (const [name, options, act, when, kind, message] of rows) {
    it(`says what happened: ${name}`, async () => {
      const { failure } = await follow(options, act, when);
      expect(failure.message).to.match(message);
      expect(failure.kind).to.equal(kind);
      expect(failure.hint).to.not.equal('');
    });
  }
});
