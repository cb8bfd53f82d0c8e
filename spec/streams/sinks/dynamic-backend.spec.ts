import { expect } from 'chai';
import { placeAll } from '../../../lib/model/placement.ts';
import type { Ages, Policy } from '../../../lib/model/plan.ts';
import type { ServiceChange } from '../../../lib/model/service.ts';
import { dynamicBackend } from '../../../streams/sinks/dynamic-backend.ts';
import {
  appears,
  becomes,
  brief,
  givenView,
  goes,
  policy,
  registration,
  serving,
  tagged,
  type World,
} from '../../support/given.ts';

const ages: Ages = { now: 0, drainingForMs: () => 0, emptyForMs: () => 0 };
const web = serving(registration());
const custom = serving(tagged('haproxy.backend=custom', 'haproxy.backend.name=no_route'));
const existing = serving(tagged('haproxy.backend.name=no_route'));

function plans(world: World, change: ServiceChange, over: Partial<Policy> = {}, known: Ages = ages) {
  const decided = { ...policy, ...over };
  const placed = placeAll([change], world.view(), decided);
  const plan = dynamicBackend(decided)(world.view(), known)(placed).get(change.key);
  return { steps: plan?.steps.map(brief), failure: plan?.failure?.kind, againMs: plan?.againMs };
}
const nothing = { steps: [], failure: undefined, againMs: undefined };
const settled = (service: typeof web) => givenView().settle(appears(service));

describe('dynamicBackend', () => {
  it('makes a backend of our own for a dynamic service', () => {
    expect(plans(givenView(), appears(web)).steps).to.deep.equal([
      'create-backend web of 4',
      'fill-slot web/nomad01 10.0.0.1:8001',
    ]);
  });

  it('has nothing to do with slots in backends of others, whoever wants or leaves them', () => {
    expect(plans(givenView(), appears(custom))).to.deep.equal(nothing);
    expect(plans(givenView(), appears(existing))).to.deep.equal(nothing);
    expect(plans(settled(custom), goes(custom))).to.deep.equal(nothing);
  });

  it('takes away the section of a service that went, after its retention, or that is no longer enabled, at once', () => {
    const off = serving(registration({ tags: [] }));
    const world = settled(web);
    expect(plans(world, goes(web)).steps).to.deep.equal(['drain-slot web/nomad01']);
    world.apply(goes(web));
    world.wait(30_000).apply(goes(web));
    const empty: Ages = { ...ages, emptyForMs: () => 1 };
    expect(plans(world, goes(web), {}, empty)).to.deep.include({ steps: [], againMs: 299_999 });
    expect(plans(world, becomes(web, off), {}, empty).steps).to.deep.equal(['remove-backend web']);
  });

  it('says why a wish is refused, and keeps what is there in step', () => {
    const missing = serving(tagged('haproxy.backend=custom', 'haproxy.backend.name=missing'));
    expect(plans(settled(web), becomes(web, missing))).to.deep.include({ steps: [], failure: 'not-found' });
    expect(plans(givenView(), appears(existing), { strategy: 'fail_on_conflict' }).failure).to.equal('rejected');
  });
});
