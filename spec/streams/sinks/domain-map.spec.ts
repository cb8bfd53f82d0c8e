import { expect } from 'chai';
import { placeAll } from '../../../lib/model/placement.ts';
import type { Ages } from '../../../lib/model/plan.ts';
import type { ServiceChange } from '../../../lib/model/service.ts';
import { domainMap } from '../../../streams/sinks/domain-map.ts';
import type { Sink } from '../../../streams/sinks/sink.ts';
import {
  appears,
  becomes,
  brief,
  enabled,
  givenView,
  goes,
  policy,
  registration,
  serving,
  starting,
  type World,
} from '../../support/given.ts';

const ages: Ages = { now: 0, drainingForMs: () => 0, emptyForMs: () => 0 };
const of = (service: string, ...tags: readonly string[]) =>
  serving(registration({ service, tags: [enabled, ...tags] }));
const shared = (service: string, ...tags: readonly string[]) =>
  of(service, 'haproxy.backend=custom', 'haproxy.backend.name=no_route', ...tags);

function plans(sink: Sink, world: World, ...changes: readonly ServiceChange[]) {
  const placed = placeAll(changes, world.view(), policy);
  return [...sink(world.view(), ages)(placed).values()].flatMap(({ steps }) => steps.map(brief));
}

describe('domainMap', () => {
  it('sets rows, and asks for the routing rule', () => {
    expect(plans(domainMap(policy), givenView(), appears(of('web', 'haproxy.domain=a.com')))).to.deep.equal([
      'set-route exact a.com web',
      'install-routing www',
    ]);
  });

  it('has nothing to do for a service without domains', () => {
    expect(plans(domainMap(policy), givenView(), appears(of('web')))).to.deep.equal([]);
  });

  it('does not install the rule for a service that loses its domains', () => {
    const before = of('web', 'haproxy.domain=a.com');
    const world = givenView(undefined, { frontends: [] }).settle(appears(before));
    expect(plans(domainMap(policy), world, becomes(before, of('web')))).to.deep.equal(['delete-route exact a.com']);
  });

  it('keeps the rows of a service that went while its backend answers for it', () => {
    const web = of('web', 'haproxy.domain=a.com');
    expect(plans(domainMap(policy), givenView().settle(appears(web)), goes(web))).to.deep.equal([]);
  });

  it('does not delete a row that another service in the same backend took over, in the same batch or before', () => {
    const [before, after] = [shared('a', 'haproxy.domain=a.com'), shared('a')];
    const other = shared('b', 'haproxy.domain=a.com');
    const world = givenView().settle(appears(before), appears(shared('b')));
    expect(plans(domainMap(policy), world, becomes(before, after), appears(other))).to.deep.equal([]);
    const sink = domainMap(policy);
    plans(sink, world, appears(other));
    expect(plans(sink, world, becomes(before, after))).to.deep.equal([]);
    plans(sink, world, becomes(other, shared('b')));
    expect(plans(sink, world, becomes(before, after))).to.deep.equal(['delete-route exact a.com']);
  });

  describe('where another service wins a domain', () => {
    const web = of('web', 'haproxy.domain=a.com');
    const loser = { ...web, denials: [{ claim: 'exact domain a.com', holder: 'default/heir' as const }] };
    const heir = of('heir', 'haproxy.domain=a.com');
    const none = of('heir', 'haproxy.domain=a.com', 'haproxy.backend=custom', 'haproxy.backend.name=nowhere');

    it('leaves the row to that one, who may have to wait for its backend', () => {
      const world = givenView().settle(appears(web));
      const sink = domainMap(policy);
      expect(plans(sink, world, becomes(web, loser))).to.deep.equal([]);
      expect(plans(sink, world, appears(heir))).to.deep.equal(['set-route exact a.com heir']);
      expect(plans(sink, world, becomes(web, loser))).to.deep.equal([]);
    });

    it('is in no hurry to take it while nobody serves for it yet', () => {
      const world = givenView().settle(appears(web));
      const sink = domainMap(policy);
      const late = starting(...heir.instances.map(({ registration: one }) => one));
      expect(plans(sink, world, becomes(web, loser), appears(late))).to.deep.equal([]);
      expect(plans(sink, world, becomes(late, heir))).to.deep.equal(['set-route exact a.com heir']);
    });

    it('takes it at once from whom nobody serves for any more', () => {
      const world = givenView().settle(appears(web));
      const late = starting(...heir.instances.map(({ registration: one }) => one));
      expect(plans(domainMap(policy), world, goes(web), appears(late))).to.deep.equal(['set-route exact a.com heir']);
    });

    it('leaves it in a new run, too', () => {
      const world = givenView(givenView().settle(appears(web)).state.text);
      world.state.maps.exact.set('a.com', 'web');
      expect(plans(domainMap(policy), world, appears(loser))).to.deep.equal([]);
    });

    it('deletes it where that one has nowhere to lead it', () => {
      const world = givenView().settle(appears(web));
      expect(plans(domainMap(policy), world, becomes(web, loser), appears(none))).to.deep.equal([
        'delete-route exact a.com',
      ]);
    });
  });

  it('deletes, with a snapshot, rows that nobody wants and that lead to no backend', () => {
    const world = givenView(givenView().settle(appears(of('web'))).state.text);
    world.state.maps.exact.set('stray.com', 'nowhere').set('a.com', 'nowhere').set('kept.com', 'no_route');
    const changes = [appears(of('web', 'haproxy.domain=a.com')), appears(of('api'))];
    const usual = ['set-route exact a.com web', 'install-routing www'];
    expect(plans(domainMap(policy), world, ...changes)).to.deep.equal(usual);
    const snapshot = changes.map((change): ServiceChange => ({ ...change, snapshot: true }));
    expect(plans(domainMap(policy), world, ...snapshot)).to.deep.equal([...usual, 'delete-route exact stray.com']);
  });
});
