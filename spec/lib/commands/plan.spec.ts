import { expect } from 'chai';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { lastValueFrom } from 'rxjs';
import { factsWith, readDraft } from '../../../lib/commands/draft.ts';
import { makePlan } from '../../../lib/commands/make-plan.ts';
import { planJson, planText } from '../../../lib/commands/plan-output.ts';
import { loadConfig } from '../../../lib/config.ts';
import { exitCodes } from '../../../lib/exit-codes.ts';
import { createTwin, plainConfig } from '../../../lib/haproxy/dry-run.ts';
import type { Look } from '../../../lib/haproxy/look.ts';
import { mapPaths } from '../../../lib/haproxy/routing.ts';
import { createNomadClient } from '../../../lib/nomad/client.ts';
import { nomadNow } from '../../../streams/nomad-now.ts';
import { createScratch, linesOf, runCommand, startCommand } from '../../support/command-line.ts';
import { startNomad, type NomadServer } from '../../support/nomad-server.ts';

const tags = ['haproxy.enable=true', 'haproxy.domain=shop.example.com'];
const paths = mapPaths('/maps', 'nomad');
const noRows = {
  exact: new Map<string, string>(),
  prefix: new Map<string, string>(),
  regex: new Map<string, string>(),
};
const nothingThere: Look = { text: plainConfig, paths, rows: noRows };

/** HAProxy's default for what is not given: 30 s of drain, 300 s of retention, a removal within 600 s. */
const settings = { HAPROXY_FRONTEND: 'www' };

function configOf(env: Readonly<Record<string, string>>) {
  const loaded = loadConfig({ env: { ...settings, ...env }, needsHaproxy: false });
  if ('errors' in loaded) throw new Error(JSON.stringify(loaded.errors));
  return loaded.config;
}

