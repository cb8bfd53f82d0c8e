import { expect } from 'chai';
import { createCatalog, noteEvent, takeChanges } from '../../../lib/model/catalog.ts';
import type { Event } from '../../../lib/model/events.ts';
import { foldLastEvents, keptEvents, type LastEvents } from '../../../lib/model/last-events.ts';
import { admitted, deregistered, jobRegistered, job, registered, registration, snapshot } from '../../support/given.ts';

const web = registration({ alloc: 'a1' });

/** What is kept after these events, a moment between each of them; the catalog takes each in, and has its turn. */
function lastOf(...events: readonly Event[]): LastEvents {
  const last: LastEvents = new Map();
  const catalog = createCatalog('haproxy');
  for (const [at, event] of events.entries()) {
    foldLastEvents(last, event, catalog, at);
    noteEvent(catalog, event);
    takeChanges(catalog);
  }
  return last;
}

describe('the last events of a service', () => {
  it('are what was said of its instances, the newest first', () => {
    const place = `${web.address}:${web.port}`;
    expect([...lastOf(snapshot([]), registered(web), admitted(web), deregistered(web))]).to.deep.equal([
      [
        'default/web',
        [
          { at: 3, what: 'deregistered', alloc: 'a1', place },
          { at: 2, what: 'admitted', alloc: 'a1', place },
          { at: 1, what: 'registered', alloc: 'a1', place },
        ],
      ],
    ]);
  });

  it('are told also of an instance that is admitted in the turn of its registration', () => {
    const last: LastEvents = new Map();
    const catalog = createCatalog('haproxy');
    for (const event of [registered(web), admitted(web)]) {
      foldLastEvents(last, event, catalog, 1);
      noteEvent(catalog, event);
    }
    expect(last.get('default/web')?.map(({ what }) => what)).to.deep.equal(['admitted', 'registered']);
  });

  it('are so many at the most', () => {
    const events = Array.from({ length: keptEvents + 3 }, () => registered(web));
    expect(
      lastOf(...events)
        .get('default/web')
        ?.map(({ at }) => at),
    ).to.deep.equal(Array.from({ length: keptEvents }, (_, n) => keptEvents + 2 - n));
  });

  it('are none of services that are not managed, and none of jobs and snapshots', () => {
    const bystander = registration({ tags: [], id: 'other', service: 'other' });
    expect(lastOf(snapshot([web]), jobRegistered(job()), registered(bystander), deregistered(bystander)).size).to.equal(
      0,
    );
  });
});
