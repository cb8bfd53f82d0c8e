import { expect } from 'chai';
import fc from 'fast-check';
import { createCatalog, foldEvent, noteEvent } from '../../../lib/model/catalog.ts';
import type { Event, Job, Mark, Registration, ServiceKey } from '../../../lib/model/events.ts';
import { isManaged, type Service, type ServiceChange } from '../../../lib/model/service.ts';
import {
  accepted,
  admitted,
  deregistered,
  enabled,
  given,
  job,
  jobCheck,
  jobRegistered,
  keeping,
  readRecording,
  recordings,
  registered,
  registration,
  snapshot,
} from '../../support/given.ts';

const web = registration();
const second = registration({ port: 8002, createIndex: 20 });
const empty = snapshot([]);
const withDomain = (service: string, createIndex: number, ...tags: readonly string[]): Registration =>
  registration({ service, createIndex, tags: [enabled, 'haproxy.domain=a.com', ...tags] });

/** `web: 1 of 2` - one of two instances is admitted. */
function sizes(service: Service | undefined): string {
  if (service === undefined) return '-';
  return `${service.instances.filter((one) => one.admitted).length} of ${service.instances.length}`;
}
const textOf = ({ key, before, after }: ServiceChange) => `${key}: ${sizes(before)} -> ${sizes(after)}`;
const textsOf = (changes: readonly ServiceChange[]) => changes.map(textOf);
const pathOf = (service: Service | undefined) =>
  service?.wish?.check.kind === 'http' ? service.wish.check.path : service?.wish?.check.kind;

