import { expect } from 'chai';
import { placeAll } from '../../../lib/model/placement.ts';
import type { Ages, Policy } from '../../../lib/model/plan.ts';
import type { ServiceChange } from '../../../lib/model/service.ts';
import { customBackend } from '../../../streams/sinks/custom-backend.ts';
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
  type World,
} from '../../support/given.ts';

const ages: Ages = { now: 0, drainingForMs: () => 0, emptyForMs: () => 0 };
const of = (service: string, ...tags: readonly string[]) =>
  serving(registration({ service, tags: [enabled, 'haproxy.backend.name=no_route', ...tags] }));
const custom = of('web', 'haproxy.backend=custom');
const web = serving(registration());

function plans(world: World, changes: readonly ServiceChange[], over: Partial<Policy> = {}) {
  const decided = { ...policy, ...over };
  const all = customBackend(decided)(world.view(), ages)(placeAll(changes, world.view(), decided));
  return [...all.values()].flatMap(({ steps }) => steps.map(brief));
}

describe('customBackend', () => {
  it('adds slots to the backend that a custom service names', () => {
    expect(plans(givenView(), [appears(custom)])).to.deep.equal([
      'grow-slots no_route by 4',
      'fill-slot no_route/nomad01 10.0.0.1:8001',
    ]);
  });

  it('does so too for a dynamic service that uses an existing backend, and only then', () => {
    expect(plans(givenView(), [appears(of('web'))])[0]).to.equal('grow-slots no_route by 4');
    expect(plans(givenView(), [appears(of('web'))], { strategy: 'create_new' })).to.deep.equal([]);
    expect(plans(givenView(), [appears(web)])).to.deep.equal([]);
  });

  it('gives services that share a backend in one batch slots of different names', () => {
    const both = ['a', 'b'].map((service) => appears(of(service, 'haproxy.backend=custom')));
    expect(plans(givenView(), both).filter((step) => step.startsWith('fill-slot'))).to.deep.equal([
      'fill-slot no_route/nomad01 10.0.0.1:8001',
      'fill-slot no_route/nomad05 10.0.0.1:8001',
    ]);
  });

  it('takes slots away when the service goes, is disabled or has moved, and no section of ours', () => {
    const world = givenView().settle(appears(custom));
    const off = serving(registration({ tags: [] }));
    expect(plans(world, [goes(custom)])).to.deep.equal(['drain-slot no_route/nomad01']);
    expect(plans(world, [becomes(custom, off)])).to.deep.equal(['drain-slot no_route/nomad01']);
    world.apply(becomes(custom, web));
    expect(plans(world, [becomes(custom, web)])).to.deep.equal(['drain-slot no_route/nomad01']);
    expect(plans(givenView().settle(appears(web)), [goes(web)])).to.deep.equal([]);
  });
});