describe('plan', () => {
  let nomad: NomadServer;

  beforeEach(async () => {
    nomad = await startNomad();
  });

  afterEach(() => nomad.close());

  async function planFor(look: Look, env: Readonly<Record<string, string>> = {}) {
    const config = configOf({ NOMAD_ADDR: nomad.address, ...env });
    const { namespaces, verifyAllocations } = config.nomad;
    const told = nomadNow(createNomadClient(config.nomad), {
      namespaces,
      verifyAllocations,
      prefix: config.tags.prefix,
    });
    return lastValueFrom(makePlan(await lastValueFrom(told), look, config));
  }

  /** HAProxy after a plan was carried out, as far as no time is needed for it. */
  async function carriedOut(look: Look): Promise<Look> {
    const { planned } = await planFor(look);
    const { end, state } = createTwin(look.text, 'nomad', look);
    const view = await lastValueFrom(end.read());
    await lastValueFrom(
      end.apply(
        view,
        planned.filter(({ afterMs }) => afterMs < 1000).map(({ step }) => step),
      ),
    );
    return { text: state.text, paths, rows: state.maps };
  }

  const register = (service: string, given: object = {}) =>
    nomad.register({ ServiceName: service, Tags: tags, ...given });

  it('shows what a new service takes, why, and what reloads for it', async () => {
    register('shop', { ID: 'a', Address: '10.0.0.1', Port: 8080, AllocID: '5456bd7a-9fc0' });
    expect(linesOf(planText(await planFor(nothingThere)))).to.deep.equal([
      'default/shop',
      '  + backend shop with 4 slots  (new service, registered at index 2; reload: yes, a new section)',
      '  + slot shop/nomad01 10.0.0.1:8080 weight 100  (allocation 5456bd7a, registered at index 2; reload: no, a slot takes it as it is)',
      '  + routing rule in frontend www  (the frontend lacks it, and the service has a domain; reload: yes, rules of a frontend that change)',
      '  + route exact shop.example.com -> shop  (the service asks for this domain; reload: no, maps change in the running process)',
      'Plan: 4 to add, 0 to change, 0 to remove; 1 reload.',
    ]);
  });

  it('shows nothing where HAProxy is as the services want it', async () => {
    register('shop');
    const result = await planFor(await carriedOut(nothingThere));
    expect(planText(result)).to.equal('No changes. HAProxy is as the services want it.\n');
    expect(result).to.deep.equal({ planned: [], reloads: 0, problems: [] });
  });

  it('shows an instance that moves, its weight and its domain, without a reload', async () => {
    const { ID } = register('shop', { Address: '10.0.0.1', Port: 80 });
    const other = register('shop', { Address: '10.0.0.2', Port: 80 });
    const look = await carriedOut(nothingThere);
    nomad.deregister(ID);
    register('shop', { Address: '10.0.0.3', Port: 80, AllocID: 'cccccccc-1' });
    register('shop', { ...other, Tags: ['haproxy.enable=true', 'haproxy.weight=7', 'haproxy.domain=new.example.com'] });
    const { planned, reloads } = await planFor(look);
    expect(planned.map(({ action, object, why, reload }) => [action, object, why, reload])).to.deep.equal([
      ['change', 'slot shop/nomad01 drains, then is free', 'no instance at 10.0.0.1:80 belongs there any more', false],
      ['change', 'slot shop/nomad02 weight 7', 'its weight is 100', false],
      ['change', 'slot shop/nomad03 10.0.0.3:80 weight 100', 'allocation cccccccc, registered at index 5', false],
      ['remove', 'route exact shop.example.com -> shop', 'no service asks for this domain any more', false],
      ['add', 'route exact new.example.com -> shop', 'the service asks for this domain', false],
    ]);
    expect(reloads).to.equal(0);
  });

  it('shows settings that differ', async () => {
    const given = register('shop');
    const look = await carriedOut(nothingThere);
    nomad.register({ ...given, Tags: [...tags, 'haproxy.balance=leastconn'] });
    const { planned } = await planFor(look);
    expect(planned).to.have.length(1);
    expect(planned[0]).to.include({
      action: 'change',
      object: 'backend shop',
      why: 'its settings differ from what the service wants',
      reload: true,
    });
  });

  it('shows slots that are added to a backend of somebody else', async () => {
    const shared = { ...nothingThere, text: `${plainConfig}\nbackend legacy from main\n  server old 10.0.0.7:80\n` };
    const custom = ['haproxy.enable=true', 'haproxy.backend=custom', 'haproxy.backend.name=legacy'];
    register('stays', { Tags: ['haproxy.enable=true'] });
    register('shop', { Tags: custom, Address: '10.0.0.1', Port: 80 });
    const look = await carriedOut(shared);
    expect(look.text).to.include('server nomad04 ');
    for (let n = 0; n < 5; n += 1) register('shop', { Tags: custom, Address: '10.0.1.1', Port: 80 + n });
    const grown = await planFor(look);
    const added = grown.planned.find(({ step }) => step.kind === 'grow-slots');
    expect(added).to.include({ why: 'more instances than slots', reloadWhy: 'new server lines' });
    expect(added?.object).to.equal('slots legacy/nomad05,nomad06,nomad07,nomad08');
  });

  it('shows slots that go with their service', async () => {
    const shared = { ...nothingThere, text: `${plainConfig}\nbackend legacy from main\n  server old 10.0.0.7:80\n` };
    const custom = ['haproxy.enable=true', 'haproxy.backend=custom', 'haproxy.backend.name=legacy'];
    register('stays', { Tags: ['haproxy.enable=true'] });
    const { ID } = register('shop', { Tags: custom });
    const look = await carriedOut(shared);
    nomad.deregister(ID);
    const { planned, problems } = await planFor(look);
    expect(problems).to.deep.equal([]);
    expect(planned.at(-1)).to.include({
      action: 'remove',
      object: 'slots legacy/nomad01,nomad02,nomad03,nomad04',
      why: 'Nomad has no instance of the service any more',
      reloadWhy: 'server lines that go',
    });
  });

  it('shows a service that moves to another backend, and an instance with a host name', async () => {
    const given = register('shop', { Tags: ['haproxy.enable=true'], Address: '10.0.0.1', Port: 80 });
    const look = await carriedOut(nothingThere);
    const moved = ['haproxy.enable=true', 'haproxy.backend.name=store'];
    nomad.register({ ...given, Tags: moved, Address: 'app.internal' });
    const { planned } = await planFor(look);
    expect(planned.map(({ object, why, reload }) => [object, why, reload])).to.deep.equal([
      ['backend store with 4 slots', 'the service moves here from backend shop', true],
      [
        'slot store/nomad01 app.internal:80 weight 100',
        `allocation ${given.AllocID.slice(0, 8)}, registered at index ${given.CreateIndex}`,
        true,
      ],
      ['slot shop/nomad01 drains, then is free', 'no instance at 10.0.0.1:80 belongs there any more', false],
      ['backend shop', 'the service does not belong there any more', true],
    ]);
  });

  it('shows what goes, when, and that it is held until a second snapshot says so too', async () => {
    const { ID } = register('shop');
    const look = await carriedOut(nothingThere);
    nomad.deregister(ID);
    const result = await planFor(look);
    const seconds = (ms: number) => Math.floor(ms / 1000);
    expect(result.planned.map(({ action, object, afterMs }) => [action, object, seconds(afterMs)])).to.deep.equal([
      ['change', 'slot shop/nomad01 drains, then is free', 15],
      ['remove', 'route exact shop.example.com -> shop', 345],
      ['remove', 'backend shop', 945],
    ]);
    expect(result.problems.map(({ kind }) => kind)).to.deep.equal(['losses-held']);
    expect(planText(result)).to.include('! Guard: holds 1 service: namespace default is missing whole');
  });

  it('shows problems and refusals of services', async () => {
    nomad.register({ ServiceName: 'typo', Tags: ['haproxy.enable=true', 'haproxy.weight=heavy'] });
    nomad.register({
      ServiceName: 'lost',
      Tags: ['haproxy.enable=true', 'haproxy.backend=custom', 'haproxy.backend.name=none'],
    });
    register('first');
    register('second');
    const text = planText(await planFor(nothingThere));
    expect(text).to.match(/^! default\/typo: haproxy\.weight/m);
    expect(text).to.match(/^! default\/lost: backend none does not exist/m);
    expect(text).to.match(/^! default\/second: .*shop\.example\.com.* is held by default\/first/m);
  });

  it('does not say that all is well where a service is refused', async () => {
    register('lost', { Tags: ['haproxy.enable=true', 'haproxy.backend=custom', 'haproxy.backend.name=none'] });
    const text = planText(await planFor(nothingThere));
    expect(text)
      .to.match(/^! default\/lost: /)
      .and.to.match(/\nNo changes, and what is said above\.\n$/);
  });

  it('counts a reload for a regex row that the API cannot address', async () => {
    const regex = ['haproxy.enable=true', String.raw`haproxy.domain=^a\.example\.com$`, 'haproxy.domain.type=regex'];
    const given = nomad.register({ ServiceName: 'shop', Tags: regex });
    const look = await carriedOut(nothingThere);
    expect([...look.rows.regex]).to.have.length(1);
    nomad.register({ ...given, Tags: ['haproxy.enable=true'] });
    const { planned, reloads } = await planFor(look);
    expect(planned).to.have.length(1);
    expect(planned[0]).to.include({ reload: true, reloadWhy: 'the Data Plane API cannot address this row' });
    expect(reloads).to.equal(1);
  });

  it('leaves out registrations without a living allocation where that is asked for', async () => {
    const { AllocID } = register('shop');
    register('other', { Tags: ['haproxy.enable=true'] });
    nomad.setAllocation(AllocID, 'missing');
    const { planned, problems } = await planFor(nothingThere, { NOMAD_VERIFY_ALLOCATIONS: 'true' });
    expect(new Set(planned.map(({ service }) => service))).to.deep.equal(new Set(['default/other']));
    expect(problems.map(({ kind }) => kind)).to.deep.equal(['ghosts-ignored']);
  });

  it('ends where services fail for ever', async () => {
    register('shop', { Tags: ['haproxy.enable=true', 'haproxy.backend.strategy=create_new'] });
    const taken = `${plainConfig}
backend shop from main
backend nomad_default_shop from main
  description nomad default/other 00000000
  server nomad01 10.0.0.9:80 weight 100 # {"owner":"nomad","service":"default/other","alloc":"x"}
`;
    register('other', { Tags: ['haproxy.enable=true', 'haproxy.backend.name=nomad_default_shop'] });
    const { problems } = await planFor({ ...nothingThere, text: taken });
    expect(problems.map((notice) => 'service' in notice && notice.service)).to.deep.equal(['default/shop']);
    expect(problems[0]).to.have.nested.property('failure.kind', 'conflict');
  });

  it('prints one JSON object a line, and last the sums', async () => {
    register('shop');
    const lines = linesOf(planJson(await planFor(nothingThere))).map((line) => JSON.parse(line) as object);
    expect(lines.slice(0, -1)).to.have.length(4);
    expect(lines[0]).to.deep.include({ kind: 'planned', action: 'add', service: 'default/shop', reload: true });
    expect(lines[0]).to.have.nested.property('step.kind', 'create-backend');
    expect(lines.at(-1)).to.deep.equal({
      kind: 'plan-finished',
      add: 4,
      change: 0,
      remove: 0,
      reloads: 1,
      problems: 0,
    });
  });

  describe('with a job that is to be registered', () => {
    const scratch = createScratch();
    after(scratch.remove);

    function jobFile(service: object, group: object = {}, job: object = {}): string {
      const Services = [{ Name: 'shop', Tags: tags, PortLabel: 'http', Provider: 'nomad', Checks: null, ...service }];
      const Networks = [{ DynamicPorts: [{ Label: 'http' }], ReservedPorts: null }];
      const TaskGroups = [{ Name: 'shop', Count: 2, Networks, Services, Tasks: null, ...group }];
      return scratch.write('job.json', JSON.stringify({ Job: { ID: 'shop', Namespace: null, TaskGroups, ...job } }));
    }

    async function planWith(look: Look, file: string, env: Readonly<Record<string, string>> = {}) {
      const config = configOf({ NOMAD_ADDR: nomad.address, ...env });
      const client = createNomadClient(config.nomad);
      const { facts, notes } = await lastValueFrom(factsWith(client, readDraft(file, config), config));
      const result = await lastValueFrom(makePlan(facts, look, config));
      return { notes, ...result, said: result.planned.map(({ action, object }) => `${action} ${object}`) };
    }

    it('shows a new one at placeholder addresses, and says so', async () => {
      const { notes, said, planned } = await planWith(nothingThere, jobFile({}));
      expect(notes).to.deep.equal([
        'as if job default/shop were registered and ran',
        'default/shop: 2 instances, 2 at placeholder addresses 192.0.2.x',
      ]);
      expect(planned.slice(0, 2).map(({ why }) => why)).to.deep.equal([
        'new service, not registered yet',
        'allocation new-1, not there yet',
      ]);
      expect(said).to.deep.equal([
        'add backend shop with 4 slots',
        'add slot shop/nomad01 192.0.2.2:20001 weight 100',
        'add slot shop/nomad02 192.0.2.3:20002 weight 100',
        'add routing rule in frontend www',
        'add route exact shop.example.com -> shop',
      ]);
    });

    it('leaves instances that run where they are, and shows what its tags change', async () => {
      register('shop', { Address: '10.0.0.1', Port: 80 });
      register('shop', { Address: '10.0.0.2', Port: 80 });
      const look = await carriedOut(nothingThere);
      const changed = jobFile({ Tags: [...tags, 'haproxy.domain=new.example.com'] }, { Count: 3 });
      const { notes, said } = await planWith(look, changed);
      expect(notes[1]).to.equal(
        'default/shop: 3 instances, 2 where they run now, 1 at placeholder addresses 192.0.2.x',
      );
      expect(said).to.deep.equal([
        'change slot shop/nomad03 192.0.2.2:20001 weight 100',
        'add route exact new.example.com -> shop',
      ]);
    });

    it('shows those go that are beyond its count', async () => {
      register('shop', { Address: '10.0.0.1', Port: 80 });
      register('shop', { Address: '10.0.0.2', Port: 80 });
      const { said } = await planWith(await carriedOut(nothingThere), jobFile({}, { Count: 1 }));
      expect(said).to.deep.equal(['change slot shop/nomad02 drains, then is free']);
    });

    it('finds instances that run without a tag of ours', async () => {
      nomad.register({ ServiceName: 'shop', Tags: ['team-a'], Address: '10.0.0.1', Port: 80 });
      const { said } = await planWith(nothingThere, jobFile({}, { Count: 1 }));
      expect(said).to.include('add slot shop/nomad01 10.0.0.1:80 weight 100');
    });

    it('says who has its domain already: a new job is younger than every other, a known one as old as it is', async () => {
      nomad.setJob({ ID: 'shop', Namespace: 'default', TaskGroups: null });
      nomad.setJob({ ID: 'first', Namespace: 'default', TaskGroups: null });
      register('first', { JobID: 'first' });
      const denied = async (id: string) =>
        (await planWith(nothingThere, jobFile({ Name: id }, {}, { ID: id }))).problems.map((notice) =>
          'service' in notice ? notice.service : notice.kind,
        );
      expect(await denied('young')).to.deep.equal(['default/young']);
      expect(await denied('shop')).to.deep.equal(['default/first']);
    });

    it('gives each instance its index', async () => {
      const Tags = ['haproxy.enable=true', 'haproxy.weight=1${NOMAD_ALLOC_INDEX}'];
      const { said, notes } = await planWith(nothingThere, jobFile({ Tags }));
      expect(said.filter((line) => line.includes('slot ')).map((line) => line.slice(-2))).to.deep.equal(['10', '11']);
      expect(notes.join()).to.not.include('only a client');
      const strange = await planWith(nothingThere, jobFile({ Tags: ['haproxy.enable=true', 'dc=${node.datacenter}'] }));
      expect(strange.notes[1]).to.include('that only a client can fill in is taken as it is written');
    });

    it('says why nothing comes of it: another provider, another namespace', async () => {
      const consul = await planWith(nothingThere, jobFile({ Provider: '' }));
      expect(consul.planned).to.deep.equal([]);
      expect(consul.notes).to.include.members([
        'it has no service with provider = "nomad"',
        'service shop has provider consul and is not seen',
      ]);
      const other = await planWith(nothingThere, jobFile({}, {}, { Namespace: 'prod' }));
      expect(other.planned).to.deep.equal([]);
      expect(other.notes[0]).to.include('which nomad.namespaces (default) leaves out');
      const own = await planWith(nothingThere, jobFile({}), { NOMAD_NAMESPACE: 'prod' });
      expect(own.planned[0]).to.include({ service: 'prod/shop' });
    });

    it('says of a port label that no network has that its instances would have no address', async () => {
      const note =
        'service shop names port web, which no network of its group has: its instances would have no address';
      expect((await planWith(nothingThere, jobFile({ PortLabel: 'web' }))).notes).to.include(note);
    });

    it('prints what it takes for granted first', async () => {
      const { notes, ...result } = await planWith(nothingThere, jobFile({}));
      expect(linesOf(planText(result, notes))[0]).to.equal('# as if job default/shop were registered and ran');
      expect(JSON.parse(linesOf(planJson(result, notes))[0] ?? '')).to.deep.equal({ kind: 'plan-assumes', notes });
    });

    for (const [what, text, said] of [
      ['a file that is not there', undefined, /^--job \S+none: cannot be read: ENOENT/],
      ['HCL', 'job "shop" { secret = "5ecret" }', /is not JSON; print the job by nomad job run -output/],
      ['JSON that is no job', '{"Job":{}}', /is not a job/],
    ] as const) {
      it(`refuses ${what}`, async () => {
        const path = text === undefined ? scratch.path('none') : scratch.write('bad.json', text);
        const access = { HAPROXY_USERNAME: 'admin', HAPROXY_PASSWORD: 'nobody-listens', NOMAD_ADDR: nomad.address };
        const { code, stderr } = await runCommand(['plan', '--job', path], access);
        expect(code).to.equal(exitCodes.data);
        expect(stderr).to.match(said).and.not.include('5ecret');
        expect(nomad.requests).to.deep.equal([]);
      });
    }
  });

  describe('as a command', () => {
    const access = { HAPROXY_USERNAME: 'admin', HAPROXY_PASSWORD: 'nobody-listens' };

    it('says on stderr that Nomad refuses, and ends with 1', async () => {
      nomad.denyToken();
      const silent = createServer(() => undefined).listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const { port } = silent.address() as AddressInfo;
      const env = { NOMAD_ADDR: nomad.address, HAPROXY_DATAPLANE_URL: `http://127.0.0.1:${port}`, ...access };
      const { code, stdout, stderr } = await runCommand(['plan'], env);
      silent.closeAllConnections();
      silent.close();
      expect({ code, stdout }).to.deep.equal({ code: exitCodes.failed, stdout: '' });
      expect(stderr).to.include('403').and.to.include(nomad.address);
    });

    it('says on stderr that nobody answers for HAProxy, and ends with 1', async () => {
      const env = { NOMAD_ADDR: nomad.address, HAPROXY_DATAPLANE_URL: 'http://127.0.0.1:1', ...access };
      const { code, stdout, stderr } = await runCommand(['plan'], env);
      expect({ code, stdout }).to.deep.equal({ code: exitCodes.failed, stdout: '' });
      expect(stderr).to.include('127.0.0.1:1');
    });

    it('takes a stop for no plan, not for one without changes', async () => {
      const env = { NOMAD_ADDR: nomad.address, HAPROXY_DATAPLANE_URL: 'http://192.0.2.1:1', ...access };
      const { stop, code } = startCommand(['plan'], env);
      stop();
      expect(await code).to.equal(exitCodes.failed);
    });

    it('needs credentials', async () => {
      const { code, stderr } = await runCommand(['plan'], { NOMAD_ADDR: nomad.address });
      expect(code).to.equal(exitCodes.config);
      expect(stderr).to.include('haproxy.password: is missing');
    });
  });
});
