import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { exitCodes } from '../lib/exit-codes.ts';
import { createDataplaneClient, type DataplaneClient } from '../lib/haproxy/client.ts';
import { linesOf, runCommand } from '../spec/support/command-line.ts';
import { startNomad, type NomadServer } from '../spec/support/nomad-server.ts';
import { startApiProxy, type ApiProxy } from './support/api-proxy.ts';
import { startConnector, type Env } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { answerOf, configPath, forEachImage, startHaproxy, type Haproxy } from './support/haproxy.ts';
import { useWorld } from './support/world.ts';

interface Line {
  readonly check: string;
  readonly level: string;
  readonly found: string;
  readonly fix?: string;
}

async function check(env: Env) {
  const { code, stdout, stderr } = await runCommand(['check', '--json'], { NOMAD_NAMESPACE: '*', ...env });
  const lines = linesOf(stdout).map((line) => JSON.parse(line) as Line & { kind: string });
  expect(lines.at(-1)).to.include({ kind: 'check-finished' });
  const findings: readonly Line[] = lines.slice(0, -1);
  const of = (name: string) => findings.filter((one) => one.check === name);
  return { code, stderr, findings, of, notOk: findings.filter(({ level }) => level !== 'ok') };
}

function access(address: string, { api }: Pick<Haproxy, 'api'>): Env {
  return { HAPROXY_DATAPLANE_URL: address, HAPROXY_USERNAME: api.username, HAPROXY_PASSWORD: api.password };
}

/** As people do, who leave it to the API when to reload. */
async function writeUnforced({ api }: Haproxy, edit: (text: string) => string): Promise<void> {
  const { version, text } = await answerOf(createDataplaneClient(api).getRaw());
  const authorization = `Basic ${Buffer.from(`${api.username}:${api.password}`).toString('base64')}`;
  const { status } = await fetch(`${api.address}/v3/services/haproxy/configuration/raw?version=${version}`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'text/plain' },
    body: edit(text),
  });
  expect(status).to.equal(202);
}

async function untilReloaded(api: DataplaneClient): Promise<void> {
  await eventually(async () => {
    const reloads = await answerOf(api.listReloads());
    expect(reloads.map(({ status }) => status)).to.include('succeeded');
  });
}

