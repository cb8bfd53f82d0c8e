import { expect } from 'chai';
import { exitCodes } from '../lib/exit-codes.ts';
import { createScratch, linesOf, runCommand } from '../spec/support/command-line.ts';
import type { Connector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { answerOf, forEachImage } from './support/haproxy.ts';
import { useWorld, type Instance } from './support/world.ts';

forEachImage((image) => {
  describe('plan', () => {
    const world = useWorld(image);
    const scratch = createScratch();
    after(scratch.remove);
    let connector: Connector | undefined;
    let first: Instance;

    afterEach(async () => {
      await connector?.stop();
      connector = undefined;
    });

    /** Asserts that the plan only read. */
    async function plan(...flags: readonly string[]) {
      const { access, proxy, api } = world();
      const version = await answerOf(api.getVersion());
      const from = proxy.calls.length;
      const result = await runCommand(['plan', ...flags], access);
      const calls = proxy.calls.slice(from);
      expect(calls).to.have.length.above(3);
      expect(calls.filter((call) => !call.startsWith('GET '))).to.deep.equal([]);
      expect(await answerOf(api.getVersion())).to.equal(version);
      expect(await answerOf(api.listTransactions())).to.deep.equal([]);
      return { ...result, lines: linesOf(result.stdout) };
    }

    it('shows everything where nothing is there, and writes nothing', async () => {
      const { start, config, api } = world();
      first = await start('web', ['haproxy.domain=web.example.com']);
      const { address, port } = first;
      const before = await config();
      const { code, stderr, lines } = await plan();
      expect({ code, stderr }).to.deep.equal({ code: exitCodes.changes, stderr: '' });
      expect(lines.map((line) => line.replace(/ {2}\(.*/, ''))).to.deep.equal([
        'default/web',
        '  + backend web with 4 slots',
        `  + slot web/nomad01 ${address}:${port} weight 100`,
        '  + routing rule in frontend fe',
        '  + route exact web.example.com -> web',
        'Plan: 4 to add, 0 to change, 0 to remove; 1 reload.',
      ]);
      expect(await config()).to.equal(before);
      expect((await answerOf(api.listMaps())).map(({ name }) => name)).to.not.include('nomad-exact.map');
    });

    it('shows what a job would change that is not registered yet', async () => {
      const Services = [
        {
          Name: 'late',
          Provider: 'nomad',
          PortLabel: 'http',
          Tags: ['haproxy.enable=true', 'haproxy.domain=web.example.com'],
        },
      ];
      const Job = { ID: 'late', Namespace: null, TaskGroups: [{ Name: 'late', Count: 2, Services, Tasks: null }] };
      const { code, lines } = await plan('--job', scratch.write('late.json', JSON.stringify({ Job })));
      expect(code).to.equal(exitCodes.changes);
      expect(lines.map((line) => line.replace(/ {2}\(.*/, ''))).to.include.members([
        '# as if job default/late were registered and ran',
        '# default/late: 2 instances, 2 at placeholder addresses 192.0.2.x',
        '  + backend late with 4 slots',
        '  + slot late/nomad01 192.0.2.2:20001 weight 100',
        '! default/late: exact domain web.example.com is held by default/web, which was there first',
      ]);
    });

    it('shows nothing after a connector ran, and again what has changed since', async () => {
      const { connect, get, start, serverLine } = world();
      connector = await connect();
      await eventually(async () => {
        expect(await get('web.example.com')).to.include({ status: 200 });
      });
      await connector.stop();
      expect(await plan()).to.include({
        code: exitCodes.ok,
        stdout: 'No changes. HAProxy is as the services want it.\n',
        stderr: '',
      });

      const domains = ['haproxy.domain=web.example.com', 'haproxy.domain=www.example.com'];
      const second = await start('web', domains);
      first.change({ Tags: second.registration.Tags });
      const { code, lines } = await plan();
      expect(code).to.equal(exitCodes.changes);
      expect(lines.map((line) => line.replace(/ {2}\(.*/, ''))).to.deep.equal([
        'default/web',
        `  ~ slot web/nomad02 ${second.address}:${second.port} weight 100`,
        '  + route exact www.example.com -> web',
        'Plan: 1 to add, 1 to change, 0 to remove; 0 reloads.',
      ]);

      connector = await connect();
      await eventually(async () => {
        expect(await serverLine('web', 'nomad02')).to.include(`:${second.port} `);
        expect(await get('www.example.com')).to.include({ status: 200 });
      });
      await connector.stop();
      expect(await plan('--json')).to.include({
        code: exitCodes.ok,
        stdout: '{"kind":"plan-finished","add":0,"change":0,"remove":0,"reloads":0,"problems":0}\n',
      });
    });
  });
});
