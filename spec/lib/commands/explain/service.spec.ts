import { expect } from 'chai';
import { lastValueFrom } from 'rxjs';
import { foldFacts, isAsked } from '../../../../lib/commands/explain/find.ts';
import { explainText } from '../../../../lib/commands/explain/output.ts';
import { explainService } from '../../../../lib/commands/explain/service.ts';
import { loadConfig } from '../../../../lib/config.ts';
import type { Event, Job, ServiceKey } from '../../../../lib/model/events.ts';
import { enabled, job, jobCheck, registration, snapshot, tagged } from '../../../support/given.ts';

const domain = 'haproxy.domain=shop.example.com';

async function explained(event: Event, key: ServiceKey = 'default/web', before: readonly Event[] = []) {
  const loaded = loadConfig({ env: {}, needsHaproxy: false });
  if ('errors' in loaded) throw new Error(JSON.stringify(loaded.errors));
  const catalog = await lastValueFrom(foldFacts([...before, event], loaded.config));
  const service = catalog.services.get(key);
  return service && explainService(catalog, service);
}

describe('isAsked', () => {
  it('takes a name in every namespace, and a key in one', () => {
    expect(isAsked('web', 'default/web')).to.equal(true);
    expect(isAsked('web', 'shop/web')).to.equal(true);
    expect(isAsked('shop/web', 'shop/web')).to.equal(true);
    expect(isAsked('shop/web', 'default/web')).to.equal(false);
    expect(isAsked('we', 'default/web')).to.equal(false);
    expect(isAsked('a/b', 'default/a/b')).to.equal(true);
  });
});

describe('explainService', () => {
  it('tells instances, and where their checks come from', async () => {
    const block = { checks: [jobCheck({ path: '/health' })] };
    const said = await explained(
      snapshot(
        [
          registration({ port: 1 }),
          registration({ port: 2, tags: [enabled, 'haproxy.check.path=/tag', 'haproxy.weight=7'] }),
          registration({ port: 3, service: 'other', address: '' }),
        ],
        [job({}, block)],
      ),
    );
    const told = said?.instances.map(({ endpoint, weight, check, checkFrom }) => [endpoint, weight, check, checkFrom]);
    const http = { kind: 'http', method: 'GET', intervalMs: 10_000 };
    expect(told).to.deep.equal([
      ['10.0.0.1:1', 100, { ...http, path: '/health' }, 'job'],
      ['10.0.0.1:2', 7, { ...http, path: '/tag' }, 'tags'],
    ]);
    expect(said?.instances[0]).to.include({ allocation: 'alloc-1', node: 'node-1', managed: true });
    expect(said?.tags.map(({ allocations }) => allocations)).to.deep.equal([['alloc-1'], ['alloc-2']]);
  });

  describe('in the middle of a deployment', () => {
    const version = (modifyIndex: number, path: string, earlier?: readonly Job[]): Job =>
      job(
        { modifyIndex, stable: earlier === undefined, ...(earlier && { earlier }) },
        { checks: [jobCheck({ path })] },
      );
    const jobs = [version(20, '/new', [version(5, '/old')])];
    const made = (...indexes: readonly number[]) =>
      indexes.map((createIndex) => registration({ port: createIndex, createIndex }));

    it('tells which version of the job counts, and that each instance is asked as its own says', async () => {
      const said = await explained(snapshot(made(10, 11, 21), jobs));
      expect(said?.wish?.check).to.include({ path: '/old' });
      expect(said?.instances.map(({ check }) => 'path' in check && check.path)).to.deep.equal(['/old', '/old', '/new']);
      expect(said?.pending).to.deep.equal({ newest: 20, counts: 5, instances: 1, of: 3 });
      expect(explainText({ service: 'default/web', nomad: said! }, 'here')).to.include(
        'job: its version of index 5 counts; the checks of the newest (index 20) do once most instances are of it (now 1 of 3)',
      );
    });

    it('tells nothing of it where the newest counts', async () => {
      const said = await explained(snapshot(made(10, 21, 22), jobs));
      expect(said?.wish?.check).to.include({ path: '/new' });
      expect(said).to.not.have.property('pending');
    });
  });

  it('has one explanation of tags for all instances that have the same', async () => {
    const said = await explained(snapshot([registration({ port: 1 }), registration({ port: 2 })]));
    expect(said?.tags.map(({ allocations }) => allocations)).to.deep.equal([['alloc-1', 'alloc-2']]);
    expect(said?.instances.map(({ checkFrom }) => checkFrom)).to.deep.equal(['default', 'default']);
  });

  it('tells who has a domain, and why', async () => {
    const later = registration({ service: 'api', port: 2, tags: [enabled, domain], createIndex: 20 });
    const event = snapshot([tagged(domain), later], [job({ createIndex: 5 }), job({ id: 'api', createIndex: 9 })]);
    const [claim, backend] = (await explained(event, 'default/api'))?.claims ?? [];
    expect(claim).to.deep.equal({
      what: { map: 'exact', key: 'shop.example.com' },
      holder: 'default/web',
      why: 'its job was there first, since index 5; that of default/api since 9',
      claimants: [
        { service: 'default/web', since: 5 },
        { service: 'default/api', since: 9 },
      ],
    });
    expect(backend).to.deep.include({ what: { backend: 'api' }, holder: 'default/api', why: 'nobody else claims it' });
    const asOld = snapshot([tagged(domain), later], [job({ createIndex: 5 }), job({ id: 'api', createIndex: 5 })]);
    expect((await explained(asOld))?.claims[0]?.why).to.equal(
      'its job is as old as that of default/web, and its name comes first',
    );
  });

  it('lists a domain that is lost under problems, and says so at its tag', async () => {
    const later = registration({ service: 'api', port: 2, tags: [enabled, domain], createIndex: 20 });
    const event = snapshot([tagged(domain), later], [job({ createIndex: 5 }), job({ id: 'api', createIndex: 9 })]);
    const nomad = await explained(event, 'default/api');
    const claim = 'exact domain shop.example.com';
    expect(nomad?.problems).to.deep.equal([{ subject: claim, text: 'is held by default/web, which was there first' }]);
    expect(explainText({ service: 'default/api', ...(nomad && { nomad }) }, '')).to.include(
      `    ${domain}: used, but ${claim} is held by default/web, which was there first\n`,
    );
  });

  it('takes every instance for one that serves', async () => {
    const said = await explained(
      snapshot([
        registration({ port: 1, tags: [enabled, 'haproxy.balance=first'] }),
        registration({ port: 2, tags: [enabled, 'haproxy.balance=first'] }),
        registration({ port: 3, createIndex: 30 }),
      ]),
    );
    expect(said?.wish?.balance).to.equal('first');
    expect(said?.problems.map(({ subject }) => subject)).to.deep.equal(['tags']);
  });

  it('says of a service without tags of ours that it is not managed', async () => {
    const said = await explained(snapshot([registration({ tags: ['urlprefix-/'] })]));
    expect(said).to.include({ managed: false }).and.not.have.property('wish');
    expect(said?.tags[0]?.others).to.deep.equal(['urlprefix-/']);
  });

  it('leaves out what has no living allocation', async () => {
    const { id, namespace, service, createIndex } = registration({ port: 1 });
    const ghosts: Event = { kind: 'ghosts-seen', ghosts: [{ id, namespace, service, createIndex }] };
    const event = snapshot([registration({ port: 1 }), registration({ port: 2 })]);
    expect((await explained(event, 'default/web', [ghosts]))?.instances).to.have.length(1);
  });
});
