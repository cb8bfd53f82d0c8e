import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { startNomad, type NomadServer } from '../spec/support/nomad-server.ts';
import { startApiProxy, type ApiProxy } from './support/api-proxy.ts';
import { startConnector, type Connector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { forEachImage, startApp, startHaproxy, type App, type Haproxy } from './support/haproxy.ts';
import { ask } from './support/world.ts';

const yml = readFileSync(new URL('images/dataplaneapi.yml', import.meta.url), 'utf8');
const config = readFileSync(new URL('../fixtures/configs/hand-written.cfg', import.meta.url), 'utf8');
const maps = { 'tenants.map': readFileSync(new URL('../fixtures/configs/tenants.map', import.meta.url), 'utf8') };

forEachImage((image) => {
  for (const [what, command] of [
    ['does nothing', 'true'],
    ['fails', 'false'],
  ] as const) {
    describe(`a Data Plane API whose reload command ${what}`, () => {
      let haproxy: Haproxy;
      let nomad: NomadServer;
      let proxy: ApiProxy;
      let app: App;
      let connector: Connector;

      before(async () => {
        const text = yml
          .replace(/.*master_runtime.*\n/, '')
          .replace('master_worker_mode: true', 'master_worker_mode: false')
          .replace("reload_cmd: 'true'", `reload_cmd: '${command}'`);
        const dataplane = { text, username: 'admin', password: 'dataplane' };
        haproxy = await startHaproxy({ image, config, maps, dataplane });
        nomad = await startNomad();
        proxy = await startApiProxy(haproxy.api.address);
        app = await startApp({ name: 'web', host: haproxy.hostAddress });
        for (const service of ['web', 'api']) register(service);
        connector = startConnector({
          ...{ NOMAD_ADDR: nomad.address, NOMAD_NAMESPACE: '*', HAPROXY_FRONTEND: 'fe', HEALTH_PORT: '0' },
          ...{ HAPROXY_DATAPLANE_URL: proxy.address, HAPROXY_USERNAME: 'admin', HAPROXY_PASSWORD: 'dataplane' },
        });
      });

      after(async () => {
        await connector.stop();
        await Promise.all([app.close(), nomad.close(), proxy.close()]);
        await haproxy.stop();
      });

      function register(service: string): void {
        nomad.register({
          ServiceName: service,
          Address: app.address,
          Port: app.port,
          Tags: ['haproxy.enable=true', `haproxy.domain=${service}.example.com`],
        });
      }

      const aboveInfo = () => connector.log.filter(({ level }) => Number(level) > 30);

      it('is named in the log as the cause, with what to do, and not over and over', async () => {
        await connector.logged('started');
        await setTimeout(8000);
        expect(JSON.stringify(aboveInfo())).to.include('haproxy.master_runtime');
        // What comes now meets the same.
        for (const service of ['late', 'later']) register(service);
        await setTimeout(12_000);
        expect(aboveInfo().length, JSON.stringify(aboveInfo(), undefined, 1)).to.be.below(6);
        expect(connector.log.length, JSON.stringify(connector.log, undefined, 1)).to.be.below(30);
      });

      it('is worked with once it has been set right, without a restart of the connector', async () => {
        const path = '/usr/local/etc/haproxy/dataplaneapi.yml';
        const set =
          's|^haproxy:|haproxy:\\n  master_runtime: /var/run/haproxy-master.sock|; s|master_worker_mode: false|master_worker_mode: true|';
        await haproxy.exec('sed', '-i', set, path);
        await haproxy.kill('dataplaneapi');
        for (const service of ['web', 'api', 'late', 'later']) {
          await eventually(async () => {
            const answer = await ask(haproxy.port(8080), `${service}.example.com`, '/');
            expect(answer).to.deep.equal({ status: 200, body: 'web' });
          }, 60_000);
        }
      });
    });
  }
});
