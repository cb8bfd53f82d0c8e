import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert, expect } from 'chai';
import { firstValueFrom, lastValueFrom, tap, timeout, type Observable } from 'rxjs';
import { createNomadClient, type NomadClient } from '../../../lib/nomad/client.ts';
import type { NomadSettings } from '../../../lib/nomad/settings.ts';
import { FailureError, type Failure } from '../../../lib/model/failure.ts';
import { startNomad, until, type NomadServer, type NomadServerOptions } from '../../support/nomad-server.ts';

const recording = fixture('recordings/rolling-update.nomad-2.0.ndjson');
const everything = { index: 0, namespace: '*', topics: ['Service', 'Job'] };

function fixture(path: string): string {
  return fileURLToPath(new URL(`../../../fixtures/${path}`, import.meta.url));
}

async function failureOf(request: Observable<unknown>): Promise<Failure> {
  try {
    await lastValueFrom(request, { defaultValue: undefined });
  } catch (error) {
    assert(error instanceof FailureError, String(error));
    return error.failure;
  }
  assert.fail('it did not fail');
}

describe('createNomadClient', () => {
  let closing: (() => Promise<void>)[] = [];
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nomad-client-'));
  });

  afterEach(async () => {
    for (const close of closing) await close();
    closing = [];
    rmSync(folder, { recursive: true });
  });

  async function start(options?: NomadServerOptions): Promise<NomadServer> {
    const server = await startNomad(options);
    closing.push(server.close);
    return server;
  }

  async function connect(
    settings: Partial<NomadSettings> = {},
    options: NomadServerOptions = { recording },
  ): Promise<{ server: NomadServer; client: NomadClient }> {
    const server = await start(options);
    return { server, client: createNomadClient({ address: server.address, skipVerify: false, ...settings }) };
  }

  /** Answers the first connection with the bytes of a captured answer, and closes it. */
  async function replayWire(name: string): Promise<NomadClient> {
    const server = createServer((socket) => {
      socket.once('data', () => socket.end(readFileSync(fixture(`nomad-wire/${name}.http`))));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(
      () =>
        new Promise((resolve) =>
          server.close(() => {
            resolve();
          }),
        ),
    );
    return createNomadClient({
      address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      skipVerify: false,
    });
  }

  describe('reads', () => {
    it('the services of all namespaces, with the index', async () => {
      const { client } = await connect();
      expect(await firstValueFrom(client.getServices('*'))).to.deep.equal({
        index: 56,
        value: [
          {
            namespace: 'default',
            name: 'shop-api',
            tags: ['haproxy.enable=true', 'haproxy.backend=dynamic', 'haproxy.domain=shop.example.com'],
          },
        ],
      });
    });

    it('the registrations of one service, and none of an unknown one', async () => {
      const { client } = await connect();
      const { index, value } = await firstValueFrom(client.getService('shop-api', 'default'));
      expect(index).to.equal(56);
      expect(value.map((one) => one.port)).to.deep.equal([20_744, 20_668, 20_797]);
      expect((await firstValueFrom(client.getService('nobody/else', 'default'))).value).to.deep.equal([]);
    });

    it('a job', async () => {
      const { client } = await connect();
      const { value } = await firstValueFrom(client.getJob('shop-api', 'default'));
      expect(value).to.deep.include({ id: 'shop-api', modifyIndex: 51 });
      expect(value.services[0]).to.include({ name: 'shop-api', count: 3 });
    });

    it('the allocations that have not ended, one out of touch among them', async () => {
      const { server, client } = await connect({}, {});
      const [runs, ended, away] = ['web', 'web', 'api'].map((ServiceName) => server.register({ ServiceName }).AllocID);
      server.register({ ServiceName: 'far', Namespace: 'prod' });
      server.setAllocation(ended!, 'failed');
      server.setAllocation(away!, 'unknown');
      const { index, value } = await firstValueFrom(client.getLivingAllocations('default'));
      expect(index).to.equal(5);
      expect(value).to.deep.equal([runs, away].map((id) => ({ namespace: 'default', id })));
      expect((await firstValueFrom(client.getLivingAllocations('*'))).value).to.have.length(3);
      const { searchParams } = new URL(server.requests[0]!.url, server.address);
      expect(Object.fromEntries(searchParams)).to.deep.equal({
        namespace: 'default',
        filter: 'ClientStatus != "complete" and ClientStatus != "failed" and ClientStatus != "lost"',
        resources: 'false',
        task_states: 'false',
      });
    });

    it('the namespaces, and the newest index', async () => {
      const { server, client } = await connect();
      server.addNamespace('prod');
      server.register({ ServiceName: 'web' });
      expect(await firstValueFrom(client.getNamespaces())).to.deep.equal(['default', 'prod']);
      expect(await firstValueFrom(client.readIndex('*'))).to.equal(57);
    });

    it('with region and token', async () => {
      const { server, client } = await connect({ region: 'eu', token: 'secret' });
      await firstValueFrom(client.getServices('*'));
      expect(server.requests[0]).to.deep.include({ url: '/v1/services?namespace=*&region=eu' });
      expect(server.requests[0]!.headers).to.include({ 'x-nomad-token': 'secret' });
    });

    it('with basic authentication, where the user in the address wins', async () => {
      const { server, client } = await connect({ httpAuth: 'some:body' });
      await firstValueFrom(client.getNamespaces());
      const other = createNomadClient({
        address: server.address.replace('//', '//us%40er:pa:ss@'),
        httpAuth: 'some:body',
        skipVerify: false,
      });
      await firstValueFrom(other.getNamespaces());
      const users = server.requests.map(({ headers }) => headers.authorization?.replace('Basic ', '') ?? '');
      expect(users.map((user) => atob(user))).to.deep.equal(['some:body', 'us@er:pa:ss']);
      expect(other.address).to.equal(server.address);
    });

    it('over a unix socket', async () => {
      const { client } = await connect({}, { recording, socketPath: join(folder, 'api.sock') });
      expect(client.address).to.equal(`unix://${folder}/api.sock`);
      expect(await firstValueFrom(client.readIndex('default'))).to.equal(56);
      expect(await firstValueFrom(client.openStream(everything))).to.have.property('length');
    });

    it('once more after a server error, and not after a second one', async () => {
      const { server, client } = await connect();
      server.fail({ path: '/v1/namespaces', status: 500, body: 'No cluster leader' });
      expect(await failureOf(client.getNamespaces())).to.include({ kind: 'unreachable' });
      expect(server.requests).to.have.length(2);
    });
  });

  describe('over TLS', () => {
    const tls = {
      key: readFileSync(fixture('tls/server.key')),
      cert: readFileSync(fixture('tls/server.pem')),
      ca: readFileSync(fixture('tls/ca.pem')),
    };
    const authority = { caCert: fixture('tls/ca.pem'), tlsServerName: 'server.global.nomad' };
    const mutual = { ...authority, clientCert: fixture('tls/client.pem'), clientKey: fixture('tls/client.key') };

    it('shows its certificate, and expects the name it was given', async () => {
      const { client } = await connect(mutual, { recording, tls: { ...tls, requestCert: true } });
      expect(await firstValueFrom(client.readIndex('default'))).to.equal(56);
      expect(await firstValueFrom(client.openStream(everything))).to.have.property('length');
    });

    it('takes a folder of authorities', async () => {
      writeFileSync(join(folder, 'ca.pem'), tls.ca);
      const { client } = await connect({ caPath: folder, tlsServerName: 'server.global.nomad' }, { recording, tls });
      expect(await firstValueFrom(client.readIndex('default'))).to.equal(56);
    });

    it('does not verify when told so', async () => {
      const { client } = await connect({ skipVerify: true }, { recording, tls });
      expect(await firstValueFrom(client.readIndex('default'))).to.equal(56);
    });

    const refused: readonly (readonly [name: string, settings: Partial<NomadSettings>, hint: RegExp])[] = [
      ['an unknown authority', {}, /NOMAD_CACERT/],
      ['another name', { caCert: authority.caCert }, /NOMAD_TLS_SERVER_NAME/],
      ['a missing client certificate', authority, /NOMAD_CLIENT_CERT/],
    ];
    for (const [name, settings, hint] of refused) {
      it(`says what helps against ${name}`, async () => {
        const { client } = await connect(settings, { recording, tls: { ...tls, requestCert: true } });
        const failure = await failureOf(client.readIndex('default'));
        expect(failure.kind).to.equal('unreachable');
        expect(failure.hint).to.match(hint);
      });
    }
  });

  describe('refuses settings', () => {
    const bad: readonly (readonly [name: string, settings: Partial<NomadSettings>, kind: string, where: string])[] = [
      ['without a scheme', { address: 'us:er@nomad' }, 'rejected', 'nomad'],
      ['of another scheme', { address: 'ftp://nomad' }, 'rejected', 'ftp://nomad'],
      ['with half a pair', { clientCert: '/c.pem' }, 'rejected', '/c.pem'],
      ['with a file that is not there', { caCert: '/no/ca.pem' }, 'not-found', '/no/ca.pem'],
    ];
    for (const [name, settings, kind, where] of bad) {
      it(name, () => {
        expect(() => createNomadClient({ address: 'http://nomad', skipVerify: false, ...settings }))
          .to.throw(FailureError)
          .with.property('failure')
          .that.includes({ kind, where });
      });
    }
  });

  it('says that a token which cannot be sent is unusable, and sends nothing', async () => {
    const { server, client } = await connect({ token: 'one\ntwo' });
    const failure = await failureOf(client.getNamespaces());
    expect(failure).to.include({ kind: 'unauthorized', where: 'nomad.token' });
    expect(failure.message).to.equal('cannot read the token: it is not one line of printable ASCII without blanks');
    expect(server.requests).to.deep.equal([]);
  });

  describe('token file', () => {
    it('is read again when it changes', async () => {
      const tokenFile = join(folder, 'token');
      writeFileSync(tokenFile, 'first\n');
      const { server, client } = await connect({ tokenFile, token: 'stale' });
      await firstValueFrom(client.getNamespaces());
      writeFileSync(tokenFile, 'second\n');
      utimesSync(tokenFile, 1, 1);
      await firstValueFrom(client.getNamespaces());
      expect(server.requests.map(({ headers }) => headers['x-nomad-token'])).to.deep.equal(['first', 'second']);
    });

    for (const name of ['getNamespaces', 'openStream'] as const) {
      it(`is read again when Nomad refuses ${name}, even if its time is the same`, async () => {
        const tokenFile = join(folder, 'token');
        writeFileSync(tokenFile, 'first');
        utimesSync(tokenFile, 1, 1);
        const { server, client } = await connect({ tokenFile }, { recording, token: 'first', version: '1.10' });
        await firstValueFrom(client.getNamespaces());
        server.setToken('second');
        writeFileSync(tokenFile, 'second');
        utimesSync(tokenFile, 1, 1);
        const request: Observable<unknown> =
          name === 'openStream' ? client.openStream(everything) : client.getNamespaces();
        await firstValueFrom(request);
        expect(server.requests).to.have.length(3);
      });
    }

    it('that says the same is not tried twice', async () => {
      const tokenFile = join(folder, 'token');
      writeFileSync(tokenFile, 'first');
      const { server, client } = await connect({ tokenFile }, { recording, token: 'other' });
      expect(await failureOf(client.getNamespaces())).to.include({ kind: 'unauthorized' });
      expect(server.requests).to.have.length(1);
    });

    it('that is not there is said', async () => {
      const { client } = await connect({ tokenFile: join(folder, 'none') });
      expect(await failureOf(client.getNamespaces())).to.include({ kind: 'unauthorized', where: join(folder, 'none') });
    });

    it('that cannot be looked at is said', async () => {
      const tokenFile = join(folder, 'loop');
      symlinkSync(tokenFile, tokenFile);
      const { client } = await connect({ tokenFile });
      expect(await failureOf(client.getNamespaces())).to.include({ kind: 'unauthorized', where: tokenFile });
    });

    const unusable = { 'two lines': 'one\ntwo\n', 'a character outside ASCII': 'tok…en', nothing: '\n' };
    for (const [what, text] of Object.entries(unusable)) {
      it(`that holds ${what} is said, again and again, and nothing of it is told or sent`, async () => {
        const tokenFile = join(folder, 'token');
        writeFileSync(tokenFile, text);
        const { server, client } = await connect({ tokenFile });
        for (const request of [client.getNamespaces(), client.openStream(everything), client.getNamespaces()]) {
          const failure = await failureOf(request);
          expect(failure).to.include({ kind: 'unauthorized', where: tokenFile });
          expect(failure.message).to.equal(
            'cannot read the token: it is not one line of printable ASCII without blanks',
          );
        }
        expect(server.requests).to.deep.equal([]);
        writeFileSync(tokenFile, 'good');
        await firstValueFrom(client.getNamespaces());
        expect(server.requests[0]!.headers).to.include({ 'x-nomad-token': 'good' });
      });
    }
  });

  describe('fails with one clear message', () => {
    type Row = readonly [
      name: string,
      fault: { readonly path: string; readonly status: number; readonly body: string; readonly index?: number },
      ask: (client: NomadClient) => Observable<unknown>,
      kind: string,
      message: RegExp,
      hint: RegExp,
    ];
    const rows: readonly Row[] = [
      [
        '401',
        { path: '/v1/services', status: 401, body: '' },
        (client) => client.getServices('*'),
        'unauthorized',
        /answered 401/,
        /NOMAD_TOKEN/,
      ],
      [
        '403',
        { path: '/v1/service/web', status: 403, body: 'Permission denied' },
        (client) => client.getService('web', 'prod'),
        'unauthorized',
        /answered 403: Permission denied/,
        /"read-job" in namespace "prod"/,
      ],
      [
        '500 for a missing capability',
        { path: '/v1/event/stream', status: 500, body: 'Permission denied' },
        (client) => client.openStream(everything),
        'unauthorized',
        /Permission denied/,
        /"read-job" in namespace "\*"/,
      ],
      [
        'no readable namespace',
        { path: '/v1/services', status: 200, body: '[]', index: 0 },
        (client) => client.getServices('*'),
        'unauthorized',
        /may not read a single namespace/,
        /"read-job"/,
      ],
      [
        '404',
        { path: '/v1/job/web', status: 404, body: 'job not found' },
        (client) => client.getJob('web', 'default'),
        'not-found',
        /job not found/,
        /gone/,
      ],
      [
        '429',
        { path: '/v1/event/stream', status: 429, body: '' },
        (client) => client.openStream(everything),
        'unreachable',
        /429/,
        /http_max_conns_per_client/,
      ],
      [
        'an agent without server',
        { path: '/v1/event/stream', status: 500, body: 'dial tcp: connection refused' },
        (client) => client.openStream(everything),
        'unreachable',
        /dial tcp: connection refused/,
        /leader/,
      ],
      [
        'a body that is not JSON',
        { path: '/v1/namespaces', status: 200, body: '<html>' },
        (client) => client.getNamespaces(),
        'malformed',
        /JSON/,
        /HTTP API/,
      ],
      [
        'another shape',
        { path: '/v1/service/web', status: 200, body: '[{"ID":"x"}]' },
        (client) => client.getService('web', 'default'),
        'malformed',
        /\/0 must have required property 'ServiceName'/,
        /HTTP API/,
      ],
    ];
    for (const [name, fault, ask, kind, message, hint] of rows) {
      it(`on ${name}`, async () => {
        const { server, client } = await connect({ token: 'my-secret' });
        server.fail(fault);
        const failure = await failureOf(ask(client));
        expect(failure.kind).to.equal(kind);
        expect(failure.message).to.match(message);
        expect(failure.where).to.match(new RegExp(`^GET ${server.address}${fault.path}`));
        expect(failure.hint).to.match(hint);
        expect(JSON.stringify(failure)).not.to.include('my-secret');
      });
    }

    it('on nobody there', async () => {
      const { server, client } = await connect();
      await server.close();
      closing = [];
      for (const request of [client.getNamespaces(), client.openStream(everything)]) {
        const failure = await failureOf(request);
        expect(failure).to.include({ kind: 'unreachable' });
        expect(failure.message).to.match(/ECONNREFUSED/);
        expect(failure.hint).to.match(/NOMAD_ADDR/);
      }
    });

    it('on no such socket', async () => {
      const client = createNomadClient({ address: `unix://${folder}/none.sock`, skipVerify: false });
      expect((await failureOf(client.getNamespaces())).message).to.match(/ENOENT/);
    });
  });

  describe('event stream', () => {
    it('asks for topics, index and namespace, and offers no compression', async () => {
      const { server, client } = await connect({ region: 'eu' });
      await firstValueFrom(client.openStream({ index: 7, namespace: 'prod', topics: ['Service', 'Job'] }));
      expect(server.requests[0]!.url).to.equal(
        '/v1/event/stream?index=7&namespace=prod&topic=Service&topic=Job&region=eu',
      );
      expect(server.requests[0]!.headers).not.to.have.property('accept-encoding');
    });

    it('closes its connection when nobody listens any more', async () => {
      const { server, client } = await connect();
      const subscription = client.openStream(everything).subscribe();
      await until(() => server.streams() === 1);
      subscription.unsubscribe();
      await until(() => server.streams() === 0);
    });

    it('completes when the server ends it', async () => {
      const { server, client } = await connect();
      const received = lastValueFrom(client.openStream(everything).pipe(timeout(2000)));
      await until(() => server.streams() === 1);
      server.endStream();
      await received;
    });

    const wires: readonly (readonly [name: string, text: RegExp])[] = [
      ['idle.nomad-1.11.2', /^\{\}\n$/],
      ['register.nomad-1.10', /^\{\}\n\{"Events":.*\}\n$/],
      ['register.nomad-2.0', /^\{\}\n\{"Events":.*\}\n$/],
      ['token-deleted.nomad-1.10', /^\{\}\nsubscription closed by server, client should resubscribe$/],
      ['bad-token.nomad-2.0', /^$/],
    ];
    for (const [name, text] of wires) {
      it(`reads the captured bytes of ${name}`, async () => {
        const client = await replayWire(name);
        let received = '';
        const stream = client.openStream(everything).pipe(tap((chunk) => (received += Buffer.from(chunk).toString())));
        await lastValueFrom(stream, { defaultValue: undefined }).catch((error: unknown) => {
          expect(error).to.be.instanceOf(FailureError);
        });
        expect(received).to.match(text);
      });
    }

    it('reads the captured refusal of 1.10', async () => {
      const client = await replayWire('bad-token.nomad-1.10');
      expect(await failureOf(client.openStream(everything))).to.include({
        kind: 'unauthorized',
        message: 'Nomad answered 403: Permission denied',
      });
    });
  });
});
