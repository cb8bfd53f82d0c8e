import { expect } from 'chai';
import { startNomad, type NomadServer } from '../spec/support/nomad-server.ts';
import { startApiProxy, type ApiProxy } from './support/api-proxy.ts';
import { startConnector, type Connector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { configPath, forEachImage, startApp, startHaproxy, type App, type Haproxy } from './support/haproxy.ts';
import { ask } from './support/world.ts';

const config = `# Kept by hand.
global
  stats socket /var/run/haproxy-runtime-api.sock mode 600 level admin

# for the web
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s

frontend www
  bind :8080
  use_backend old if { hdr(host) -i old.example.com } # until the spring
  default_backend none

backend old
  http-request return status 200 content-type text/plain string "old"

backend none
  http-request return status 404 content-type text/plain string "no route"

# for all else
defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h

frontend mail
  bind :8025
  default_backend mails

backend mails
  server m1 127.0.0.1:25

defaults main
  mode http
  timeout connect 3s
  timeout client 30s
  timeout server 30s

listen stats
  bind :8404
  stats enable
  stats uri /
`;

forEachImage((image) => {
  describe('a configuration whose sections have no name or no from', () => {
    let haproxy: Haproxy;
    let nomad: NomadServer;
    let proxy: ApiProxy;
    let app: App;
    let connector: Connector | undefined;

    before(async () => {
      haproxy = await startHaproxy({ image, config, ports: [8080, 8404] });
      nomad = await startNomad();
      proxy = await startApiProxy(haproxy.api.address);
      app = await startApp({ name: 'web', host: haproxy.hostAddress });
      const Tags = ['haproxy.enable=true', 'haproxy.domain=web.example.com'];
      nomad.register({ ServiceName: 'web', Address: app.address, Port: app.port, Tags });
    });

    afterEach(() => connector?.stop());

    after(async () => {
      await Promise.all([app.close(), nomad.close(), proxy.close()]);
      await haproxy.stop();
    });

    async function connect(): Promise<Connector> {
      connector = startConnector({
        ...{ NOMAD_ADDR: nomad.address, NOMAD_NAMESPACE: '*', HAPROXY_FRONTEND: 'www', HEALTH_PORT: '0' },
        ...{ HAPROXY_DATAPLANE_URL: proxy.address, HAPROXY_USERNAME: haproxy.api.username },
        ...{ HAPROXY_PASSWORD: haproxy.api.password },
      });
      await connector.logged('started');
      return connector;
    }

    const get = (host: string, port = 8080) => ask(haproxy.port(port), host, '/');

    it('is worked with, and goes on as it was', async () => {
      const { log } = await connect();
      await eventually(async () => {
        expect(await get('web.example.com')).to.deep.equal({ status: 200, body: 'web' });
      });
      expect(log.filter(({ level }) => Number(level) > 30)).to.deep.equal([]);
      expect(await get('old.example.com')).to.deep.equal({ status: 200, body: 'old' });
      expect(await get('else.example.com')).to.deep.equal({ status: 404, body: 'no route' });
      expect((await get('stats', 8404)).status).to.equal(200);
    });

    it('says by which defaults each section goes, and has all its lines still', async () => {
      const text = await haproxy.file(configPath);
      expect(
        text.match(/^(defaults|frontend|backend|listen) .*$/gm)?.map((line) => line.replace(/ #.*/, '')),
      ).to.have.members([
        ...['defaults main', 'defaults unnamed_defaults_1', 'defaults unnamed_defaults_2'],
        ...['frontend mail from unnamed_defaults_2', 'backend mails from unnamed_defaults_2', 'listen stats from main'],
        ...['frontend www from unnamed_defaults_1', 'backend none from unnamed_defaults_1'],
        ...['backend old from unnamed_defaults_1', 'backend web from unnamed_defaults_1'],
      ]);
      const lines = config.split('\n').filter((line) => line.startsWith('  '));
      for (const line of lines) expect(text.includes(line.replace(/ #.*/, '')), line).to.equal(true);
    });

    it('is not written again where nothing is to be done', async () => {
      const before = [await haproxy.file(configPath), await haproxy.reloads()];
      await connect();
      expect([await haproxy.file(configPath), await haproxy.reloads()]).to.deep.equal(before);
    });
  });
});
