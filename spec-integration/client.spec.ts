import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { assert, expect } from 'chai';
import type { Observable } from 'rxjs';
import { serializeActions } from '../lib/haproxy/client-actions.ts';
import { isRefusal } from '../lib/haproxy/client-failures.ts';
import { createDataplaneClient } from '../lib/haproxy/client.ts';
import type { DataplaneClient } from '../lib/haproxy/client.ts';
import { FailureError } from '../lib/model/failure.ts';
import type { Failure } from '../lib/model/failure.ts';
import { startApiProxy } from './support/api-proxy.ts';
import { answerOf, configPath, forEachImage, mapsPath, startApp, startHaproxy } from './support/haproxy.ts';
import type { App, Haproxy } from './support/haproxy.ts';

const config = `global
  stats socket /var/run/haproxy-runtime-api.sock mode 600 level admin

defaults main
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s

backend web from main # by hand
  # slots
  server nomad02 127.0.0.1:1 check inter 200ms disabled # {"owner":"nomad"}
  server nomad01 127.0.0.1:1 check inter 200ms disabled # {"owner":"nomad"}
  balance roundrobin

frontend fe from main
  http-request set-var(txn.be) req.hdr(host),map_str(${mapsPath}/rows.map)
  http-request set-var(txn.be) req.hdr(host),map_reg(${mapsPath}/regex.map)
  use_backend static if { path /static }
  bind :8080
  default_backend web

backend static from main
  http-request return status 200 content-type text/plain string "static"
`;

