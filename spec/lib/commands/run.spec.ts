import { expect } from 'chai';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exitCodes } from '../../../lib/exit-codes.ts';
import { startCommand, type CommandRun } from '../../support/command-line.ts';
import { startNomad, until, type NomadServer } from '../../support/nomad-server.ts';

const serving = 'serving health, readiness and metrics';
const tags = ['haproxy.enable=true', 'haproxy.domain=shop.example.com'];

describe('run', () => {
  let nomad: NomadServer;
  let command: CommandRun | undefined;

  beforeEach(async () => {
    nomad = await startNomad();
  });

  afterEach(async () => {
    command?.stop();
    await command?.code;
    command = undefined;
    await nomad.close();
  });

  function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): CommandRun {
    return (command = startCommand(args, {
      NOMAD_ADDR: nomad.address,
      HAPROXY_USERNAME: 'admin',
      HAPROXY_PASSWORD: 'nobody-listens',
      HEALTH_HOST: '127.0.0.1',
      HEALTH_PORT: '0',
      ...env,
    }));
  }

  async function ask({ logged }: CommandRun, path: string) {
    const { port } = await logged(serving);
    const response = await fetch(`http://127.0.0.1:${String(port)}${path}`);
    return { status: response.status, body: await response.text() };
  }

  function changes({ log }: CommandRun) {
    return log().filter(({ msg }) => msg === 'would change HAProxy');
  }

  it('follows Nomad in a dry run, and is ready once all was tried', async () => {
    const registered = nomad.register({ ServiceName: 'shop', Tags: tags });
    const shown = start(['--dry-run']);
    await shown.logged('tried every service of the first snapshot');
    expect(await shown.logged('started')).to.deep.include({
      namespaces: ['default'],
      services: 1,
      failed: 0,
      reloads: 1,
    });
    expect(changes(shown)).to.have.length(2);
    expect(changes(shown)[0]).to.deep.include({
      lane: 'commit',
      steps: { 'create-backend': 1, 'fill-slot': 1, 'install-routing': 1 },
      services: ['default/shop'],
    });
    nomad.deregister(registered.ID);
    await until(() => changes(shown).length === 3);
    expect(changes(shown)[2]).to.deep.include({ lane: 'slots', steps: { 'drain-slot': 1 } });
    expect(await ask(shown, '/health')).to.deep.include({ status: 200 });
    expect(await ask(shown, '/ready')).to.deep.include({ status: 200 });
    const page = (await ask(shown, '/metrics')).body;
    for (const line of [
      'nomad_connected 1',
      'slots{state="draining"} 1',
      'events_total [3-9]',
      'batches_total [2-9]',
    ]) {
      expect(page).to.match(new RegExp(`^haproxy_nomad_connector_${line}$`, 'm'));
    }
    const status = JSON.parse((await ask(shown, '/status')).body) as Record<string, readonly unknown[]>;
    expect(status).to.have.nested.include({ 'about.dryRun': true, 'nomad.connected': true, 'counts.writes.slots': 1 });
    expect(status).to.have.nested.include({ 'services[0].service': 'default/shop', 'services[0].state': 'leaving' });
    expect(status['reloads']).to.have.length(1);
  });

  it('warns at its start where no frontend is set, and domains lead nowhere', async () => {
    const warning = 'HAProxy needs attention';
    const shown = start(['--dry-run', '--base', 'fixtures/configs/hand-written.cfg']);
    expect(await shown.logged(warning)).to.include({ what: 'haproxy.frontend is not set: no domain is routed' });
    await shown.logged('started');
    expect(shown.log().filter(({ msg }) => msg === warning)).to.have.length(1);
  });

  it('starts a dry run from a configuration of your own', async () => {
    const shown = start(['--dry-run', '--base', 'fixtures/configs/hand-written.cfg'], { HAPROXY_FRONTEND: 'none' });
    nomad.register({ ServiceName: 'shop', Tags: tags });
    const line = await shown.logged('could not bring service to HAProxy');
    expect(line).to.include({ service: 'default/shop', what: 'frontend none does not exist' });
  });

  it('logs its configuration, and stops with 0 when it is asked to', async () => {
    const { logged, log, stop, code } = start(['--dry-run']);
    expect(await logged('starting')).to.have.nested.include({ 'config.nomad.address': nomad.address, dryRun: true });
    await logged('connected to Nomad');
    expect(nomad.streams()).to.equal(1);
    stop();
    expect(await code).to.equal(exitCodes.ok);
    expect(log().at(-1)).to.include({ msg: 'stopped', code: 0 });
    await until(() => nomad.streams() === 0);
  });

  it('stays alive but not ready while Nomad is not there, and comes when Nomad does', async () => {
    nomad.fail({ path: '/v1/event/stream', status: 500, body: 'no cluster leader' });
    const shown = start(['--dry-run']);
    const lost = await shown.logged('lost connection to Nomad');
    expect(lost).to.include({ failure: 'unreachable', what: 'Nomad answered 500: no cluster leader' });
    expect(lost['where']).to.include(`GET ${nomad.address}/v1/event/stream`);
    expect(await ask(shown, '/health')).to.deep.include({ status: 200 });
    expect(await ask(shown, '/ready')).to.deep.equal({
      status: 503,
      body: '{"status":"not ready","reasons":["Nomad\'s services have not been read yet","waits for Nomad: unreachable"]}\n',
    });
    nomad.mend();
    await shown.logged('tried every service of the first snapshot');
    expect(await ask(shown, '/ready')).to.deep.include({ status: 200 });
  });

  it('stays alive but not ready while the Data Plane API is not there, and says where it looked', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    const shown = start([], { HAPROXY_DATAPLANE_URL: `http://127.0.0.1:${port}` });
    const lost = await shown.logged('cannot work with HAProxy');
    expect(lost).to.include({ failure: 'unreachable' });
    expect(`${String(lost['what'])} ${String(lost['where'])}`).to.include(`127.0.0.1:${port}`);
    expect(lost['hint']).to.be.a('string').and.not.equal('');
    expect(await ask(shown, '/health')).to.deep.include({ status: 200 });
    expect(await ask(shown, '/ready')).to.deep.include({ status: 503 });
    shown.stop();
    expect(await shown.code).to.equal(exitCodes.ok);
  });

  it('says in one line that its port is taken, and ends', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, stderr, log } = start(['--dry-run'], { HEALTH_PORT: String(port) });
    expect(await code).to.equal(exitCodes.config);
    other.close();
    expect(stderr()).to.match(/^cannot serve .*EADDRINUSE.*127\.0\.0\.1:\d+ .*HEALTH_PORT\)\n$/);
    expect(log().map(({ msg }) => msg)).to.deep.equal(['starting']);
    expect(nomad.requests).to.deep.equal([]);
  });

  it('ends as well when the port for operators is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = start(['--dry-run'], { ADMIN_PORT: String(port) });
    expect(await code).to.equal(exitCodes.config);
    other.close();
    expect(stderr()).to.match(/^cannot serve POST \/release: .*EADDRINUSE.* .*ADMIN_PORT\)\n$/);
  });

  describe('when Nomad has lost a namespace', () => {
    const holding = "holding services that Nomad's snapshot misses";
    const drained = (shown: CommandRun) => changes(shown).some(({ steps }) => 'drain-slot' in (steps as object));

    async function lose(env: Readonly<Record<string, string>>): Promise<CommandRun> {
      const registered = nomad.register({ ServiceName: 'shop', Tags: tags });
      const shown = start(['--dry-run'], env);
      await shown.logged('tried every service of the first snapshot');
      nomad.silently(() => {
        nomad.deregister(registered.ID);
      });
      nomad.endStream();
      await shown.logged(holding);
      expect(drained(shown)).to.equal(false);
      return shown;
    }

    it('holds it, says so, and takes a second snapshot that confirms it', async () => {
      const shown = await lose({ GUARD_CONFIRM_AFTER_MS: '300' });
      expect(JSON.parse((await ask(shown, '/ready')).body)).to.deep.equal({
        status: 'ready',
        reasons: [],
        held: { why: 'namespace default is missing whole', services: ['default/shop'], servicesInAll: 1 },
      });
      expect((await ask(shown, '/metrics')).body).to.match(/^haproxy_nomad_connector_services_held 1$/m);
      expect(await shown.logged('let held services go')).to.deep.include({ by: 'snapshot' });
      await until(() => drained(shown));
      expect(await ask(shown, '/ready')).to.deep.equal({ status: 200, body: '{"status":"ready","reasons":[]}\n' });
      expect((await ask(shown, '/metrics')).body).to.match(/^haproxy_nomad_connector_services_held 0$/m);
    });

    it('lets it go by POST /release', async () => {
      const shown = await lose({ ADMIN_PORT: '0' });
      const { port } = await shown.logged('serving POST /release');
      const answer = await fetch(`http://127.0.0.1:${String(port)}/release`, { method: 'POST' });
      expect(await answer.json()).to.deep.equal({ status: 'released', services: ['default/shop'] });
      expect(await shown.logged('let held services go')).to.deep.include({
        by: 'operator',
        services: ['default/shop'],
      });
      await until(() => drained(shown));
    });

    it('lets it go by SIGHUP', async () => {
      const shown = await lose({});
      shown.hangUp();
      expect(await shown.logged('asked by SIGHUP to let held services go')).to.include({ services: 1 });
      await until(() => drained(shown));
    });
  });

  it('logs every value that passes a seam named in DEBUG_TAP, with secrets redacted', async () => {
    const { logged, log } = start(['--dry-run'], { DEBUG_TAP: 'events, typo' });
    expect(await logged('DEBUG_TAP names seams that there are not')).to.deep.include({ unknown: ['typo'] });
    await logged('tried every service of the first snapshot');
    nomad.setJob({ ID: 'shop', Namespace: 'default', TaskGroups: [] });
    nomad.register({ ServiceName: 'shop', Tags: tags });
    await logged('would change HAProxy');
    const traced = log().filter(({ msg }) => msg === 'debug tap');
    expect(new Set(traced.map(({ seam }) => seam))).to.deep.equal(new Set(['events']));
    const values = traced.map(({ what, value }) => (value as { kind: string } | undefined)?.kind ?? what);
    expect(values).to.deep.equal([
      'subscribe',
      'marks-found',
      'snapshot-taken',
      'job-registered',
      'service-registered',
    ]);
    expect(traced.at(-1)).to.have.nested.include({ 'value.registration.service': 'shop' });
  });
});
