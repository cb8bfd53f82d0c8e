import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { startNomad, type NomadServer } from '../spec/support/nomad-server.ts';
import { startConnector, type Connector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { handWritten } from './support/hand-written.ts';
import {
  configPath,
  forEachImage,
  mapsPath,
  startApp,
  startHaproxy,
  type App,
  type Haproxy,
} from './support/haproxy.ts';
import { ask } from './support/world.ts';

const base = readFileSync(new URL('../deploy/haproxy/haproxy.cfg', import.meta.url), 'utf8');
const account = { username: 'connector', password: 'dataplane' };

/** As the deployments fill it in, but reached from outside of the container. */
const dataplane = readFileSync(new URL('../deploy/haproxy/dataplaneapi.yml', import.meta.url), 'utf8')
  .replace('host: 127.0.0.1', 'host: 0.0.0.0')
  .replace('change-me', account.password);

forEachImage((image) => {
  describe("the deployment's HAProxy", () => {
    let haproxy: Haproxy;
    let nomad: NomadServer;
    let app: App;
    let connector: Connector;

    before(async () => {
      haproxy = await startHaproxy({ image, config: base, dataplane: { text: dataplane, ...account }, ports: [80] });
      nomad = await startNomad();
      app = await startApp({ name: 'web', host: haproxy.hostAddress });
      connector = startConnector({
        NOMAD_ADDR: nomad.address,
        HAPROXY_DATAPLANE_URL: haproxy.api.address,
        HAPROXY_USERNAME: account.username,
        HAPROXY_PASSWORD: account.password,
        HAPROXY_FRONTEND: 'www',
        HEALTH_HOST: '127.0.0.1',
        HEALTH_PORT: '0',
      });
    });

    after(async () => {
      await connector.stop();
      await Promise.all([app.close(), nomad.close()]);
      await haproxy.stop();
    });

    it('takes its base configuration without a warning', async () => {
      const check = 'printf %s "$1" >/tmp/base.cfg && haproxy -c -f /tmp/base.cfg 2>&1';
      expect(await haproxy.exec('sh', '-c', check, 'sh', base)).to.match(/^(Configuration file is valid\n)?$/);
    });

    it('serves a service that Nomad has, through a frontend and maps of its own', async () => {
      nomad.register({
        ServiceName: 'web',
        Tags: ['haproxy.enable=true', 'haproxy.domain=web.example.com'],
        Address: app.address,
        Port: app.port,
      });
      await eventually(async () => {
        expect(await ask(haproxy.port(80), 'web.example.com', '/')).to.deep.equal({ status: 200, body: 'web' });
      });
      expect(await haproxy.file(`${mapsPath}/nomad-exact.map`)).to.match(/^web\.example\.com .*web/m);
      // The API moves lines within a section.
      const lines = (text: string) => handWritten(text).split('\n').sort();
      expect(lines(await haproxy.file(configPath))).to.deep.equal(lines(base));
    });

    it('knows that a reload has succeeded, by the socket of its master', async () => {
      const { reloaded } = await connector.logged('changed HAProxy', { lane: 'commit' });
      expect(reloaded).to.equal(true);
      expect(await haproxy.reloads()).to.be.above(0);
      expect(connector.count('HAProxy needs attention')).to.equal(0);
      expect((await connector.ready()).status).to.equal(200);
    });

    it('serves the same after HAProxy was killed', async () => {
      await haproxy.kill('haproxy');
      await haproxy.untilUp();
      await eventually(async () => {
        expect(await ask(haproxy.port(80), 'web.example.com', '/')).to.deep.equal({ status: 200, body: 'web' });
      });
    });
  });
});
