import { expect } from 'chai';
import type { Connector } from './support/connector.ts';
import { eventually, throughout } from './support/eventually.ts';
import { configPath, forEachImage, mapsPath } from './support/haproxy.ts';
import { useWorld, type Instance } from './support/world.ts';

const found = 'HAProxy was not as it should be';
/** A round takes one tick. */
const quick = { DRIFT_INTERVAL_MS: '1000' };

forEachImage((image) => {
  describe('drift of the running HAProxy', () => {
    const world = useWorld(image);
    let connector: Connector | undefined;
    let movesAddresses: boolean;

    before(async () => {
      movesAddresses = await world().movesAddresses();
    });

    afterEach(async () => {
      world().proxy.before(() => undefined);
      world().proxy.disturb(() => undefined);
      await connector?.stop();
      connector = undefined;
    });

    const tagsOf = (name: string) => [`haproxy.domain=${name}.example.com`];

    async function serve(name: string): Promise<Instance> {
      const { start, get, serverLine } = world();
      const instance = await start(name, tagsOf(name));
      await eventually(async () => {
        expect(await get(`${name}.example.com`)).to.deep.equal(instance.answer);
        expect(await serverLine(name, 'nomad01')).to.include(`:${instance.port} `);
      });
      return instance;
    }

    async function expectServed(name: string, by: Instance): Promise<void> {
      await eventually(async () => {
        expect(await world().spread(`${name}.example.com`, 4)).to.deep.equal({ [by.name]: 4 });
        expect(Object.values(await world().states(name)).filter((state) => state === 'ready')).to.have.length(1);
      });
    }

    const byHand = (command: string) => world().haproxy.socat(command);

    for (const [what, ...commands] of [
      ['maintained', 'set server NAME/nomad01 state maint'],
      ['drained', 'set server NAME/nomad01 state drain'],
      ['sent', 'set server NAME/nomad01 addr 127.0.0.9 port 9'],
      ['opened', 'set server NAME/nomad03 addr 127.0.0.9 port 9', 'set server NAME/nomad03 state ready'],
    ] as const) {
      it(`heals a server that was ${what} by hand, without a reload`, async () => {
        const { haproxy, connect } = world();
        connector = await connect(quick);
        const instance = await serve(what);
        const reloads = await haproxy.reloads();
        for (const command of commands) await byHand(command.replace('NAME', what));
        await connector.logged(found, { service: `default/${what}`, repair: 'planned' });
        await expectServed(what, instance);
        expect(await haproxy.reloads()).to.equal(reloads);
        expect(connector.count(found, { service: `default/${what}` })).to.equal(1);
      });
    }

    it('heals a weight where the API tells it', async function () {
      const { connect, haproxy } = world();
      connector = await connect(quick);
      await serve('heavy');
      await byHand('set weight heavy/nomad01 7');
      if (movesAddresses) {
        await connector.logged(found, { where: 'server heavy/nomad01', what: 'weight 7 instead of 100' });
        await eventually(async () => {
          expect(await byHand('get weight heavy/nomad01')).to.match(/^100 /);
        });
      } else {
        await throughout(2500, async () => {
          expect(await byHand('get weight heavy/nomad01')).to.match(/^7 /);
        });
        await haproxy.exec('sh', '-c', 'echo reload | socat -t 5 - UNIX-CONNECT:/var/run/haproxy-master.sock');
      }
    });

    it('heals a server of a service that has gone and whose backend is kept', async () => {
      const { connect, states } = world();
      connector = await connect({ ...quick, HAPROXY_BACKEND_RETENTION_SEC: '60' });
      const instance = await serve('gone');
      instance.deregister();
      await eventually(async () => {
        expect(await states('gone')).to.include({ nomad01: 'maint' });
      });
      await byHand(`set server gone/nomad01 addr ${instance.address} port ${instance.port}`);
      await byHand('set server gone/nomad01 state ready');
      await connector.logged(found, { service: 'default/gone' });
      await eventually(async () => {
        expect(await states('gone')).to.include({ nomad01: 'maint' });
      });
    });

    it('leaves a server in maintenance where that is respected, and says so once', async () => {
      const { connect, states, start, get, haproxy, config } = world();
      connector = await connect({ ...quick, DRIFT_RESPECT_MANUAL_MAINT: 'true' });
      await eventually(async () => {
        expect(await config()).to.not.match(/^backend gone /m);
      });
      await serve('repair');
      const other = await start('repair', tagsOf('repair'));
      await eventually(async () => {
        expect(await states('repair')).to.include({ nomad01: 'ready', nomad02: 'ready' });
      });
      await byHand('set server repair/nomad01 state maint');
      await connector.logged(found, { where: 'server repair/nomad01', repair: 'none' });
      await throughout(3500, async () => {
        expect(await states('repair')).to.include({ nomad01: 'maint', nomad02: 'ready' });
      });
      expect(connector.count(found, { where: 'server repair/nomad01' })).to.equal(1);
      const reloads = await haproxy.reloads();
      await serve('beside');
      expect(await haproxy.reloads()).to.equal(reloads + 1);
      await throughout(1500, async () => {
        expect(await get('repair.example.com')).to.deep.equal(other.answer);
      });
      expect(await states('repair')).to.include({ nomad01: 'maint' });
      await byHand('set server repair/nomad02 state drain');
      await eventually(async () => {
        expect(await states('repair')).to.include({ nomad01: 'maint', nomad02: 'ready' });
      });
      await byHand('set server repair/nomad01 state ready');
    });

    it('heals maps that were cleared and rows that were changed by hand, without a reload', async () => {
      const { connect, haproxy, start, get } = world();
      connector = await connect(quick);
      const exact = await serve('rows');
      const others = ['haproxy.domain.type=regex', 'haproxy.domain=^r[0-9]+\\.rows\\.example\\.com$'];
      const regex = await start('rowsregex', others);
      const prefix = await start('rowsprefix', ['haproxy.domain.type=prefix', 'haproxy.domain=pre.rows']);
      await eventually(async () => {
        expect(await get('r1.rows.example.com')).to.deep.equal(regex.answer);
        expect(await get('pre.rows.example.com')).to.deep.equal(prefix.answer);
      });
      const reloads = await haproxy.reloads();
      for (const map of ['exact', 'prefix', 'regex']) await byHand(`clear map ${mapsPath}/nomad-${map}.map`);
      await eventually(async () => {
        expect(await get('rows.example.com')).to.deep.equal(exact.answer);
        expect(await get('r1.rows.example.com')).to.deep.equal(regex.answer);
        expect(await get('pre.rows.example.com')).to.deep.equal(prefix.answer);
      });
      await connector.logged(found, { where: 'map nomad-regex.map', repair: 'mended' });

      await byHand(`set map ${mapsPath}/nomad-exact.map rows.example.com admin`);
      await byHand(`add map ${mapsPath}/nomad-exact.map odd.example.com rows`);
      await eventually(async () => {
        expect(await get('rows.example.com')).to.deep.equal(exact.answer);
        expect((await get('odd.example.com')).status).to.equal(404);
      });
      expect(await haproxy.reloads()).to.equal(reloads);
      expect(await haproxy.file(`${mapsPath}/nomad-exact.map`)).to.include('rows.example.com rows\n');
    });

    it('heals by one reload when HAProxy does not have what the file says', async () => {
      const { connect, haproxy, get, config } = world();
      connector = await connect(quick);
      const instance = await serve('absent');
      // What a write without a reload leaves: the file says more than the process was ever told.
      await connector.stop();
      const kept = await config();
      await haproxy.exec('sh', '-c', `sed -i '/^backend absent /,/^$/d' ${configPath}`);
      await world().reload();
      await haproxy.exec('sh', '-c', `cat > ${configPath} <<'END'\n${kept}END\n`);
      expect((await get('absent.example.com')).status).to.equal(404);
      const reloads = await haproxy.reloads();
      connector = await connect(quick);
      await connector.logged(found, { where: 'backend absent', repair: 'reload' });
      await expectServed('absent', instance);
      expect(await haproxy.reloads()).to.equal(reloads + 1);
    });

    it('heals a HAProxy that was restarted from an old file', async () => {
      const { connect, start, haproxy, states, get } = world();
      connector = await connect(quick);
      const first = await serve('aged');
      await haproxy.exec('sh', '-c', `cp ${configPath} /tmp/old.cfg; cp ${mapsPath}/nomad-exact.map /tmp/old.map`);
      const second = await start('aged', tagsOf('aged'));
      first.deregister();
      const young = await serve('young');
      await eventually(async () => {
        expect(await states('aged')).to.include({ nomad01: 'maint', nomad02: 'ready' });
        expect(await world().serverLine('aged', 'nomad02')).to.include(`:${second.port} `);
      });
      await haproxy.exec('sh', '-c', `cp /tmp/old.cfg ${configPath}; cp /tmp/old.map ${mapsPath}/nomad-exact.map`);
      await haproxy.kill('haproxy');
      await haproxy.untilUp();
      await eventually(async () => {
        expect(await get('young.example.com')).to.deep.equal(young.answer);
      }, 40_000);
      await expectServed('aged', second);
    });

    it('notices a file that was edited by hand though the version stayed and nobody reloaded', async () => {
      const { connect, haproxy, states, config } = world();
      connector = await connect(quick);
      const instance = await serve('edited');
      await haproxy.exec('cp', configPath, '/tmp/before.cfg');
      await serve('editedtoo');
      expect(await config()).to.match(/^backend editedtoo /m);
      const version = /^# _version=.*$/m.exec(await config())?.[0];
      await haproxy.exec('sh', '-c', `cp /tmp/before.cfg ${configPath}`);
      await eventually(async () => {
        expect(await config()).to.match(/^backend editedtoo /m);
        expect(await states('editedtoo')).to.include({ nomad01: 'ready' });
      });
      expect(version).to.not.equal(undefined);
      await expectServed('edited', instance);
    });

    it('notices a map file that was edited by hand', async () => {
      const { connect, haproxy, reload, get } = world();
      connector = await connect(quick);
      const instance = await serve('mapfile');
      await haproxy.exec('sed', '-i', '/^mapfile/d', `${mapsPath}/nomad-exact.map`);
      await eventually(async () => {
        expect(await haproxy.file(`${mapsPath}/nomad-exact.map`)).to.include('mapfile.example.com mapfile\n');
      });
      await reload();
      await eventually(async () => {
        expect(await get('mapfile.example.com')).to.deep.equal(instance.answer);
      });
    });

    it('heals what a connector that was killed had told HAProxy and not yet the file', async () => {
      const { connect, spawn, start, states, serverLine } = world();
      const spawned = await spawn({ PERSIST_DELAY_MS: '5000' });
      const first = await serve('killed');
      const second = await start('killed', tagsOf('killed'));
      await eventually(async () => {
        expect(await states('killed')).to.include({ nomad01: 'ready', nomad02: 'ready' });
      });
      await spawned.kill();
      if (movesAddresses) expect(await serverLine('killed', 'nomad02')).to.match(/ disabled( |$)/);
      second.deregister();
      await second.close();
      connector = await connect(quick);
      await expectServed('killed', first);
    });

    it('heals so too when the service has gone altogether, and its backend is kept', async () => {
      const { connect, spawn, start, states } = world();
      const retention = { HAPROXY_BACKEND_RETENTION_SEC: '60' };
      const spawned = await spawn({ ...retention, PERSIST_DELAY_MS: '5000' });
      const first = await serve('lonely');
      first.deregister();
      await eventually(async () => {
        expect(await states('lonely')).to.include({ nomad01: 'maint' });
      });
      const second = await start('lonely', tagsOf('lonely'));
      await eventually(async () => {
        expect(Object.values(await states('lonely'))).to.include('ready');
      });
      await spawned.kill();
      second.deregister();
      connector = await connect({ ...quick, ...retention });
      await eventually(async () => {
        expect(new Set(Object.values(await states('lonely')))).to.deep.equal(new Set(['maint']));
      });
    });

    it('costs no write and no notice while nothing differs', async () => {
      const { connect, proxy } = world();
      connector = await connect(quick);
      await serve('calm');
      await eventually(() => {
        expect(proxy.calls.at(-1)).to.include('/runtime/');
      });
      await new Promise((resolve) => setTimeout(resolve, 2000));
      const from = proxy.calls.length;
      await new Promise((resolve) => setTimeout(resolve, 3000));
      const calls = proxy.calls.slice(from);
      expect(calls.filter((call) => call.includes('/runtime/backends/calm/servers')).length).to.be.within(2, 4);
      expect(calls.filter((call) => !call.startsWith('GET '))).to.deep.equal([]);
      expect(connector.count(found, { service: 'default/calm' })).to.equal(0);
    });
  });
});
