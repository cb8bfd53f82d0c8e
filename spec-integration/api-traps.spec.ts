import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { FailureError } from '../lib/model/failure.ts';
import { isRawWrite } from './support/api-proxy.ts';
import type { Connector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { answerOf, configPath, forEachImage, mapsPath } from './support/haproxy.ts';
import { useWorld, type Instance } from './support/world.ts';

const couldNot = 'could not bring service to HAProxy';

forEachImage((image) => {
  describe("a trap of the Data Plane API's", () => {
    const world = useWorld(image);
    let connector: Connector | undefined;

    afterEach(async () => {
      world().proxy.before(() => undefined);
      world().proxy.disturb(() => undefined);
      await connector?.stop();
      connector = undefined;
    });

    const tagsOf = (name: string) => [`haproxy.domain=${name}.example.com`];

    async function expectServed(instance: Instance, withinMs?: number): Promise<void> {
      await eventually(async () => {
        const host = `${instance.registration.ServiceName}.example.com`;
        expect(await world().get(host)).to.deep.equal(instance.answer);
      }, withinMs);
    }

    const untilApiAnswers = () => eventually(() => answerOf(world().api.getRuntimeInfo()), 20_000);

    it('its memory is ahead of the disk after a failed reload of somebody else: our write does not bring the bad text back', async () => {
      const { connect, rewrite, config, start, api } = world();
      connector = await connect();
      const before = await answerOf(api.getVersion());
      const bad = (text: string) => text.replace('  bind :8081\n', '  bind :8081\n  bind 127.0.0.1:5555\n');
      try {
        await rewrite(bad);
        expect.fail('it was loaded');
      } catch (error) {
        expect(error).to.be.instanceOf(FailureError);
        expect((error as FailureError).failure.kind).to.equal('reload-failed');
      }
      expect(await answerOf(api.getVersion())).to.equal(before + 1);
      expect(await config()).to.not.include(':5555');
      await expectServed(await start('ahead', tagsOf('ahead')));
      expect(await config()).to.not.include(':5555');
      expect((await answerOf(api.getRaw())).text).to.not.include(':5555');
    });

    async function openTwenty(): Promise<void> {
      const { api } = world();
      const version = await answerOf(api.getVersion());
      for (let n = 0; n < 20; n += 1) await answerOf(api.startTransaction(version));
    }

    /** On 3.2 the API may abort at a call for a transaction that meets another one. */
    const deleteAll = () =>
      eventually(async () => {
        const { api } = world();
        for (const id of await answerOf(api.listTransactions())) await answerOf(api.deleteTransaction(id));
        expect(await answerOf(api.listTransactions())).to.deep.equal([]);
      });

    const append = (name: string) => (text: string) => `${text}\nbackend ${name} from main\n  balance roundrobin\n`;

    it('twenty open transactions outlive it, and it takes no more: those that nobody can commit any more are cleared away', async () => {
      const { connect, api, haproxy, rewrite, start } = world();
      connector = await connect();
      await openTwenty();
      await haproxy.kill('dataplaneapi');
      await untilApiAnswers();
      expect(await answerOf(api.listTransactions())).to.have.length(20);
      // A text that somebody else wrote is previewed first, and that takes a transaction.
      await rewrite(append('crowd'), 'skip');
      await expectServed(await start('crowded', tagsOf('crowded')), 20_000);
      expect(connector.count(couldNot)).to.equal(0);
      expect(await answerOf(api.listTransactions())).to.deep.equal([]);
    });

    it('twenty open transactions that somebody may still commit are left, and named as what is in the way', async () => {
      const { connect, rewrite, start, get } = world();
      connector = await connect();
      await expectServed(await start('steady', tagsOf('steady')));
      await rewrite(append('throng'), 'skip');
      await openTwenty();
      const held = await start('held', tagsOf('held'));
      const failure = await connector.logged(couldNot, { service: 'default/held' });
      expect(failure).to.include({ failure: 'unreachable' });
      expect(failure['what']).to.include('20 active transactions');
      expect(failure['hint']).to.include('transactions');
      expect((await get('steady.example.com')).status).to.equal(200);
      expect(await answerOf(world().api.listTransactions())).to.have.length(20);
      await deleteAll();
      await expectServed(held, 20_000);
    });

    it('a write by somebody else outdates the transaction of our preview, and then our version', async () => {
      const { connect, proxy, rewrite, start, api } = world();
      connector = await connect();
      await rewrite((text) => `${text}\nbackend early from main\n  balance roundrobin\n`, 'skip');
      let outdated = 0;
      proxy.before(async (call) => {
        if (!call.includes('transaction_id=') || outdated > 0) return;
        outdated += 1;
        await rewrite((text) => `${text}\nbackend late from main\n  balance roundrobin\n`, 'skip');
      });
      await expectServed(await start('outdated', tagsOf('outdated')));
      expect(outdated).to.equal(1);
      expect(connector.count(couldNot)).to.equal(0);
      expect(await world().config())
        .to.match(/^backend late /m)
        .and.match(/^backend early /m);
      expect(await answerOf(api.listTransactions())).to.deep.equal([]);
    });

    it('somebody else ends the transaction of our preview: it is made again', async () => {
      const { connect, proxy, rewrite, start, api } = world();
      connector = await connect();
      await rewrite(append('before'), 'skip');
      let ended = 0;
      proxy.before(async (call) => {
        const [, id] = /transaction_id=([\w-]+)/.exec(call) ?? [];
        if (id === undefined || ended > 0) return;
        ended += 1;
        await answerOf(api.deleteTransaction(id));
      });
      await expectServed(await start('ended', tagsOf('ended')));
      expect(ended).to.equal(1);
      expect(connector.count(couldNot)).to.equal(0);
    });

    it('killed in the middle of a reload of ours it forgets that one: the next reading reloads', async () => {
      const { connect, proxy, haproxy, start } = world();
      connector = await connect();
      let killed: Promise<string> | undefined;
      proxy.before(async (call) => {
        if (!isRawWrite(call) || killed !== undefined) return;
        const written = `until grep -q '^backend cutoff ' ${configPath}; do :; done`;
        killed = haproxy.exec('timeout', '20', 'sh', '-c', `${written}; pkill -KILL -x dataplaneapi`);
        await setTimeout(300);
      });
      await expectServed(await start('cutoff', tagsOf('cutoff')), 40_000);
      await killed;
      // The API's own, for the write that it was killed in.
      await deleteAll();
    });

    it('killed before a reload that it had promised, it knows nothing of it any more: what we need of that text is loaded', async () => {
      const { connect, haproxy, start, config, proxy, rebase } = world();
      connector = await connect();
      const { address, username, password } = haproxy.api;
      const headers = { authorization: `Basic ${btoa(`${username}:${password}`)}`, 'content-type': 'text/plain' };
      const api = `${address}/v3/services/haproxy`;
      let attempts = 0;
      let promise = '';
      // It reloads within a second: whether it is killed before that is a matter of luck.
      await eventually(async () => {
        attempts += 1;
        const body = append(`promised${attempts}`)(await config());
        const version = /^# _version=(\d+)$/m.exec(body)?.[1] ?? '';
        const url = `${api}/configuration/raw?version=${version}`;
        const { status, headers: answer } = await fetch(url, { method: 'POST', headers, body });
        await haproxy.kill('dataplaneapi');
        await untilApiAnswers();
        expect(status).to.equal(202);
        promise = answer.get('reload-id') ?? '';
        expect(await haproxy.socat('show backend')).to.not.include(`promised${attempts}\n`);
      }, 40_000);
      expect((await fetch(`${api}/reloads/${promise}`, { headers })).status).to.equal(404);
      await rebase();
      const custom = ['haproxy.backend=custom', `haproxy.backend.name=promised${attempts}`, ...tagsOf('waiting')];
      await expectServed(await start('waiting', custom), 20_000);
      expect(proxy.calls.filter((call) => call.includes('/reloads'))).to.deep.equal([]);
    });

    it('more rows at once than it takes in one call all arrive, in the process and in the file', async () => {
      const { connect, haproxy, start, get } = world();
      connector = await connect();
      const services = ['many1', 'many2', 'many3', 'many4', 'many5', 'many6'];
      const instances: Instance[] = [];
      for (const service of services) instances.push(await start(service, tagsOf(service)));
      for (const instance of instances) await expectServed(instance);
      const domainsOf = (service: string) =>
        Array.from({ length: 90 }, (_, n) => `${String(n).padStart(3, '0')}.${service}.rows.example.com`);
      for (const instance of instances) {
        const service = instance.registration.ServiceName;
        instance.change({ Tags: ['haproxy.enable=true', `haproxy.domain=${domainsOf(service).join(',')}`] });
      }
      const total = services.length * 90;
      await eventually(async () => {
        const rows = await haproxy.socat(`show map ${mapsPath}/nomad-exact.map`);
        expect(rows.match(/\.rows\.example\.com many/g)).to.have.length(total);
        const file = await haproxy.file(`${mapsPath}/nomad-exact.map`);
        expect(file.match(/\.rows\.example\.com many/g)).to.have.length(total);
      });
      for (const [n, service] of services.entries())
        expect(await get(domainsOf(service).at(-1)!)).to.deep.equal(instances[n]!.answer);
    });

    it('a file that was edited and that it has not read yet is waited for, and the edit is kept', async () => {
      const { connect, proxy, haproxy, start, config, rebase } = world();
      connector = await connect();
      await expectServed(await start('racing', tagsOf('racing')));
      let edits = 0;
      proxy.before(async (call) => {
        if (call !== 'GET /v3/services/haproxy/configuration/raw' || edits > 0) return;
        edits += 1;
        await haproxy.exec(
          'sh',
          '-c',
          `printf '\\nbackend edited from main\\n  balance roundrobin\\n' >> ${configPath}`,
        );
      });
      await expectServed(await start('racer', tagsOf('racer')), 20_000);
      expect(edits).to.equal(1);
      expect(await config()).to.match(/^backend edited /m);
      await rebase();
    });
  });
});
