import { expect } from 'chai';
import { exitCodes } from '../lib/exit-codes.ts';
import { linesOf, runCommand } from '../spec/support/command-line.ts';
import { forEachImage } from './support/haproxy.ts';
import { useWorld } from './support/world.ts';

forEachImage((image) => {
  describe('explain', () => {
    const world = useWorld(image);

    /** Asserts that it only read. */
    async function explain(service: string, ...flags: readonly string[]) {
      const { proxy } = world();
      const from = proxy.calls.length;
      const explained = await explainBeside('1', service, ...flags);
      expect(proxy.calls.slice(from).filter((call) => !call.startsWith('GET '))).to.deep.equal([]);
      return explained;
    }

    /** `port`: where a connector serves its status. */
    async function explainBeside(port: string, service: string, ...flags: readonly string[]) {
      const env = { ...world().access, HEALTH_PORT: port };
      const { code, stdout, stderr } = await runCommand(['explain', service, ...flags], env);
      return { code, stderr, stdout, lines: linesOf(stdout).map((line) => line.trim()) };
    }

    it('says what would be done for a service that HAProxy does not have', async () => {
      const { address, port, registration } = await world().start('web', ['haproxy.domain=web.example.com']);
      const { code, stderr, lines } = await explain('web');
      expect({ code, stderr }).to.deep.equal({ code: exitCodes.ok, stderr: '' });
      expect(lines).to.include.members([
        'default/web',
        `${registration.AllocID.slice(0, 8)} on node 11111111 at ${address}:${port}: weight 100, a TCP check every 2000 ms (the default)`,
        'exact web.example.com: held by default/web (nobody else claims it)',
        'belongs: backend web, which is its own',
        'backend web: is not there yet',
      ]);
      expect(lines.slice(lines.indexOf('next:') + 1).map((line) => line.replace(/ {2}\(.*/, ''))).to.deep.equal([
        '+ backend web with 4 slots',
        `+ slot web/nomad01 ${address}:${port} weight 100`,
        '+ routing rule in frontend fe',
        '+ route exact web.example.com -> web',
        'no connector answers at 127.0.0.1:1 (server.host, server.port)',
      ]);
    });

    it('tells slots as the file and as the running process have them', async () => {
      const { connect, start, haproxy } = world();
      await start('api', ['haproxy.domain=web.example.com']);
      const connector = await connect();
      await connector.stop();
      const { lines } = await explain('web');
      expect(lines.find((line) => line.startsWith('nomad01: '))).to.match(
        /^nomad01: serving .* weight 100, allocation 00000000; running: ready, up at [\d.]+:\d+$/,
      );
      expect(lines).to.include.members(['free: nomad02, nomad03, nomad04', 'next: nothing']);
      expect(lines).to.include('exact web.example.com -> web');
      await haproxy.socat('set server web/nomad01 state maint');
      const { lines: after } = await explain('default/web');
      expect(after.find((line) => line.startsWith('nomad01: '))).to.match(/differs: maint at .* instead of ready$/);
      await haproxy.socat('set server web/nomad01 state ready');
    });

    it('tells what a connector that runs knows: its last events, write, reload and instance of the service', async () => {
      const { connect, start } = world();
      await start('told', ['haproxy.domain=told.example.com']);
      const connector = await connect();
      const { port } = await connector.logged('serving health, readiness and metrics');
      const { lines } = await explainBeside(String(port), 'told', '--json');
      const { connector: said } = JSON.parse(lines[0] ?? '') as { connector: Record<string, unknown> };
      expect(said).to.have.nested.property('service.state', 'serving');
      expect(said).to.have.nested.property('service.lastEvents[0].what', 'admitted');
      expect(said)
        .to.have.nested.property('service.lastWrite.lane')
        .that.is.oneOf(['commit', 'maps', 'slots', 'runtime']);
      expect(said).to.have.nested.property('lastReload.cause', 'new-backend');
      await connector.stop();
      expect((await explainBeside(String(port), 'told')).lines).to.include(
        `no connector answers at 127.0.0.1:${String(port)} (server.host, server.port)`,
      );
    });

    it('tells of the one that did not get the domain, as JSON too', async () => {
      const { stdout } = await explain('api', '--json');
      const said = JSON.parse(stdout) as { nomad: { claims: { holder: string }[] }; haproxy: { rows: unknown[] } };
      expect(said.nomad.claims.map(({ holder }) => holder)).to.deep.equal(['default/web', 'default/api']);
      expect(said.haproxy.rows).to.deep.equal([]);
      expect(said).to.have.nested.property('haproxy.backends[0].slots[0].running.adminState', 'ready');
    });

    it('tells of slots in a backend that somebody else wrote', async () => {
      const { connect, start } = world();
      await start('guest', ['haproxy.backend=custom', 'haproxy.backend.name=none']);
      expect((await explain('guest')).lines).to.satisfy((lines: readonly string[]) =>
        lines.some((line) => line.startsWith('belongs: nowhere: backend none does not exist')),
      );
      const connector = await connect();
      await connector.stop();
      expect((await explain('guest')).lines.some((line) => line.startsWith('! default/guest: backend none'))).to.equal(
        true,
      );
    });

    it('tells of a service that Nomad does not have any more', async () => {
      const { nomad } = world();
      const { ID } = nomad.register({ ServiceName: 'gone', Address: '10.0.0.9', Port: 80 });
      const connector = await world().connect({ ADMISSION_PROBE: 'false' });
      await connector.stop();
      nomad.deregister(ID);
      const { code, lines } = await explain('gone');
      expect(code).to.equal(exitCodes.ok);
      expect(lines).to.include.members(['default/gone', 'Nomad does not have it', 'backend gone:']);
      expect(lines.some((line) => line.startsWith('- backend gone'))).to.equal(true);
    });
  });
});
