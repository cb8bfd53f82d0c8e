import { expect } from 'chai';
import type { Connector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { forEachImage } from './support/haproxy.ts';
import { noRoute, useWorld, type Instance } from './support/world.ts';

const couldNot = 'could not bring service to HAProxy';
const isValidation = (call: string) => call.includes('only_validate');

forEachImage((image) => {
  describe('a service that HAProxy refuses, among many in one commit', () => {
    const world = useWorld(image);
    let connector: Connector | undefined;

    afterEach(async () => {
      await connector?.stop();
      connector = undefined;
    });

    const tagsOf = (name: string) => [`haproxy.domain=${name}.example.com`];

    async function startAll(names: readonly string[]): Promise<readonly Instance[]> {
      const instances: Instance[] = [];
      for (const name of names) instances.push(await world().start(name, tagsOf(name)));
      return instances;
    }

    async function expectAnswers(instances: readonly Instance[]): Promise<void> {
      await eventually(async () => {
        for (const { registration, answer } of instances)
          expect(await world().get(`${registration.ServiceName}.example.com`)).to.deep.equal(answer);
      });
    }

    const custom = (name: string, backend: string) =>
      world().start(name, ['haproxy.backend=custom', `haproxy.backend.name=${backend}`, ...tagsOf(name)]);

    it('is left out with its rows, named in the words of HAProxy, and taken in when the text it clashed with changes', async () => {
      const { rewrite, connect, get, states, haproxy, proxy } = world();
      // Its settings make HAProxy refuse any server, and it has none yet.
      await rewrite((text) => `${text}\nbackend secure from main\n  default-server ssl verify required\n`);
      const fine = await startAll(['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta']);
      const refused = await custom('refused', 'secure');
      const reloads = await haproxy.reloads();
      connector = await connect();
      await expectAnswers(fine);
      expect(await haproxy.reloads()).to.equal(reloads + 1);
      const { what } = await connector.logged(couldNot, { service: 'default/refused', failure: 'rejected' });
      expect(what).to.include('CA');
      expect(connector.count(couldNot)).to.equal(1);
      expect(await get('refused.example.com')).to.deep.equal(noRoute);
      expect(await states('secure')).to.deep.equal({});
      expect(proxy.calls.filter(isValidation).length).to.be.within(2, 12);

      await rewrite((text) => text.replace(/^ {2}default-server ssl .*\n/m, ''));
      await expectAnswers([refused]);
    });

    it('is tried again when it changes itself, and not because others do', async () => {
      const { rewrite, connect, proxy } = world();
      await rewrite((text) => `${text}\nbackend strict from main\n  default-server ssl verify required\n`);
      connector = await connect();
      const stubborn = await custom('stubborn', 'strict');
      await connector.logged(couldNot, { service: 'default/stubborn', failure: 'rejected' });
      const validations = proxy.calls.filter(isValidation).length;
      await expectAnswers(await startAll(['lambda']));
      expect(proxy.calls.filter(isValidation)).to.have.length(validations);
      stubborn.change({ Tags: ['haproxy.enable=true', ...tagsOf('stubborn')] });
      await expectAnswers([stubborn]);
      expect(connector.count(couldNot)).to.equal(1);
    });

    it('may be one of several, each with its own reason', async () => {
      const { rewrite, connect, get, haproxy } = world();
      const backends = ['\nbackend secured from main', '  default-server ssl verify required'];
      const others = ['\nbackend resolved from main', '  default-server resolvers nowhere\n'];
      await rewrite((text) => text + [...backends, ...others].join('\n'));
      const fine = await startAll(['iota', 'kappa', 'mu']);
      await custom('one', 'resolved');
      await custom('two', 'secured');
      const reloads = await haproxy.reloads();
      connector = await connect();
      await expectAnswers(fine);
      expect(await haproxy.reloads()).to.equal(reloads + 1);
      const one = await connector.logged(couldNot, { service: 'default/one', failure: 'rejected' });
      const two = await connector.logged(couldNot, { service: 'default/two', failure: 'rejected' });
      expect(one['what']).to.include('nowhere').and.not.include('CA');
      expect(two['what']).to.include('CA').and.not.include('nowhere');
      expect(await get('one.example.com')).to.deep.equal(noRoute);
      expect(await get('two.example.com')).to.deep.equal(noRoute);
    });
  });
});