/** Without the lines that the API puts on top, which change with every write. */
function body(text: string): string {
  return text.replace(/^(#.*\n)+\n*/, '');
}

/** Resolves when the condition holds, asked every 20 ms; rejects after 10 s. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    if (await condition()) return;
    await setTimeout(20);
  }
  assert.fail('it did not come to hold');
}

async function failureOf(calls: Observable<unknown>): Promise<Failure> {
  try {
    await answerOf(calls);
  } catch (error) {
    if (error instanceof FailureError) return error.failure;
    throw error;
  }
  return assert.fail('it did not fail');
}

describe('actions as a header', () => {
  const slot = { backend: 'web', server: 'nomad01' };

  it('writes them as the API insists on', () => {
    const header = serializeActions([
      { kind: 'address', ...slot, address: '::1', port: 8080 },
      { kind: 'weight', ...slot, weight: 0 },
      { kind: 'state', ...slot, state: 'maint' },
    ]);
    expect(header).to.equal(
      'SetServerAddr web nomad01 ::1 8080;SetServerWeight web nomad01 0;SetServerState web nomad01 maint',
    );
  });

  it('refuses what would be ignored without an error', () => {
    const hostName = { kind: 'address', ...slot, address: 'app.example', port: 1 } as const;
    const injection = { kind: 'state', backend: 'web', server: 'a ready;SetServerState b', state: 'maint' } as const;
    expect(() => serializeActions([hostName])).to.throw(FailureError, 'is not an IP address');
    expect(() => serializeActions([injection])).to.throw(FailureError, 'is not a name');
  });
});

forEachImage((image) => {
  describe('the client of the Data Plane API', () => {
    let haproxy: Haproxy;
    let client: DataplaneClient;
    let app: App;

    before(async () => {
      haproxy = await startHaproxy({ image, config, maps: { 'rows.map': '', 'regex.map': '' } });
      client = createDataplaneClient(haproxy.api);
      app = await startApp({ name: 'app-1', host: haproxy.hostAddress });
    });

    after(async () => {
      await app.close();
      await haproxy.stop();
    });

    async function get(path: string): Promise<string> {
      const response = await fetch(`http://${haproxy.port(8080)}${path}`);
      return `${response.status} ${await response.text()}`;
    }

    async function server(name: string) {
      return (await answerOf(client.getServers('web'))).find((one) => one.name === name);
    }

    it('tells the versions and the process', async () => {
      const line = /s6-(\d\.\d)/.exec(image)?.[1];
      const { dataplane } = await answerOf(client.getInfo());
      const { haproxyVersion, pid, configurationVersion } = await answerOf(client.getRuntimeInfo());
      expect(dataplane)
        .to.match(/^v3\.\d+\.\d+$/)
        .and.include(line ?? '');
      expect(haproxyVersion)
        .to.match(/^3\.\d+\.\d+/)
        .and.include(line ?? '');
      expect(await haproxy.socat('show info')).to.include(`Pid: ${pid}\n`);
      expect(configurationVersion).to.equal(await answerOf(client.getVersion()));
    });

    it('reads a file that the API has never written', async () => {
      expect(await answerOf(client.getRaw())).to.deep.equal({ version: 1, text: config });
    });

    it('previews the round trip without writing or leaving a transaction', async () => {
      const preview = await answerOf(client.previewRoundTrip(1));
      expect(await haproxy.file(configPath)).to.equal(config);
      expect(await answerOf(client.listTransactions())).to.be.empty;
      const directory = '/usr/local/var/lib/dataplaneapi/transactions';
      expect(await haproxy.exec('find', directory, '-type', 'f')).to.be.empty;
      const written = await answerOf(client.postRaw({ version: 1, text: config, reload: 'skip' }));
      expect(body(preview)).to.equal(body(written.text)).and.not.equal(config);
    });

    it('deletes the transaction of a preview whose subscriber leaves', async () => {
      const version = await answerOf(client.getVersion());
      client.previewRoundTrip(version).subscribe().unsubscribe();
      await setTimeout(100);
      await until(async () => (await answerOf(client.listTransactions())).length === 0);
    });

    for (const fault of ['cut', 'lost', '500'] as const) {
      it(`deletes the transaction of a preview also when the call for that is ${fault} twice`, async () => {
        const proxy = await startApiProxy(haproxy.api.address);
        let disturbed = 0;
        proxy.disturb((call) => {
          if (!call.startsWith('DELETE ') || disturbed === 2) return undefined;
          disturbed += 1;
          return fault;
        });
        const relayed = createDataplaneClient({ ...haproxy.api, address: proxy.address });
        await answerOf(relayed.previewRoundTrip(await answerOf(client.getVersion())));
        await proxy.close();
        expect(disturbed).to.equal(2);
        expect(await answerOf(client.listTransactions())).to.be.empty;
      });
    }

    /** What somebody else does in a transaction of theirs. */
    async function addBackend(transaction: string): Promise<void> {
      const { address, username, password } = haproxy.api;
      const url = `${address}/v3/services/haproxy/configuration/backends?transaction_id=${transaction}`;
      const { status } = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${username}:${password}`)}`, 'content-type': 'application/json' },
        body: '{"name":"theirs"}',
      });
      expect(status).to.equal(202);
    }

    for (const fault of ['cut', 'lost', '500'] as const) {
      it(`leaves no transaction of its own, and those of others, when the call that opens one is ${fault} twice`, async () => {
        const version = await answerOf(client.getVersion());
        const proxy = await startApiProxy(haproxy.api.address);
        const others = [await answerOf(client.startTransaction(version))];
        let disturbed = 0;
        proxy.before(async (call) => {
          if (!call.startsWith('POST ') || others.length === 2) return;
          others.push(await answerOf(client.startTransaction(version)));
          await addBackend(others[1]!);
        });
        proxy.disturb((call) => {
          if (!call.startsWith('POST ') || disturbed === 2) return undefined;
          disturbed += 1;
          return fault;
        });
        const relayed = createDataplaneClient({ ...haproxy.api, address: proxy.address });
        await answerOf(relayed.previewRoundTrip(version));
        await proxy.close();
        expect(disturbed).to.equal(2);
        expect(await answerOf(client.listTransactions())).to.have.members(others);
        for (const id of others) await answerOf(client.deleteTransaction(id));
      });
    }

    it('looks for a transaction that it was not told of also when a preview failed in between', async () => {
      const version = await answerOf(client.getVersion());
      const proxy = await startApiProxy(haproxy.api.address);
      const relayed = createDataplaneClient({ ...haproxy.api, address: proxy.address });
      proxy.disturb((call) => (call.startsWith('POST ') ? 'lost' : undefined));
      expect(await failureOf(relayed.previewRoundTrip(version))).to.include({ kind: 'unreachable' });
      expect(await answerOf(client.listTransactions())).to.have.length(6);
      proxy.disturb((call) => (call.startsWith('GET ') && call.endsWith('in_progress') ? '500' : undefined));
      expect(await failureOf(relayed.previewRoundTrip(version))).to.include({ kind: 'unreachable' });
      proxy.disturb(() => undefined);
      await answerOf(relayed.previewRoundTrip(version));
      await proxy.close();
      expect(await answerOf(client.listTransactions())).to.be.empty;
    });

    it('deletes what it opened and could not delete with the next preview', async () => {
      const version = await answerOf(client.getVersion());
      const proxy = await startApiProxy(haproxy.api.address);
      const relayed = createDataplaneClient({ ...haproxy.api, address: proxy.address });
      proxy.disturb((call) => (call.startsWith('DELETE ') ? 'cut' : undefined));
      expect(await failureOf(relayed.previewRoundTrip(version))).to.include({ kind: 'unreachable' });
      expect(await answerOf(client.listTransactions())).to.have.length(1);
      proxy.disturb(() => undefined);
      await answerOf(relayed.previewRoundTrip(version));
      await proxy.close();
      expect(await answerOf(client.listTransactions())).to.be.empty;
    });

    it('takes no answer that is longer than its limit', async () => {
      const limited = createDataplaneClient({ ...haproxy.api, maxAnswerBytes: 100 });
      expect(await failureOf(limited.getRaw())).to.deep.include({
        kind: 'malformed',
        message: 'the answer is longer than 100 bytes',
        where: `GET ${haproxy.api.address}/v3/services/haproxy/configuration/raw`,
      });
      const { version } = await answerOf(client.getRaw());
      expect(await answerOf(limited.getVersion())).to.equal(version);
      const tiny = createDataplaneClient({ ...haproxy.api, maxAnswerBytes: 10 });
      expect(await failureOf(tiny.setServerState('web', 'nomad01', 'maint'))).to.include({
        kind: 'malformed',
        message: 'the answer is longer than 10 bytes',
      });
    });

    it("tells HAProxy's own refusal of a runtime command from a call that came to nothing", async () => {
      const { version, text } = await answerOf(client.getRaw());
      const actions = [{ kind: 'weight', backend: 'web', server: 'nobody', weight: 1 }] as const;
      expect(isRefusal(await failureOf(client.postRaw({ version, text, reload: 'skip', actions })))).to.equal(true);
      expect(isRefusal(await failureOf(client.setServerState('web', 'nobody', 'drain')))).to.equal(true);
      const proxy = await startApiProxy(haproxy.api.address);
      const relayed = createDataplaneClient({ ...haproxy.api, address: proxy.address });
      for (const fault of ['cut', 'lost', '500'] as const) {
        proxy.disturb(() => fault);
        expect(isRefusal(await failureOf(relayed.setServerState('web', 'nomad01', 'drain')))).to.equal(false);
      }
      await proxy.close();
    });

    it('starts, lists and deletes transactions', async () => {
      const id = await answerOf(client.startTransaction(await answerOf(client.getVersion())));
      expect(await answerOf(client.listTransactions())).to.deep.equal([id]);
      await answerOf(client.deleteTransaction(id));
      expect(await answerOf(client.listTransactions())).to.be.empty;
      expect(await failureOf(client.deleteTransaction(id))).to.include({ kind: 'not-found' });
    });

    for (const reload of ['skip', 'force'] as const) {
      it(`writes the configuration (${reload} reload) and tells what the file says then`, async () => {
        const [before, reloads] = [await answerOf(client.getRaw()), await haproxy.reloads()];
        const text = before.text.replace(/string ".*"/, `string "written with ${reload}"`);
        const written = await answerOf(client.postRaw({ version: before.version, text, reload }));
        expect(written.version).to.equal(before.version + 1);
        expect(written).to.deep.equal(await answerOf(client.getRaw()));
        expect(written.text).to.equal(await haproxy.file(configPath));
        expect(body(written.text)).to.equal(body(text));
        expect(await haproxy.reloads()).to.equal(reload === 'force' ? reloads + 1 : reloads);
        expect(await get('/static')).to.equal(reload === 'force' ? '200 written with force' : '200 static');
      });
    }

    it('goes on with a write whose subscriber leaves', async () => {
      const { version, text } = await answerOf(client.getRaw());
      const subscription = client.postRaw({ version, text, reload: 'skip' }).subscribe();
      await setTimeout(10);
      subscription.unsubscribe();
      await setTimeout(500);
      expect(await answerOf(client.getVersion())).to.equal(version + 1);
    });

    it('refuses a stale version as a conflict', async () => {
      const { version, text } = await answerOf(client.getRaw());
      const failure = await failureOf(client.postRaw({ version: version - 1, text, reload: 'skip' }));
      expect(failure).to.include({
        kind: 'conflict',
        where: `POST ${haproxy.api.address}/v3/services/haproxy/configuration/raw`,
      });
      expect(failure.message).to.include('version mismatch');
    });

    it("refuses an invalid configuration in HAProxy's words", async () => {
      const { version, text } = await answerOf(client.getRaw());
      const bad = `${text}\nbackend bad from main\n  balance nonsense\n  server s nowhere.invalid:80\n  blah blah\n`;
      const failure = await failureOf(client.postRaw({ version, text: bad, reload: 'force' }));
      expect(failure.kind).to.equal('rejected');
      const lines = failure.message.split('\n');
      expect(lines[0]).to.match(/^line \d+: balance only supports/);
      expect(lines[1]).to.match(/^line \d+: unknown keyword 'blah' in 'backend' section/);
      expect(lines).to.have.length(2);
      expect(await answerOf(client.getRaw())).to.deep.equal({ version, text });
    });

    it('validates without writing', async () => {
      const before = await answerOf(client.getRaw());
      expect(await answerOf(client.validate(before.text))).to.deep.equal({ ok: true });
      const bad = `${before.text}\nfrontend bad from main\n  bind :8081\n  use_backend nowhere if { path / }\n`;
      expect(await answerOf(client.validate(bad))).to.deep.equal({
        ok: false,
        message: "Proxy 'bad': unable to find required use_backend: 'nowhere'.",
      });
      expect(await answerOf(client.getRaw())).to.deep.equal(before);
    });

    it('reports a configuration that cannot be loaded, and can repair it', async () => {
      const good = await answerOf(client.getRaw());
      const text = good.text.replace('bind :8080', 'bind :8080\n  bind :5555');
      const failure = await failureOf(client.postRaw({ version: good.version, text, reload: 'force' }));
      expect(failure.kind).to.equal('reload-failed');
      expect(failure.message).to.match(/^Binding \[.*Address already in use/);
      const version = await answerOf(client.getVersion());
      expect(version).to.equal(good.version + 1);
      const rolledBack = await answerOf(client.getRaw());
      expect(rolledBack.version).to.equal(version);
      expect(body(rolledBack.text)).to.equal(body(good.text));
      const repaired = await answerOf(client.postRaw({ version, text: good.text, reload: 'skip' }));
      expect(body(repaired.text)).to.equal(body(good.text));
      expect(await get('/static')).to.equal('200 written with force');
    });

    it('fills a slot by actions, without a reload, and the app serves at once', async () => {
      const [{ version, text }, reloads] = [await answerOf(client.getRaw()), await haproxy.reloads()];
      const filled = text.replace(
        'nomad01 127.0.0.1:1 check inter 200ms disabled',
        `nomad01 ${app.address}:${app.port} check inter 200ms weight 7`,
      );
      const slot = { backend: 'web', server: 'nomad01' };
      const written = await answerOf(
        client.postRaw({
          version,
          text: filled,
          reload: 'skip',
          actions: [
            { kind: 'address', ...slot, address: app.address, port: app.port },
            { kind: 'weight', ...slot, weight: 7 },
            { kind: 'state', ...slot, state: 'ready' },
          ],
        }),
      );
      expect(await get('/')).to.equal('200 app-1');
      expect(app.requests()).to.be.greaterThan(0);
      expect(body(written.text)).to.equal(body(filled));
      expect(await server('nomad01')).to.include({
        address: app.address,
        port: app.port,
        adminState: 'ready',
        operationalState: 'up',
      });
      expect(await haproxy.socat('get weight web/nomad01')).to.include('7 (initial 1)');
      expect(await haproxy.reloads()).to.equal(reloads);
    });

    it('tells when an action failed after the text was written', async () => {
      const { version, text } = await answerOf(client.getRaw());
      const actions = [{ kind: 'state', backend: 'web', server: 'nomad99', state: 'ready' }] as const;
      const failure = await failureOf(client.postRaw({ version, text, reload: 'skip', actions }));
      expect(failure.kind).to.equal('unreachable');
      expect(failure.message).to.include('No such server');
      expect(await answerOf(client.getVersion())).to.equal(version + 1);
    });

    it('drains a server and makes it ready again', async () => {
      await answerOf(client.setServerState('web', 'nomad01', 'drain'));
      expect(await haproxy.socat('show servers state web')).to.match(/ nomad01 \S+ 2 12 /);
      expect(await get('/')).to.match(/^503/);
      const ready = await answerOf(client.setServerState('web', 'nomad01', 'ready'));
      expect(ready).to.include({ name: 'nomad01', adminState: 'ready' });
      expect(await get('/')).to.equal('200 app-1');
    });

    it('knows a backend or server that is not there', async () => {
      expect(await failureOf(client.getServers('nowhere'))).to.include({ kind: 'not-found' });
      expect(await failureOf(client.setServerState('web', 'nomad99', 'drain'))).to.include({ kind: 'not-found' });
    });

    it('creates, writes and reads map files', async () => {
      expect(await answerOf(client.createMap('new.map', ''))).to.equal(`${mapsPath}/new.map`);
      expect(await failureOf(client.createMap('new.map', ''))).to.include({ kind: 'conflict' });
      const reloads = await haproxy.reloads();
      await answerOf(client.writeMapFile('new.map', 'a.example web\n'));
      expect(await answerOf(client.readMapFile('new.map'))).to.equal('a.example web\n');
      await answerOf(client.writeMapFile('new.map', ''));
      expect((await answerOf(client.readMapFile('new.map'))).trim()).to.be.empty;
      expect(await haproxy.reloads()).to.equal(reloads);
      const files = await answerOf(client.listMaps());
      expect(files).to.deep.include({ name: 'new.map', path: `${mapsPath}/new.map` });
      expect(await failureOf(client.readMapFile('none.map'))).to.include({ kind: 'not-found' });
      expect(await failureOf(client.getEntries('new.map'))).to.include({ kind: 'not-found' });
      const options = { forceSync: true };
      expect(await failureOf(client.addEntry('new.map', 'a', 'web', options))).to.include({ kind: 'not-found' });
    });

    it('adds, changes and deletes single entries, in the process and in the file', async () => {
      const options = { forceSync: true };
      await answerOf(client.addEntry('rows.map', 'b.example', 'web', options));
      await answerOf(client.addEntry('rows.map', 'a.example/p?q%20+', 'web', options));
      expect(await failureOf(client.addEntry('rows.map', 'b.example', 'web', options))).to.include({
        kind: 'conflict',
      });
      await answerOf(client.setEntry('rows.map', 'a.example/p?q%20+', 'static', options));
      expect(await haproxy.file(`${mapsPath}/rows.map`)).to.equal('a.example/p?q%20+ static\nb.example web\n');
      await answerOf(client.deleteEntry('rows.map', 'a.example/p?q%20+', options));
      expect(await answerOf(client.getEntries('rows.map'))).to.deep.equal([{ key: 'b.example', value: 'web' }]);
      expect(await haproxy.file(`${mapsPath}/rows.map`)).to.equal('b.example web\n');
      expect(await failureOf(client.deleteEntry('rows.map', 'none', options))).to.include({ kind: 'not-found' });
    });

    it('appends rows in order, in bulk, and loses none', async () => {
      for (const count of [0, 1, 409, 410, 819, 2046]) {
        const rows = Array.from({ length: count }, (_, at) => ({
          key: `^b${String(count).padStart(4, '0')}-${String(at).padStart(4, '0')}\\.ex$`,
          value: 'web',
        }));
        const before = await answerOf(client.getEntries('regex.map'));
        await answerOf(client.addEntries('regex.map', rows));
        expect(await answerOf(client.getEntries('regex.map'))).to.deep.equal([...before, ...rows]);
      }
    });

    it('deletes a regex row with a backslash, but not one that ends in `$`', async () => {
      await answerOf(client.addEntries('regex.map', [{ key: '^c\\.example', value: 'web' }]));
      await answerOf(client.deleteEntry('regex.map', '^c\\.example', { forceSync: false }));
      const keys = (await answerOf(client.getEntries('regex.map'))).map(({ key }) => key);
      expect(keys).to.have.length(3685).and.not.include('^c\\.example');
      const refused = client.deleteEntry('regex.map', '^b0001-0000\\.ex$', { forceSync: false });
      expect(await failureOf(refused)).to.include({ kind: 'unsupported' });
    });

    it('says who was refused, and never the password', async () => {
      const stranger = createDataplaneClient({ ...haproxy.api, password: 'sesame-open' });
      const failure = await failureOf(stranger.getRaw());
      expect(failure).to.include({
        kind: 'unauthorized',
        where: `GET ${haproxy.api.address}/v3/services/haproxy/configuration/raw`,
      });
      expect(failure.hint).to.include('HAPROXY_USERNAME');
      expect(JSON.stringify(failure)).to.not.include('sesame-open');
    });

    it('says when nobody answers, or somebody else', async () => {
      const nobody = createDataplaneClient({ ...haproxy.api, address: 'http://127.0.0.1:1' });
      expect(await failureOf(nobody.getInfo())).to.include({ kind: 'unreachable' });
      const slow = createDataplaneClient({ ...haproxy.api, timeoutMs: 1 });
      const validation = slow.validate(await haproxy.file(configPath));
      expect(await failureOf(validation)).to.include({ kind: 'unreachable' });
      const other = createDataplaneClient({ ...haproxy.api, address: `http://${haproxy.port(8080)}` });
      expect(await failureOf(other.getInfo())).to.include({ kind: 'malformed' });
    });

    it('speaks through a unix socket', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'dataplane-'));
      const [host, port] = new URL(haproxy.api.address).host.split(':');
      const relay = createServer((near) => {
        const far = connect(Number(port), host);
        near.pipe(far).pipe(near);
      }).listen(join(directory, 'api.sock'));
      await once(relay, 'listening');
      const local = createDataplaneClient({ ...haproxy.api, address: `unix://${directory}/api.sock` });
      expect(await answerOf(local.getInfo())).to.deep.equal(await answerOf(client.getInfo()));
      relay.close();
      rmSync(directory, { recursive: true });
    });

    it('finds the API again after it was killed', async () => {
      await haproxy.kill('dataplaneapi');
      await until(async () => (await answerOf(client.getInfo()).catch(() => undefined)) !== undefined);
      expect(await answerOf(client.getVersion())).to.be.greaterThan(0);
    });

    it('tells when HAProxy does not answer the API', async () => {
      await haproxy.exec('touch', '/run/haproxy.down');
      await haproxy.kill('haproxy');
      const failure = await failureOf(client.getRuntimeInfo());
      expect(failure.kind).to.equal('unreachable');
      expect(failure.hint).to.include('HAProxy runs');
      await haproxy.exec('rm', '/run/haproxy.down');
      await haproxy.untilUp();
      expect(await answerOf(client.getRuntimeInfo())).to.include.keys('pid');
    });
  });
});
