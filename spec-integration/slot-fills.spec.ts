import { expect } from 'chai';
import { createDataplaneClient, type DataplaneClient } from '../lib/haproxy/client.ts';
import { sendSteps } from '../lib/haproxy/runtime-lane.ts';
import { capabilitiesOf } from '../lib/haproxy/versions.ts';
import { parked } from '../lib/model/section.ts';
import type { StepOf } from '../lib/model/step.ts';
import { answerOf, forEachImage, startApp, startHaproxy, type App, type Haproxy } from './support/haproxy.ts';

/** HAProxy checks every 2 ms, so that a slot that is open too soon for a tenth of a millisecond would be found so. */
const config = `global
  stats socket /var/run/haproxy-runtime-api.sock mode 600 level admin

defaults main
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s

frontend fe from main
  bind :8080
  default_backend web

backend web from main
  server nomad01 ${parked.address}:${parked.port} check inter 2ms disabled
`;
const slot = 'web/nomad01';
const times = 80;

/** By the line in the image's name; one that names none is taken for a new one. */
function movesAddresses(image: string): boolean {
  const [line = '3.4'] = /\d+\.\d+$/.exec(image) ?? [];
  return capabilitiesOf({ haproxy: line, dataplane: line }).runtimeAddress;
}

forEachImage((image) => {
  describe('a slot that is filled at runtime', () => {
    let haproxy: Haproxy;
    let client: DataplaneClient;
    let apps: readonly [App, App];

    before(async () => {
      haproxy = await startHaproxy({ image, config });
      client = createDataplaneClient(haproxy.api);
      const host = haproxy.hostAddress;
      apps = [await startApp({ name: 'old', host }), await startApp({ name: 'new', host })];
    });

    after(async () => {
      for (const app of apps) await app.close();
      await haproxy.stop();
    });

    const fillWith = ({ address, port }: App): StepOf<'fill-slot'> => ({
      kind: 'fill-slot',
      service: 'default/web',
      backend: 'web',
      slot: 'nomad01',
      address,
      port,
      weight: 100,
      alloc: 'a',
    });

    if (!movesAddresses(image)) {
      it('stays where it is, though the API says 200: the lane is not used for it', async () => {
        await sendSteps(client, [fillWith(apps[0])]);
        expect((await answerOf(client.getServers('web')))[0]).to.include(parked);
      });
      return;
    }

    it('serves after one call where it was parked, and is up however often HAProxy checks it', async () => {
      const [app] = apps;
      let down = 0;
      for (let n = 0; n < times; n += 1) {
        await answerOf(client.setServerState('web', 'nomad01', 'maint'));
        await answerOf(client.setServer('web', 'nomad01', parked));
        await sendSteps(client, [fillWith(app)], new Set([slot]));
        const [server] = await answerOf(client.getServers('web'));
        expect(server).to.include({ adminState: 'ready', address: app.address, port: app.port });
        if (server?.operationalState === 'down') down += 1;
      }
      // Without a second call every sixth is; with it only what a check finds that began before and ended after the answer.
      expect(down).to.be.at.most(2);
    });

    it('stays down until HAProxy has checked it, where its lines say so', async () => {
      const { version, text } = await answerOf(client.getRaw());
      const lines = text.replace('check inter 2ms', 'check inter 5s init-state down');
      await answerOf(client.postRaw({ version, text: lines, reload: 'force' }));
      await sendSteps(client, [fillWith(apps[0])], new Set([slot]));
      const [server] = await answerOf(client.getServers('web'));
      expect(server).to.include({ adminState: 'ready', operationalState: 'down', port: apps[0].port });
      const written = await answerOf(client.getRaw());
      await answerOf(client.postRaw({ version: written.version, text, reload: 'force' }));
    });

    it('sends nothing to its old address where somebody may listen there', async () => {
      const [old, fresh] = apps;
      await answerOf(client.setServerState('web', 'nomad01', 'maint'));
      const before = old.requests();
      let done = false;
      const users = [1, 2, 3, 4].map(async () => {
        while (!done) await fetch(`http://${haproxy.port(8080)}/`).then((answer) => answer.arrayBuffer());
      });
      for (let n = 0; n < times; n += 1) {
        await answerOf(client.setServerState('web', 'nomad01', 'maint'));
        await answerOf(client.setServer('web', 'nomad01', { address: old.address, port: old.port }));
        await sendSteps(client, [fillWith(fresh)]);
      }
      done = true;
      await Promise.all(users);
      expect(old.requests()).to.equal(before);
      expect(fresh.requests()).to.be.above(0);
    });
  });
});