describe('foldEvent', () => {
  describe('before the first snapshot', () => {
    it('tells of nothing', () => {
      const before = given();
      for (const event of [
        registered(web),
        admitted(web),
        jobRegistered(job()),
        deregistered(second),
        registered(second),
        deregistered(second),
        { kind: 'snapshot-probed' },
        { kind: 'job-deregistered', index: 1, namespace: 'default', id: 'web' },
      ] satisfies readonly Event[]) {
        expect(before.changes(event), event.kind).to.deep.equal([]);
      }
    });

    it('keeps who was admitted', () => {
      expect(textsOf(given(registered(web), admitted(web)).changes(snapshot([web, second])))).to.deep.equal([
        'default/web: - -> 1 of 2',
      ]);
    });
  });

  describe('with the first snapshot', () => {
    it('tells of every service, managed or not, and marks the changes as one batch', () => {
      const other = registration({ service: 'db', port: 5432, tags: [] });
      const changes = given().changes(snapshot([web, second, other]));
      expect(textsOf(changes)).to.deep.equal(['default/web: - -> 0 of 2', 'default/db: - -> 0 of 1']);
      expect(changes.map(({ snapshot: marked }) => marked)).to.deep.equal([true, true]);
      expect(changes.map(isManaged)).to.deep.equal([true, false]);
    });

    it('tells of very many, too', () => {
      const all = Array.from({ length: 150_000 }, (_, n) => registration({ service: `s${n}`, port: 1 }));
      expect(foldEvent(createCatalog('haproxy'), snapshot(all))).to.have.length(150_000);
    });

    it('tells nothing of an empty cluster', () => {
      expect(given().changes(empty)).to.deep.equal([]);
    });
  });

  describe('with marks of an earlier run', () => {
    const mark = (over: Partial<Mark> = {}): Mark => ({
      service: 'default/web',
      backend: 'web',
      owned: true,
      routes: [],
      ...over,
    });
    const found = (...marks: readonly Mark[]): Event => ({ kind: 'marks-found', marks });

    it('tells of a service that went meanwhile, as what it was', () => {
      const routes = [{ map: 'exact', key: 'a.com' }] as const;
      const [change, ...others] = given(found(mark({ routes }))).changes(empty);
      expect(others).to.deep.equal([]);
      expect(change).to.deep.include({ key: 'default/web', snapshot: true });
      expect(change?.after).to.equal(undefined);
      expect(change?.before).to.deep.include({ namespace: 'default', name: 'web', instances: [] });
      expect(change?.before?.wish).to.deep.include({ kind: 'dynamic', backend: 'web', routes });
      expect(isManaged(change!)).to.equal(true);
    });

    it('tells of slots in the backend of somebody else as a custom service', () => {
      const [change] = given(found(mark({ backend: 'legacy', owned: false }))).changes(empty);
      expect(change?.before?.wish).to.deep.include({ kind: 'custom', backend: 'legacy' });
    });

    it('gives a service that is still there its earlier state as before', () => {
      const [change] = given(found(mark({ backend: 'old_web' }))).changes(snapshot([web]));
      expect(change?.before?.wish?.backend).to.equal('old_web');
      expect(change?.after?.wish?.backend).to.equal('web');
    });

    it('does not count rows that somebody claims now', () => {
      const routes = ['a.com', 'b.com'].map((key) => ({ map: 'exact', key }) as const);
      const changes = given(found(mark({ routes }))).changes(snapshot([withDomain('shop', 10)]));
      const gone = changes.find(({ key }) => key === 'default/web');
      expect(gone?.before?.wish?.routes).to.deep.equal([{ map: 'exact', key: 'b.com' }]);
    });

    it('collects the rows of all backends of a service', () => {
      const marks = ['a.com', 'b.com'].map((key) =>
        mark({ backend: key.slice(0, 1), owned: key === 'a.com', routes: [{ map: 'exact', key }] }),
      );
      const [change] = given(found(...marks)).changes(empty);
      expect(change?.before?.wish?.routes.map(({ key }) => key)).to.deep.equal(['a.com', 'b.com']);
    });

    it('tells of one that is to be kept once a later snapshot does not say so any more', () => {
      const kept = given(found(mark(), mark({ service: 'default/db', backend: 'db' })), keeping(['default/web']));
      expect(textsOf(kept.changes(keeping(['default/web'])))).to.deep.equal([]);
      const [change, ...others] = kept.changes(empty);
      expect(others).to.deep.equal([]);
      expect(change).to.deep.include({ key: 'default/web', snapshot: true });
      expect(change?.before?.wish?.backend).to.equal('web');
      expect(change?.after).to.equal(undefined);
      expect(kept.changes(empty)).to.deep.equal([]);
    });

    it('tells of one that was kept when an operator lets it go', () => {
      const kept = given(found(mark()), keeping(['default/web']));
      const [change] = kept.changes(accepted('default/web'));
      expect(change?.before?.wish?.backend).to.equal('web');
      expect(change?.after).to.equal(undefined);
      expect(kept.changes(accepted('default/web'))).to.deep.equal([]);
    });

    it('gives one that was kept and came back its earlier state as before, so that old rows go', () => {
      const routes = [{ map: 'exact', key: 'a.com' }] as const;
      const kept = given(found(mark({ routes })), keeping(['default/web']), registered(web));
      const [change] = kept.changes(snapshot([web]));
      expect(change?.before?.wish?.routes).to.deep.equal(routes);
      expect(sizes(change?.after)).to.equal('0 of 1');
    });

    it('tells of them once', () => {
      expect(given(found(mark()), empty).changes(empty)).to.deep.equal([]);
    });
  });

  describe('with services that are missing and to be kept', () => {
    const db = registration({ service: 'db', port: 5432 });
    const both = given(snapshot([web, db]), admitted(web), admitted(db));

    it('leaves them as they are, admissions too, and applies the rest of the snapshot', () => {
      expect(textsOf(both.changes(keeping(['default/db'], web, second)))).to.deep.equal([
        'default/web: 1 of 1 -> 1 of 2',
      ]);
      expect(sizes(both.service('default/db'))).to.equal('1 of 1');
    });

    it('takes an event about them', () => {
      const other = registration({ service: 'db', port: 5433, createIndex: 20 });
      expect(textsOf(both.changes(registered(other)))).to.deep.equal(['default/db: 1 of 1 -> 1 of 2']);
      expect(textsOf(both.changes(deregistered(other)))).to.deep.equal(['default/db: 1 of 2 -> 1 of 1']);
    });

    it('removes them by the next snapshot that does not keep them', () => {
      expect(textsOf(both.changes(snapshot([web, second])))).to.deep.equal(['default/db: 1 of 1 -> -']);
    });

    it('removes those, and only those, that an operator lets go', () => {
      const kept = given(snapshot([web, db]), keeping(['default/web', 'default/db']));
      expect(textsOf(kept.changes(accepted('default/db')))).to.deep.equal(['default/db: 0 of 1 -> -']);
      expect(kept.changes(accepted('default/db', 'default/unknown'))).to.deep.equal([]);
      expect(sizes(kept.service())).to.equal('0 of 1');
    });
  });

  describe('for one service', () => {
    const cases: readonly (readonly [
      what: string,
      before: readonly Event[],
      event: Event,
      change: string | undefined,
    ])[] = [
      ['the first registration', [], registered(web), 'default/web: - -> 0 of 1'],
      ['a second one', [registered(web)], registered(second), 'default/web: 0 of 1 -> 0 of 2'],
      ['an admission', [registered(web)], admitted(web), 'default/web: 0 of 1 -> 1 of 1'],
      ['a deregistration', [registered(web), registered(second)], deregistered(web), 'default/web: 0 of 2 -> 0 of 1'],
      ['the last deregistration', [registered(web)], deregistered(web), 'default/web: 0 of 1 -> -'],
      [
        'another port of the same registration, which has to be admitted anew',
        [registered(web), admitted(web)],
        registered({ ...web, port: 9 }),
        'default/web: 1 of 1 -> 0 of 1',
      ],
      [
        'another weight, without a new admission',
        [registered(web), admitted(web)],
        registered({ ...web, tags: [enabled, 'haproxy.weight=1'] }),
        'default/web: 1 of 1 -> 1 of 1',
      ],
      ['a registration it has', [registered(web)], registered(web), undefined],
      ['tags that are not ours', [registered(web)], registered({ ...web, tags: [enabled, 'v2'] }), undefined],
      ['an admission it has', [registered(web), admitted(web)], admitted(web), undefined],
      ['an admission at another port', [registered(web)], admitted({ ...web, port: 9 }), undefined],
      ['an admission of an unknown instance', [], admitted(web), undefined],
      ['a deregistration of an unknown instance', [], deregistered(web), undefined],
      ['snapshot-probed', [registered(web)], { kind: 'snapshot-probed' }, undefined],
      ['a job that changes nothing', [registered(web)], jobRegistered(job()), undefined],
    ];
    for (const [what, before, event, change] of cases) {
      it(`${change === undefined ? 'tells nothing of' : 'tells of'} ${what}`, () => {
        const changes = given(empty, ...before).changes(event);
        expect(textsOf(changes)).to.deep.equal(change === undefined ? [] : [change]);
        for (const one of changes) expect(one).not.to.have.property('snapshot');
      });
    }

    it('tells of the tags being taken away, so that what was made for them can go', () => {
      const [change] = given(snapshot([web])).changes(registered({ ...web, tags: [] }));
      expect(change?.before?.wish).not.to.equal(undefined);
      expect(change?.after?.wish).to.equal(undefined);
      expect(isManaged(change!)).to.equal(true);
    });

    it('keeps namespaces apart', () => {
      const prod = registration({ namespace: 'prod' });
      const catalog = given(snapshot([web, prod]));
      expect(textsOf(catalog.changes(deregistered(prod)))).to.deep.equal(['prod/web: 0 of 1 -> -']);
      expect(catalog.service()?.instances).to.have.length(1);
    });

    describe('with one id under two names', () => {
      const one = registration({ id: '_nomad-task-alloc-a-b-c-http', service: 'b-c', port: 1 });
      const two = { ...one, service: 'c', port: 2, modifyIndex: 20 };
      const keysOf = (...events: readonly Event[]) =>
        given(empty, ...events)
          .services()
          .map(({ key }) => key);

      it('has it in the one that was told last', () => {
        expect(keysOf(registered(one), registered(two))).to.deep.equal(['default/c']);
        expect(keysOf(registered(one), registered(two), registered(one))).to.deep.equal(['default/b-c']);
      });

      it('has it in none once it is deregistered, by either name, and nobody else is gone with it', () => {
        const other = registration({ service: 'c', port: 9 });
        for (const name of [one, two]) {
          expect(keysOf(registered(one), registered(two), deregistered(name))).to.deep.equal([]);
          const events = [registered(other), registered(two), registered(one), deregistered(name), deregistered(two)];
          expect(keysOf(...events)).to.deep.equal(['default/c']);
        }
      });
    });

    it('follows a port label that is renamed: another id, the same allocation', () => {
      const renamed = { ...web, id: `${web.id}-v2`, port: 9000, createIndex: 30, modifyIndex: 30 };
      const catalog = given(snapshot([web]), admitted(web), registered(renamed), admitted(renamed));
      expect(textsOf(catalog.changes(deregistered(web)))).to.deep.equal(['default/web: 2 of 2 -> 1 of 1']);
      expect(catalog.service()?.instances[0]?.registration.id).to.equal(renamed.id);
    });
  });

  describe('with a later snapshot', () => {
    it('tells of what differs, and only of that', () => {
      const db = registration({ service: 'db', port: 5432 });
      const catalog = given(snapshot([web, db]), admitted(web));
      const changes = catalog.changes(snapshot([web, second, db]));
      expect(textsOf(changes)).to.deep.equal(['default/web: 1 of 1 -> 1 of 2']);
      expect(changes[0]?.snapshot).to.equal(true);
      expect(textsOf(catalog.changes(snapshot([web, second])))).to.deep.equal(['default/db: 0 of 1 -> -']);
    });

    describe('what is told again', () => {
      const known = registration({ tags: [enabled, 'haproxy.domain=a.com'] });
      const events: readonly (readonly [what: string, event: Event, isNews: boolean])[] = [
        ['a registration', registered({ ...known, tags: [...known.tags] }), false],
        ['a registration with another tag', registered({ ...known, tags: [enabled, 'haproxy.domain=b.com'] }), true],
        ['a registration with one tag less', registered({ ...known, tags: [enabled] }), true],
        ['a registration at another port', registered({ ...known, port: 8002 }), true],
        ['a registration on another node', registered({ ...known, node: 'node-2' }), true],
        ['a later registration of the same id', registered({ ...known, createIndex: 11 }), true],
        ['a job', jobRegistered(job()), false],
        ['a job with another text', jobRegistered(job({ modifyIndex: 6 })), true],
        ['a job with a deployment that has succeeded', jobRegistered(job({ stable: false })), true],
        ['a job with another count', jobRegistered(job({}, { count: 3 })), true],
      ];
      for (const [what, event, isNews] of events) {
        it(`${isNews ? 'has the service folded anew for' : 'costs a look where it is'} ${what}`, () => {
          const catalog = createCatalog('haproxy');
          foldEvent(catalog, snapshot([known], [job()]));
          noteEvent(catalog, event);
          expect([...catalog.touched.keys()]).to.deep.equal(isNews ? ['default/web'] : []);
        });
      }
    });

    it('keeps an instance admitted at the same id, address and port only', () => {
      const catalog = given(snapshot([web, second]), admitted(web), admitted(second));
      expect(textsOf(catalog.changes(snapshot([web, { ...second, port: 9 }])))).to.deep.equal([
        'default/web: 2 of 2 -> 1 of 2',
      ]);
    });

    it('does not tell of a claim that only passed through other hands on the way', () => {
      const [a, b] = [withDomain('a', 10), withDomain('b', 20)];
      const catalog = given(snapshot([a, b]));
      expect(catalog.changes(snapshot([b, a]))).to.deep.equal([]);
    });

    it('tells each service once, from what it was before', () => {
      const [a, b] = [withDomain('a', 10), withDomain('b', 20)];
      const changes = given(snapshot([b, a])).changes(snapshot([{ ...b, tags: [...b.tags, 'haproxy.maxconn=5'] }]));
      expect(textsOf(changes)).to.have.members(['default/a: 0 of 1 -> -', 'default/b: 0 of 1 -> 0 of 1']);
      const of = changes.find(({ key }) => key === 'default/b')!;
      expect([of.before?.denials.length, of.after?.denials.length]).to.deep.equal([1, 0]);
    });
  });

  describe('settles who has a domain, or a backend', () => {
    const holder = (catalog: ReturnType<typeof given>, ...keys: readonly ServiceKey[]) =>
      keys.filter((key) => catalog.service(key)?.denials.length === 0);

    it('by the lower creation index of the job', () => {
      const [young, old] = [withDomain('a', 10), withDomain('b', 5)];
      const jobs = [job({ id: 'a', createIndex: 200 }), job({ id: 'b', createIndex: 100 })];
      const catalog = given(snapshot([young, old], jobs));
      expect(holder(catalog, 'default/a', 'default/b')).to.deep.equal(['default/b']);
      expect(catalog.service('default/a')?.denials).to.deep.equal([
        { claim: 'exact domain a.com', holder: 'default/b' },
      ]);
    });

    it('by that of the registration where no job is known', () => {
      const catalog = given(snapshot([withDomain('a', 10), withDomain('b', 5)]));
      expect(holder(catalog, 'default/a', 'default/b')).to.deep.equal(['default/b']);
    });

    it('by the key in a draw', () => {
      const catalog = given(snapshot([withDomain('b', 10), withDomain('a', 10)]));
      expect(holder(catalog, 'default/a', 'default/b')).to.deep.equal(['default/a']);
    });

    it('tells the other one when the holder leaves, and first, so that the row is never missing', () => {
      const catalog = given(snapshot([withDomain('a', 1), withDomain('b', 2)]));
      const changes = catalog.changes(deregistered(withDomain('a', 1)));
      expect(textsOf(changes)).to.deep.equal(['default/b: 0 of 1 -> 0 of 1', 'default/a: 0 of 1 -> -']);
      expect(changes[0]?.after?.denials).to.deep.equal([]);
    });

    it('tells the other one when the holder drops the domain', () => {
      const catalog = given(snapshot([withDomain('a', 1), withDomain('b', 2)]));
      expect(textsOf(catalog.changes(registered({ ...withDomain('a', 1), tags: [enabled] })))).to.have.length(2);
      expect(holder(catalog, 'default/a', 'default/b')).to.deep.equal(['default/a', 'default/b']);
    });

    it('tells the holder when somebody with an older right comes', () => {
      const catalog = given(snapshot([withDomain('b', 10)]));
      const changes = catalog.changes(registered(withDomain('a', 5)));
      expect(changes.map(({ key }) => key)).to.deep.equal(['default/a', 'default/b']);
      expect(holder(catalog, 'default/a', 'default/b')).to.deep.equal(['default/a']);
    });

    it('follows the right of a job that is purged and registered again in place', () => {
      const jobs = [job({ id: 'a', createIndex: 100 }), job({ id: 'b', createIndex: 200 })];
      const catalog = given(snapshot([withDomain('a', 1), withDomain('b', 2)], jobs));
      const changes = catalog.changes(jobRegistered(job({ id: 'a', createIndex: 300 })));
      expect(changes.map(({ key }) => key)).to.have.members(['default/a', 'default/b']);
      expect(holder(catalog, 'default/a', 'default/b')).to.deep.equal(['default/b']);
    });

    it('holds a backend name like a domain, but not one that somebody else wrote', () => {
      const named = (service: string, kind: string) =>
        registration({ service, tags: [enabled, 'haproxy.backend.name=shop', `haproxy.backend=${kind}`] });
      const dynamic = given(snapshot([named('a', 'dynamic'), named('b', 'dynamic')]));
      expect(dynamic.service('default/b')?.denials).to.deep.equal([{ claim: 'backend shop', holder: 'default/a' }]);
      const custom = given(snapshot([named('a', 'custom'), named('b', 'custom')]));
      expect(custom.service('default/b')?.denials).to.deep.equal([]);
    });

    it('lets exact, prefix and regex of one text stand beside each other', () => {
      const catalog = given(snapshot([withDomain('a', 1), withDomain('b', 2, 'haproxy.domain.type=prefix')]));
      expect(holder(catalog, 'default/a', 'default/b')).to.have.length(2);
    });

    it('also between hundreds that want the same hundred domains, in no time', () => {
      const catalog = createCatalog('haproxy');
      foldEvent(catalog, empty);
      const domains = Array.from({ length: 100 }, (_, n) => `d${n}.com`).join(',');
      const startedAt = performance.now();
      for (let n = 1; n <= 200; n += 1) {
        const one = registration({ service: `s${n}`, createIndex: n, tags: [enabled, `haproxy.domain=${domains}`] });
        expect(foldEvent(catalog, registered(one))).to.have.length(1);
      }
      expect(catalog.services.get('default/s200')?.denials).to.have.length(100);
      expect(performance.now() - startedAt).to.be.below(4000);
    });
  });

  describe('follows the checks of a job', () => {
    const version = (modifyIndex: number, path: string, stable = false): Job =>
      job({ modifyIndex, stable }, { checks: [jobCheck({ path })] });
    const first = version(5, '/old', true);
    const at = (port: number, createIndex: number) => registration({ port, createIndex });
    const other = (id: string, createIndex = 5): Job =>
      job(
        { id, createIndex, modifyIndex: createIndex },
        { name: 'web', group: 'web', checks: [jobCheck({ path: `/${id}` })] },
      );

    it('takes them from the job of the snapshot, or of an event', () => {
      expect(pathOf(given(snapshot([web], [first])).service())).to.equal('/old');
      expect(pathOf(given(snapshot([web]), jobRegistered(first)).service())).to.equal('/old');
    });

    it('keeps the last known ones when a job cannot be read, or is deregistered before its instances', () => {
      const catalog = given(snapshot([web], [first]));
      expect(catalog.changes(snapshot([web]))).to.deep.equal([]);
      expect(catalog.changes({ kind: 'job-deregistered', index: 9, namespace: 'default', id: 'web' })).to.deep.equal(
        [],
      );
      expect(pathOf(catalog.service())).to.equal('/old');
    });

    it('leaves them alone while a new version serves with fewer than half of the instances', () => {
      const serving = [at(1, 10), at(2, 11)];
      const catalog = given(snapshot(serving, [first]), ...serving.map(admitted));
      expect(catalog.changes(jobRegistered(version(20, '/new')))).to.deep.equal([]);
      const [fresh, newer] = [at(3, 21), at(4, 22)];
      catalog.and(registered(fresh), admitted(fresh));
      expect(pathOf(catalog.service())).to.equal('/old');
      catalog.and(registered(newer), deregistered(serving[0]!));
      expect(pathOf(catalog.service())).to.equal('/old');
      catalog.and(admitted(newer));
      expect(pathOf(catalog.service())).to.equal('/new');
    });

    it('takes the size of the new version at once, before its instances come', () => {
      const catalog = given(snapshot([web], [first]), admitted(web));
      const scaled = job({ modifyIndex: 20, stable: false }, { checks: [jobCheck({ path: '/new' })], count: 20 });
      const [change] = catalog.changes(jobRegistered(scaled));
      expect(change?.after?.wish).to.deep.include({ slots: 40, check: change?.before?.wish?.check });
    });

    it('takes the new ones when the deployment has succeeded, also without a new instance', () => {
      const catalog = given(snapshot([web], [first]), admitted(web));
      catalog.and(jobRegistered(version(20, '/new')));
      expect(pathOf(catalog.service())).to.equal('/old');
      const changes = catalog.changes(jobRegistered(version(20, '/new', true)));
      expect(pathOf(changes[0]?.after)).to.equal('/new');
    });

    it('takes the new ones at once while nothing serves', () => {
      const catalog = given(snapshot([web], [first]), jobRegistered(version(20, '/new')));
      expect(pathOf(catalog.service())).to.equal('/new');
    });

    describe('at a start in the middle of a deployment', () => {
      const versions = { ...version(20, '/new'), earlier: [first] };
      const [old, older, fresh] = [at(1, 10), at(2, 11), at(3, 21)];

      it('takes those of the version that most instances serve by', () => {
        const catalog = given(snapshot([old, older, fresh], [versions]), ...[old, older, fresh].map(admitted));
        expect(pathOf(catalog.service())).to.equal('/old');
        catalog.and(deregistered(old), deregistered(older));
        expect(pathOf(catalog.service())).to.equal('/new');
      });

      it('takes them again when those of the new version are gone', () => {
        const catalog = given(snapshot([older, fresh], [versions]), admitted(fresh));
        expect(pathOf(catalog.service())).to.equal('/new');
        catalog.and(admitted(older), deregistered(fresh));
        expect(pathOf(catalog.service())).to.equal('/old');
      });

      it('goes by what a connector that saw the deployment begin goes by', () => {
        const seen = given(snapshot([old, older], [first]), ...[old, older].map(admitted));
        seen.and(jobRegistered(version(20, '/new')), registered(fresh), admitted(fresh));
        const started = given(snapshot([old, older, fresh], [versions]), ...[old, older, fresh].map(admitted));
        expect(started.services()).to.deep.equal(seen.services());
      });
    });

    it('takes those of another job that runs the service now', () => {
      const moved = { ...at(2, 30), job: 'web-v2' };
      const catalog = given(snapshot([web], [first]), admitted(web), jobRegistered(other('web-v2')));
      catalog.and(registered(moved), admitted(moved), deregistered(web));
      expect(pathOf(catalog.service())).to.equal('/web-v2');
    });

    describe('where two jobs register the service', () => {
      const mine = [at(1, 10), at(2, 11)].map((one) => ({ ...one, tags: [enabled, 'haproxy.domain=a.com'] }));
      const theirs = [at(3, 510), at(4, 511), at(5, 512)].map((one) => ({ ...one, job: 'green' }));
      const late = other('green', 500);

      it('keeps to the one whose instances serve', () => {
        const catalog = given(snapshot(mine, [first]), ...mine.map(admitted), jobRegistered(late));
        expect(catalog.changes(registered({ ...theirs[0]!, tags: [] }))).to.have.length(1);
        expect(pathOf(catalog.service())).to.equal('/old');
        catalog.and(registered(theirs[0]!));
        expect(pathOf(catalog.service())).to.equal('/old');
      });

      it('goes over with most of what serves', () => {
        const catalog = given(snapshot([...mine, ...theirs], [first, late]), ...mine.map(admitted));
        catalog.and(...theirs.slice(0, 2).map(admitted));
        expect(pathOf(catalog.service())).to.equal('/old');
        catalog.and(admitted(theirs[2]!));
        expect(pathOf(catalog.service())).to.equal('/green');
      });

      it('goes by the newest that is managed while nothing serves', () => {
        const off = theirs.map((one) => ({ ...one, tags: [] }));
        expect(pathOf(given(snapshot([...mine, ...theirs], [first, late])).service())).to.equal('/green');
        expect(pathOf(given(snapshot([...mine, ...off], [first, late])).service())).to.equal('/old');
        expect(given(snapshot(off, [first, late])).service()?.job?.id).to.equal('green');
      });

      it('does not lose a domain by what does not serve', () => {
        const rival = withDomain('rival', 100);
        const catalog = given(snapshot([...mine, rival], [first, job({ id: 'rival', createIndex: 90 })]));
        catalog.and(...mine.map(admitted), admitted(rival), jobRegistered(late));
        catalog.and(registered({ ...theirs[0]!, tags: [] }));
        expect(catalog.service()?.denials).to.deep.equal([]);
      });
    });

    it('remembers nothing of an instance that moved to another job, or went by whatever fact', () => {
      const moved = { ...web, job: 'heir' };
      const gone: readonly (readonly Event[])[] = [
        [deregistered(web)],
        [snapshot([])],
        [{ kind: 'losses-accepted', services: ['default/web'] }],
        [registered(moved), deregistered(moved)],
        [snapshot([moved]), deregistered(moved)],
      ];
      for (const events of gone) {
        const catalog = createCatalog('haproxy');
        for (const event of [snapshot([web]), ...events]) foldEvent(catalog, event);
        expect([...catalog.services.keys()]).to.deep.equal([]);
        expect([...catalog.links.servicesOfJob.keys(), ...catalog.links.serviceOf.entries()]).to.deep.equal([]);
      }
    });

    it('forgets jobs that a snapshot says are gone, and what their services had of them', () => {
      const checked = job({}, { checks: [jobCheck({ path: '/well' })] });
      const idle = job({ id: 'idle' });
      const catalog = given(snapshot([web], [checked, idle]), admitted(web));
      expect(pathOf(catalog.service('default/web'))).to.equal('/well');
      const gone = [
        { namespace: 'default', id: 'web' },
        { namespace: 'default', id: 'idle' },
      ] as const;
      const changes = catalog.changes({ ...snapshot([web]), gone } as Event);
      expect(textsOf(changes)).to.deep.equal(['default/web: 1 of 1 -> 1 of 1']);
      expect(catalog.services()).to.deep.equal(given(snapshot([web]), admitted(web)).services());
    });

    it('keeps jobs that a snapshot could not read', () => {
      const checked = job({}, { checks: [jobCheck({ path: '/well' })] });
      const catalog = given(snapshot([web], [checked]), admitted(web));
      expect(catalog.changes(snapshot([web]))).to.deep.equal([]);
      expect(pathOf(catalog.service('default/web'))).to.equal('/well');
    });

    it('remembers no jobs that have no services, and none that are gone', () => {
      const catalog = createCatalog('haproxy');
      foldEvent(catalog, empty);
      foldEvent(catalog, jobRegistered(job({ id: 'batch', services: [] })));
      expect([...catalog.jobs.keys()]).to.deep.equal([]);
      foldEvent(catalog, jobRegistered(job()));
      foldEvent(catalog, registered(web));
      expect([...catalog.jobs.keys()]).to.deep.equal(['default/web']);
      foldEvent(catalog, { kind: 'job-deregistered', index: 9, namespace: 'default', id: 'web' });
      foldEvent(catalog, deregistered(web));
      expect([
        ...catalog.jobs.keys(),
        ...catalog.links.servicesOfJob.keys(),
        ...catalog.links.serviceOf.entries(),
      ]).to.deep.equal([]);
      expect([
        ...catalog.services.keys(),
        ...catalog.claims.byClaim.keys(),
        ...catalog.claims.byService.keys(),
      ]).to.deep.equal([]);
    });
  });

  describe('folds the recording', () => {
    for (const name of recordings) {
      it(`${name} to the registrations that Nomad had after it`, () => {
        const { events, after } = readRecording(name);
        const folded = given(...events)
          .services()
          .flatMap(({ instances }) => instances.map((one) => one.registration));
        const byId = (a: Registration, b: Registration) =>
          `${a.namespace} ${a.id}` < `${b.namespace} ${b.id}` ? -1 : 1;
        expect(folded.toSorted(byId)).to.deep.equal(after.toSorted(byId));
      });
    }
  });
});

