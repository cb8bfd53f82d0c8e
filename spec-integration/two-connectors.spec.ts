import { expect } from 'chai';
import { startNomad, type NomadServer } from '../spec/support/nomad-server.ts';
import { eventually } from './support/eventually.ts';
import { forEachImage, startApp, type App } from './support/haproxy.ts';
import { useWorld } from './support/world.ts';

forEachImage((image) => {
  describe('two connectors at one HAProxy, each with an owner and a Nomad of its own', () => {
    const world = useWorld(image);
    let nomad: NomadServer;
    let app: App;

    before(async () => {
      nomad = await startNomad();
      app = await startApp({ name: 'other-web', host: world().haproxy.hostAddress });
    });

    after(async () => {
      await app.close();
      await nomad.close();
    });

    it('keep their services apart, though they have the same name', async () => {
      const { connect, start, spread, states, rebase } = world();
      const first = await connect();
      const web = await start('web', ['haproxy.domain=web.example.com']);
      await eventually(async () => {
        expect(await spread('web.example.com', 1)).to.deep.equal({ [web.name]: 1 });
      });
      const second = await connect({ HAPROXY_OWNER: 'other', NOMAD_ADDR: nomad.address });
      const Tags = ['haproxy.enable=true', 'haproxy.domain=other.example.com'];
      nomad.register({ ServiceName: 'web', Tags, Address: app.address, Port: app.port });
      await eventually(async () => {
        expect(await spread('other.example.com', 10)).to.deep.equal({ [app.name]: 10 });
      });
      expect(await spread('web.example.com', 10)).to.deep.equal({ [web.name]: 10 });

      web.deregister();
      await eventually(async () => {
        expect(await states('web')).to.deep.equal({});
        expect(await spread('other.example.com', 10)).to.deep.equal({ [app.name]: 10 });
      });
      await second.stop();
      await first.stop();
      await rebase();
    });
  });
});
