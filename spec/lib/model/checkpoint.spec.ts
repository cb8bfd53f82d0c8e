import { expect } from 'chai';
import fc from 'fast-check';
import { createCatalog, foldEvent, noteEvent, type Catalog } from '../../../lib/model/catalog.ts';
import { checkpointOf } from '../../../lib/model/checkpoint.ts';
import { serviceKey, type Event, type ServiceKey } from '../../../lib/model/events.ts';
import {
  accepted,
  admitted,
  deregistered,
  enabled,
  job,
  jobCheck,
  jobRegistered,
  keeping,
  registered,
  registration,
  snapshot,
} from '../../support/given.ts';

function folded(events: readonly Event[]): Catalog {
  const catalog = createCatalog('haproxy');
  for (const event of events) foldEvent(catalog, event);
  return catalog;
}

/** All that decides what happens next. */
function known({ services, jobs, links }: Catalog) {
  return {
    services: Object.fromEntries([...services].sort(([a], [b]) => (a < b ? -1 : 1))),
    jobs: Object.fromEntries(jobs),
    registrations: links.serviceOf.size(),
  };
}

/** What the guard holds after these events. */
function heldAfter(events: readonly Event[]): readonly ServiceKey[] {
  let held: readonly ServiceKey[] = [];
  const release = (...keys: readonly ServiceKey[]) => {
    held = held.filter((key) => !keys.includes(key));
  };
  for (const event of events) {
    if (event.kind === 'snapshot-taken') held = event.keep ?? [];
    if (event.kind === 'losses-accepted') release(...event.services);
    if (event.kind === 'service-registered')
      release(serviceKey(event.registration.namespace, event.registration.service));
  }
  return held;
}

const first = job({ id: 'web', modifyIndex: 5, stable: false }, { checks: [jobCheck({ path: '/first' })] });
const second = job({ id: 'web', modifyIndex: 15, stable: false }, { checks: [jobCheck({ path: '/second' })] });

describe('checkpointOf', () => {
  it('is nothing before the first snapshot', () => {
    expect(checkpointOf(folded([registered(registration())]), 0, [])).to.deep.equal([]);
  });

  it('keeps the version of the job that counts, and the newer one beside it', () => {
    const [old, young] = [registration(), registration({ port: 8002, createIndex: 20 })];
    const past = folded([snapshot([old], [first]), admitted(old), jobRegistered(second)]);
    expect(past.services.get('default/web')?.wish?.check).to.include({ path: '/first' });
    const again = folded(checkpointOf(past, 20, []));
    expect(known(again)).to.deep.equal(known(past));
    for (const event of [registered(young), admitted(young), deregistered(old)]) {
      foldEvent(past, event);
      foldEvent(again, event);
    }
    expect(again.services.get('default/web')?.wish?.check).to.include({ path: '/second' });
    expect(known(again)).to.deep.equal(known(past));
  });

  it('keeps the version of a job that is gone', () => {
    const one = registration();
    const gone: Event = { kind: 'job-deregistered', index: 9, namespace: 'default', id: 'web' };
    const past = folded([snapshot([one], [first]), admitted(one), gone]);
    expect(known(folded(checkpointOf(past, 9, [])))).to.deep.equal(known(past));
    expect(past.services.get('default/web')?.job).to.deep.equal(first);
  });

  it('has events of a turn that is not over', () => {
    const catalog = folded([snapshot([registration()])]);
    noteEvent(catalog, registered(registration({ port: 8002 })));
    const again = folded(checkpointOf(catalog, 1, []));
    expect(again.services.get('default/web')?.instances).to.have.length(2);
  });

  it('shows what is held, and then the snapshot that misses it', () => {
    const [web, db] = [registration(), registration({ service: 'db' })];
    const past = folded([snapshot([web, db]), keeping(['default/db'], web)]);
    const events = checkpointOf(past, 7, ['default/db', 'default/unknown']);
    expect(events.filter(({ kind }) => kind === 'snapshot-taken')).to.deep.equal([
      { kind: 'snapshot-taken', index: 7, registrations: [web, db], jobs: [], keep: [] },
      { kind: 'snapshot-taken', index: 7, registrations: [web], jobs: [], keep: ['default/db'] },
    ]);
    expect(known(folded(events))).to.deep.equal(known(past));
  });

  it('of any moment, and what follows, ends as the whole does', () => {
    const services = ['web', 'db', 'api'] as const;
    const instance = fc
      .record({
        service: fc.constantFrom(...services),
        port: fc.constantFrom(8001, 8002, 8003),
        createIndex: fc.constantFrom(10, 20),
        domain: fc.constantFrom('a.com', 'b.com', ''),
        on: fc.boolean(),
      })
      .map(({ service, port, createIndex, domain, on }) =>
        registration({
          ...{ service, port, createIndex, job: service === 'api' ? 'web' : service },
          tags: [...(on ? [enabled] : []), ...(domain === '' ? [] : [`haproxy.domain=${domain}`])],
        }),
      );
    const version = fc
      .record({
        id: fc.constantFrom('web', 'db'),
        modifyIndex: fc.constantFrom(5, 12, 22),
        path: fc.constantFrom('/a', '/b'),
        stable: fc.boolean(),
      })
      .map(({ path, ...over }) => job(over, { checks: [jobCheck({ path })] }));
    const event = fc.oneof(
      { weight: 2, arbitrary: version.map(jobRegistered) },
      { weight: 4, arbitrary: instance.map(registered) },
      { weight: 3, arbitrary: instance.map(admitted) },
      { weight: 2, arbitrary: instance.map(deregistered) },
      fc.array(instance, { maxLength: 6 }).map((all) => snapshot(uniqueIds(all))),
      fc.array(instance, { maxLength: 3 }).map((all) => keeping(['default/db'], ...uniqueIds(all).filter(isNot('db')))),
      fc.constant(accepted('default/db')),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), fc.array(event, { maxLength: 10 }), (before, after) => {
        const events = [snapshot([registration()]), ...before];
        const tail = checkpointOf(folded(events), 50, heldAfter(events));
        expect(known(folded([...tail, ...after]))).to.deep.equal(known(folded([...events, ...after])));
      }),
    );
  });
});

function uniqueIds<T extends { readonly id: string }>(all: readonly T[]): readonly T[] {
  return [...new Map(all.map((one) => [one.id, one])).values()];
}

function isNot(service: string): (one: { readonly service: string }) => boolean {
  return (one) => one.service !== service;
}