forEachImage((image) => {
  describe('check', () => {
    const world = useWorld(image);

    /** Asserts that nothing was written. */
    async function checkWorld(env: Env = {}) {
      const { nomad, proxy, haproxy, api, config } = world();
      const before = {
        text: await config(),
        version: await answerOf(api.getVersion()),
        reloads: await haproxy.reloads(),
      };
      const from = proxy.calls.length;
      const result = await check({
        ...{ NOMAD_ADDR: nomad.address, HAPROXY_FRONTEND: 'fe' },
        ...access(proxy.address, haproxy),
        ...env,
      });
      const writes = proxy.calls.slice(from).filter((call) => !call.startsWith('GET '));
      expect(writes.filter((call) => !call.includes('?only_validate=true'))).to.deep.equal([]);
      expect(await answerOf(api.listTransactions())).to.deep.equal([]);
      const after = {
        text: await config(),
        version: await answerOf(api.getVersion()),
        reloads: await haproxy.reloads(),
      };
      expect(after).to.deep.equal(before);
      return result;
    }

    it('finds nothing wrong where no connector ran yet, and says when the routing rule comes', async () => {
      const { code, stderr, notOk, of } = await checkWorld();
      expect({ code, stderr, notOk }).to.deep.equal({ code: exitCodes.ok, stderr: '', notOk: [] });
      expect(of('frontend fe')[0]?.found).to.include('gets the routing rule with');
      expect(of('reloads')[0]?.found).to.include('/var/run/haproxy-master.sock');
      await world().start('web', ['haproxy.domain=web.example.com']);
      expect((await checkWorld()).of('frontend fe')[0]?.found).to.include('on behalf of default/web');
    });

    it('finds nothing wrong after one ran', async () => {
      const connector = await world().connect();
      await connector.stop();
      const { code, notOk, of } = await checkWorld();
      expect({ code, notOk }).to.deep.equal({ code: exitCodes.ok, notOk: [] });
      expect(of('frontend fe')[0]?.found).to.equal('has the routing rule');
      expect(of('maps')[0]?.found).to.include('with 1 exact, 0 prefix, 0 regex rows');
    });

    it("takes a reload that brought HAProxy's words for proof", async () => {
      const { api } = world();
      await writeUnforced(world().haproxy, (text) => `${text}\n# once more\n`);
      await world().rebase();
      await untilReloaded(api);
      const { notOk, of } = await checkWorld();
      expect(notOk).to.deep.equal([]);
      expect(of('reloads')[0]?.found).to.include("brought HAProxy's own words");
    });

    it('names the setting where the password is wrong', async () => {
      const { code, notOk } = await checkWorld({ HAPROXY_PASSWORD: 'another' });
      expect(code).to.equal(exitCodes.failed);
      expect(notOk).to.have.length(1);
      expect(notOk[0]).to.include({ check: 'data plane api', level: 'problem' });
      expect(notOk[0]?.found).to.include('user name or password refused');
      expect(notOk[0]?.fix).to.include('HAPROXY_PASSWORD');
    });

    it('names the frontends that there are where the one that is set is missing', async () => {
      const { code, notOk } = await checkWorld({ HAPROXY_FRONTEND: 'www' });
      expect(code).to.equal(exitCodes.failed);
      expect(notOk.map(({ check: what, found }) => [what, found])).to.deep.equal([
        ['frontend www', 'is not in haproxy.cfg'],
      ]);
      expect(notOk[0]?.fix).to.match(/set HAPROXY_FRONTEND to one of .*fe/);
    });

    it('finds maps that are kept elsewhere', async () => {
      const { notOk } = await checkWorld({ HAPROXY_MAPS_DIR: '/elsewhere' });
      expect(notOk.map(({ check: what }) => what)).to.deep.equal(['maps']);
      expect(notOk[0]?.found).to.include('not in /elsewhere');
    });

    it('says what a token lacks, and looks at HAProxy all the same', async () => {
      const { nomad } = world();
      nomad.denyToken();
      const { code, notOk, of } = await checkWorld({ NOMAD_NAMESPACE: 'default' });
      nomad.mend();
      expect(code).to.equal(exitCodes.failed);
      expect(notOk.map(({ check: what }) => what)).to.deep.equal([
        'token',
        'namespace default',
        'event stream of default',
      ]);
      expect(notOk[1]?.fix).to.include('capabilities = ["read-job"]');
      expect(of('frontend fe')[0]?.level).to.equal('ok');
    });

    it('has one line for a Nomad that is not there, and looks at HAProxy all the same', async () => {
      const { code, notOk, of } = await checkWorld({ NOMAD_ADDR: 'http://127.0.0.1:1' });
      expect(code).to.equal(exitCodes.failed);
      expect(notOk.map(({ check: what }) => what)).to.deep.equal(['nomad']);
      expect(of('validation')[0]?.level).to.equal('ok');
    });

    it('finds a file that HAProxy would refuse', async () => {
      const { haproxy, nomad, rewrite } = world();
      const bad = String.raw`backend bad from main\n  server s1 nowhere.invalid:80\n`;
      await haproxy.exec('sh', '-c', `cp ${configPath} /tmp/good.cfg; printf '${bad}' >> ${configPath}`);
      const env = { NOMAD_ADDR: nomad.address, HAPROXY_FRONTEND: 'fe', ...access(haproxy.api.address, haproxy) };
      const { code, of } = await check(env);
      await haproxy.exec('cp', '/tmp/good.cfg', configPath);
      // The API takes it for a file that it knows, and would keep the bad one in memory.
      await rewrite((text) => text, 'skip');
      expect(code).to.equal(exitCodes.failed);
      expect(of('configuration file')[0]).to.include({ level: 'problem' });
      expect(of('configuration file')[0]?.found).to.include('nowhere.invalid');
    });
  });

  describe('check, where a reload does nothing', () => {
    let haproxy: Haproxy;
    let nomad: NomadServer;
    /** On loopback, where Docker's port may not be. */
    let proxy: ApiProxy;
    let env: Env;

    before(async () => {
      const config = readFileSync(new URL('../fixtures/configs/hand-written.cfg', import.meta.url), 'utf8');
      const maps = { 'tenants.map': readFileSync(new URL('../fixtures/configs/tenants.map', import.meta.url), 'utf8') };
      const yml = readFileSync(new URL('images/dataplaneapi.yml', import.meta.url), 'utf8')
        .replace(/.*master_runtime.*\n/, '')
        .replace('master_worker_mode: true', 'master_worker_mode: false')
        .replace("reload_cmd: 'true'", "reload_cmd: 'true'\n    validate_cmd: 'true'")
        .replace(/reload_delay: \d+/, 'reload_delay: 1');
      const dataplane = { text: yml, username: 'admin', password: 'dataplane' };
      nomad = await startNomad();
      haproxy = await startHaproxy({ image, config, maps, dataplane });
      proxy = await startApiProxy(haproxy.api.address);
      env = { NOMAD_ADDR: nomad.address, HAPROXY_FRONTEND: 'fe', ...access(proxy.address, haproxy) };
    });

    after(async () => {
      await nomad.close();
      await proxy.close();
      await haproxy.stop();
    });

    it('warns of the command, and of a validation that takes anything', async () => {
      const { code, notOk, of } = await check(env);
      expect(notOk.map(({ check: what, level }) => `${level} ${what}`)).to.deep.equal([
        'problem validation',
        'warning reloads',
      ]);
      expect(of('reloads')[0]?.found).to.include('/var/run/haproxy-runtime-api.sock');
      expect(of('reloads')[0]?.fix).to.include('haproxy.master_runtime');
      expect(code).to.equal(exitCodes.failed);
    });

    it('finds what a connector wrote and HAProxy never loaded', async () => {
      nomad.register({ ServiceName: 'web', Address: haproxy.hostAddress, Port: 1 });
      const connector = startConnector({ ...env, HEALTH_PORT: '0', ADMISSION_PROBE: 'false', NOMAD_NAMESPACE: '*' });
      await connector.logged('tried every service of the first snapshot');
      await connector.stop();
      const { of } = await check(env);
      expect(of('reloads')[0]).to.include({ level: 'problem' });
      expect(of('reloads')[0]?.found).to.include('backend web');
    });

    it('finds a reload that is called a success and left the process as it was', async () => {
      const api = createDataplaneClient(haproxy.api);
      await haproxy.exec('sleep', '4');
      await writeUnforced(haproxy, (text) => text);
      await untilReloaded(api);
      const { of } = await check(env);
      expect(of('reloads').some(({ found }) => /is called a success, .* runs since/.test(found))).to.equal(true);
    });
  });
});