describe('The laws of foldEvent', () => {
  const names = ['a', 'b', 'c'];
  const anyTags = fc.subarray([
    'haproxy.domain=x.com',
    'haproxy.domain=y.com',
    'haproxy.backend.name=shared',
    'haproxy.backend=custom',
    'haproxy.weight=5',
    'haproxy.check.path=/t',
    'haproxy.typo=1',
  ]);
  const anyRegistration = fc
    .record({
      service: fc.constantFrom(...names),
      port: fc.integer({ min: 1, max: 4 }),
      alloc: fc.constantFrom('1', '2', '3'),
      createIndex: fc.integer({ min: 1, max: 50 }),
      tags: fc.tuple(fc.constantFrom([enabled], []), anyTags).map(([on, rest]) => [...on, ...rest]),
    })
    .map((over) => registration(over));
  const anyJob = fc
    .record({
      id: fc.constantFrom(...names),
      createIndex: fc.integer({ min: 1, max: 50 }),
      modifyIndex: fc.integer({ min: 1, max: 50 }),
      stable: fc.boolean(),
      path: fc.constantFrom('/1', '/2'),
    })
    .map(({ path, ...over }) => job(over, { checks: [jobCheck({ path })] }));
  const uniqueJobs = fc.uniqueArray(anyJob, { selector: ({ id }) => id, minLength: 3, maxLength: 3 });
  const uniqueRegistrations = fc.uniqueArray(anyRegistration, { selector: ({ id }) => id, maxLength: 8 });
  const quietEvent: fc.Arbitrary<Event> = fc.oneof(
    anyRegistration.map(registered),
    anyRegistration.map(deregistered),
    anyJob.map(jobRegistered),
    uniqueRegistrations.map((list) => snapshot(list)),
  );
  const anyEvent = fc.oneof(quietEvent, anyRegistration.map(admitted));

  const sorted = (services: readonly Service[]) => services.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const withoutAdmission = (services: readonly Service[]) =>
    sorted(services).map(({ key, instances }) => ({
      key,
      instances: instances.map((one) => ({ ...one, admitted: false })),
    }));

  it('any history and then a snapshot of the truth is the truth', () => {
    fc.assert(
      fc.property(fc.array(quietEvent, { maxLength: 30 }), uniqueRegistrations, uniqueJobs, (events, truth, jobs) => {
        const folded = given(...events, snapshot(truth, jobs)).services();
        expect(sorted(folded)).to.deep.equal(sorted(given(snapshot(truth, jobs)).services()));
      }),
    );
  });

  it('also where instances were admitted, but for the admissions and what serves by them', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 30 }), uniqueRegistrations, uniqueJobs, (events, truth, jobs) => {
        const folded = given(...events, snapshot(truth, jobs)).services();
        expect(withoutAdmission(folded)).to.deep.equal(withoutAdmission(given(snapshot(truth, jobs)).services()));
      }),
    );
  });

  it('the same event twice changes nothing the second time', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 20 }), anyEvent, (events, event) => {
        expect(given(empty, ...events, event).changes(event)).to.deep.equal([]);
      }),
    );
  });

  it('changes are seamless: the first is what was, each begins where the last of its key ended', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 30 }), (events) => {
        const catalog = given();
        const known = new Map<ServiceKey, Service>();
        for (const event of [empty, ...events]) {
          for (const { key, before, after } of catalog.changes(event)) {
            expect(before?.wish).to.deep.equal(known.get(key)?.wish);
            expect(before?.denials).to.deep.equal(known.get(key)?.denials);
            if (after === undefined) known.delete(key);
            else known.set(key, after);
          }
        }
        expect([...known.keys()].toSorted()).to.deep.equal(
          catalog
            .services()
            .map(({ key }) => key)
            .toSorted(),
        );
      }),
    );
  });

  it('of those who claim one domain exactly one has it', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 30 }), (events) => {
        const services = given(empty, ...events).services();
        for (const key of ['x.com', 'y.com']) {
          const claimants = services.filter(({ wish }) => wish?.routes.some((route) => route.key === key));
          const holders = claimants.filter(({ denials }) => !denials.some(({ claim }) => claim.endsWith(key)));
          expect(holders.length).to.equal(Math.min(1, claimants.length));
        }
      }),
    );
  });
});
