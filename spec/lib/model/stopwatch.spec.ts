import { expect } from 'chai';
import type { Event, Registration } from '../../../lib/model/events.ts';
import type { Notice } from '../../../lib/model/notice.ts';
import { createStopwatch, noteTime, tellTime } from '../../../lib/model/stopwatch.ts';
import { admitted, deregistered, registered, registration, snapshot } from '../../support/given.ts';

const web = registration();

function filled(...instances: readonly Registration[]): Notice {
  const steps = instances.map(({ address, port, alloc, namespace, service }) => {
    const key = `${namespace}/${service}` as const;
    return { kind: 'fill-slot', service: key, backend: 'web', slot: 's', address, port, weight: 1, alloc } as const;
  });
  return { kind: 'applied', lane: 'runtime', steps, reloaded: false, tookMs: 1 };
}

/** What is ready with these facts at these ms. */
function ready(...told: readonly (readonly [now: number, what: Event | Notice])[]) {
  const stopwatch = createStopwatch('haproxy');
  const found = told.flatMap(([now, what]) => {
    if (what.kind !== 'applied') {
      noteTime(stopwatch, what as Event, now);
      return [];
    }
    const notice = tellTime(stopwatch, what, now);
    return notice.kind === 'applied' ? [notice.ready ?? 'nothing'] : [];
  });
  return { found, waiting: stopwatch.places.size, named: stopwatch.waiting.size() };
}

describe('The stopwatch', () => {
  it('says how long an instance took, from the event and from its admission', () => {
    const { found, waiting, named } = ready([100, registered(web)], [350, admitted(web)], [358, filled(web)]);
    expect(found).to.deep.equal([[{ service: 'default/web', toldMs: 258, admittedMs: 8 }]]);
    expect([waiting, named]).to.deep.equal([0, 0]);
  });

  const other = registration({ port: 8002 });
  const same = registration({ service: 'api', id: 'api-1' });
  const cases: readonly (readonly [what: string, told: readonly (readonly [number, Event | Notice])[]])[] = [
    ['was in a snapshot', [[0, snapshot([web])], [5, admitted(web)], [9, filled(web)]]], // prettier-ignore
    ['only changed', [[0, registered({ ...web, modifyIndex: 11 })], [9, filled(web)]]], // prettier-ignore
    ['left before that', [[0, registered(web)], [5, deregistered(web)], [9, filled(web)]]], // prettier-ignore
    ['has no tag of ours', [[0, registered({ ...web, tags: ['urlprefix-/'] })], [9, filled(web)]]], // prettier-ignore
    ['is at another port', [[0, registered(web)], [9, filled(other)]]], // prettier-ignore
    ['is of another service', [[0, registered(web)], [9, filled(same)]]], // prettier-ignore
  ];
  for (const [what, told] of cases) {
    it(`says nothing of an instance that ${what}`, () => {
      expect(ready(...told).found).to.deep.equal(['nothing']);
    });
  }

  it('says it once', () => {
    const { found } = ready([0, registered(web)], [5, admitted(web)], [9, filled(web)], [20, filled(web)]);
    expect(found[1]).to.equal('nothing');
  });

  it('begins anew when an instance takes the place of another', () => {
    const heir = registration({ id: 'heir' });
    const { found, named } = ready([0, registered(web)], [100, registered(heir)], [107, filled(heir)]);
    expect(found).to.deep.equal([[{ service: 'default/web', toldMs: 7, admittedMs: 7 }]]);
    expect(named).to.equal(0);
  });

  it('never runs backwards with the clock', () => {
    const { found } = ready([100, registered(web)], [110, admitted(web)], [50, filled(web)]);
    expect(found).to.deep.equal([[{ service: 'default/web', toldMs: 0, admittedMs: 0 }]]);
  });

  it('waits for ten thousand at most, the newest', () => {
    const all = Array.from({ length: 10_010 }, (_, n) => registration({ id: `web-${n}`, port: n + 1 }));
    const told = all.map((one) => [0, registered(one)] as const);
    const { found, waiting, named } = ready(...told, [9, filled(all[9]!)], [9, filled(all[10]!)]);
    expect(found.map((one) => one.length)).to.deep.equal(['nothing'.length, 1]);
    expect([waiting, named]).to.deep.equal([9999, 9999]);
  });
});
