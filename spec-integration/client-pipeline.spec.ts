import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { firstValueFrom, Subject } from 'rxjs';
import { createDataplaneClient, type DataplaneClient } from '../lib/haproxy/client.ts';
import { FailureError } from '../lib/model/failure.ts';
import { isRuntimeCall, startApiProxy, type ApiProxy } from './support/api-proxy.ts';
import { eventually } from './support/eventually.ts';
import { answerOf, forEachImage, startHaproxy, type Haproxy } from './support/haproxy.ts';

const config = `global
  stats socket /var/run/haproxy-runtime-api.sock mode 600 level admin

defaults main
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s

backend web from main
  server s1 127.0.0.1:1
  server s2 127.0.0.1:1
`;

forEachImage((image) => {
  describe('calls to the running process', () => {
    let haproxy: Haproxy;

    before(async () => {
      haproxy = await startHaproxy({ image, config });
    });

    after(async () => {
      await haproxy.stop();
    });

    it('are taken in their order, without waiting for each other', async () => {
      const client = createDataplaneClient(haproxy.api);
      const states = Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? 'maint' : 'ready'));
      const answers = await Promise.all(states.map((state) => answerOf(client.setServerState('web', 's1', state))));
      expect(answers.map(({ adminState }) => adminState)).to.deep.equal(states);
    });

    it('are all sent before the first is answered', async () => {
      const proxy = await startApiProxy(haproxy.api.address);
      const client = createDataplaneClient({ ...haproxy.api, address: proxy.address });
      await answerOf(client.setServerState('web', 's1', 'ready'));
      const received = new Promise<number>((resolve) => {
        proxy.before(() => {
          void setTimeout(50).then(() => {
            resolve(proxy.arrived());
          });
          return received.then(() => undefined);
        });
      });
      await Promise.all([1, 2, 3].map(() => answerOf(client.setServerState('web', 's1', 'ready'))));
      expect(await received).to.equal(4);
      await proxy.close();
    });

    it('go on behind one that is refused', async () => {
      const client = createDataplaneClient(haproxy.api);
      const [first, second, third] = await Promise.allSettled([
        answerOf(client.setServerState('web', 's1', 'maint')),
        answerOf(client.setServerState('web', 'nobody', 'maint')),
        answerOf(client.setServerState('web', 's2', 'maint')),
      ]);
      expect(first).to.nested.include({ status: 'fulfilled', 'value.adminState': 'maint' });
      expect(second).to.nested.include({ status: 'rejected', 'reason.failure.kind': 'not-found' });
      expect(third).to.nested.include({ status: 'fulfilled', 'value.adminState': 'maint' });
    });

    it('all fail when their connection breaks, are not sent twice, and the next one has a new connection', async () => {
      const proxy = await startApiProxy(haproxy.api.address);
      const client = createDataplaneClient({ ...haproxy.api, address: proxy.address });
      await answerOf(client.setServerState('web', 's1', 'ready'));
      proxy.disturb((call) => (isRuntimeCall(call) ? 'cut' : undefined));
      const cut = await Promise.allSettled([1, 2, 3].map(() => answerOf(client.setServerState('web', 's1', 'maint'))));
      for (const answer of cut) {
        expect(answer).to.nested.include({ status: 'rejected', 'reason.failure.kind': 'unreachable' });
        expect((answer as PromiseRejectedResult).reason).to.be.instanceOf(FailureError);
      }
      proxy.disturb(() => undefined);
      expect(await answerOf(client.setServerState('web', 's1', 'ready'))).to.include({ adminState: 'ready' });
      expect(proxy.arrived()).to.equal(5);
      await proxy.close();
    });

    describe('behind a read that hangs', () => {
      let proxy: ApiProxy;
      let client: DataplaneClient;
      let read: { readonly answer: Promise<unknown>; readonly leave: () => void };
      let letGo: (value?: unknown) => void;

      beforeEach(async () => {
        proxy = await startApiProxy(haproxy.api.address);
        client = createDataplaneClient({ ...haproxy.api, address: proxy.address });
        const hanging = new Promise((resolve) => (letGo = resolve));
        proxy.before((call) => (isRuntimeCall(call) ? undefined : hanging.then(() => undefined)));
        const answer = new Subject<unknown>();
        const subscription = client.getRuntimeInfo().subscribe(answer);
        read = {
          answer: firstValueFrom(answer),
          leave: () => {
            subscription.unsubscribe();
          },
        };
        await eventually(() => {
          expect(proxy.calls).to.have.length(1);
        });
      });

      afterEach(async () => {
        letGo();
        await proxy.close();
      });

      it('wait for it, as long as somebody wants its answer', async () => {
        const change = answerOf(client.setServerState('web', 's1', 'maint'));
        expect(await Promise.race([change, setTimeout(100, 'waits')])).to.equal('waits');
        letGo();
        expect(await read.answer).to.include.keys('pid');
        expect(await change).to.include({ adminState: 'maint' });
      });

      it('do not wait for it when nobody does any more', async () => {
        void read.answer.catch(() => undefined);
        read.leave();
        expect(await answerOf(client.setServerState('web', 's1', 'ready'))).to.include({ adminState: 'ready' });
        expect(proxy.arrived()).to.equal(2);
      });

      it('are not given up with it', async () => {
        void read.answer.catch(() => undefined);
        const change = answerOf(client.setServerState('web', 's1', 'maint'));
        await eventually(() => {
          expect(proxy.arrived()).to.equal(2);
        });
        read.leave();
        letGo();
        expect(await change).to.include({ adminState: 'maint' });
        expect(proxy.calls.filter(isRuntimeCall)).to.have.length(1);
      });
    });
  });
});
