import { expect } from 'chai';
import type { Failure } from '../../../lib/model/failure.ts';
import { statusOf } from '../../../lib/model/status-service.ts';
import { createStatus, foldStatus, type Status } from '../../../lib/model/status.ts';
import type { Service } from '../../../lib/model/service.ts';
import type { Notice } from '../../../lib/model/notice.ts';
import {
  admitted,
  appears,
  becomes,
  enabled,
  given as givenEvents,
  givenView,
  goes,
  registration,
  serving,
  snapshot,
  starting,
  tagged,
  type World,
} from '../../support/given.ts';

const key = 'default/web';
const web = registration({ tags: [enabled, 'haproxy.domain=a.com'], node: 'node-7' });
const second = registration({ port: 8002, createIndex: 20, tags: web.tags });
const failure: Failure = { kind: 'rejected', message: 'no', where: 'web', hint: 'mend it' };

function settled(service: Service = serving(web)): World {
  return givenView().settle(appears(service));
}

function told(...notices: readonly Notice[]): Status {
  const status = createStatus(0);
  for (const notice of notices) foldStatus(status, notice, 1);
  return status;
}

function look(service: Service | undefined, world?: World, status = told()) {
  return statusOf(key, service, world?.view(), status);
}

describe('The status of a service', () => {
  it('has its backend, its slots with allocation and node, and its routes', () => {
    const service = serving(web);
    expect(look(service, settled(service))).to.deep.equal({
      service: key,
      state: 'serving',
      instances: 1,
      backends: [
        {
          name: 'web',
          owned: true,
          slots: [
            {
              name: 'nomad01',
              state: 'serving',
              at: '10.0.0.1:8001',
              weight: 100,
              alloc: 'alloc-8001',
              node: 'node-7',
            },
            ...['nomad02', 'nomad03', 'nomad04'].map((name) => {
              const slot = settled()
                .view()
                .backends.get('web')!
                .slots.find((one) => one.name === name)!;
              return { name, state: 'free', at: '', weight: slot.weight, alloc: slot.alloc, node: '' };
            }),
          ],
        },
      ],
      waiting: [],
      waitingInAll: 0,
      routes: [{ map: 'exact', domain: 'a.com', backend: 'web' }],
      lastEvents: [],
      lost: [],
      problems: [],
    });
  });

  it('has an instance that does not answer yet, and says so', () => {
    const { instances, waiting, state } = look(starting(web), settled(starting(web)))!;
    expect({ instances, waiting, state }).to.deep.equal({
      instances: 1,
      waiting: [{ at: '10.0.0.1:8001', alloc: 'alloc-8001', node: 'node-7', admitted: false }],
      state: 'waiting',
    });
  });

  it('counts those that wait, and shows the first', () => {
    const many = Array.from({ length: 30 }, (_, n) => registration({ port: 8001 + n, createIndex: n + 1 }));
    const { waiting, waitingInAll } = look(starting(...many), settled(starting(...many)))!;
    expect([waiting.length, waitingInAll]).to.deep.equal([20, 30]);
  });

  it('has a drain, of an instance that Nomad has no more', () => {
    const world = settled(serving(web, second));
    world.apply(becomes(serving(web, second), serving(web)));
    const slot = look(serving(web), world)!.backends[0]!.slots[1];
    expect(slot).to.deep.include({ state: 'draining', at: '10.0.0.1:8002', alloc: 'alloc-8002', node: '' });
  });

  it('has the health of servers that requests go to, of no other', () => {
    const service = serving(web);
    const servers = { nomad01: 'down', nomad02: 'up' } as const;
    const status = told({ kind: 'health-seen', backend: 'web', services: [key], servers });
    const slots = look(service, settled(service), status)!.backends[0]!.slots;
    expect(slots.map(({ health }) => health)).to.deep.equal(['down', undefined, undefined, undefined]);
  });

  it('has slots in a backend that somebody else wrote, its own alone', () => {
    const config = 'defaults main\n  mode http\nbackend shop from main\n  balance roundrobin\n';
    const custom = (service: string, port: number) =>
      serving({ ...tagged('haproxy.backend=custom', 'haproxy.backend.name=shop'), service, port, id: service });
    const world = givenView(config, { frontends: [] });
    world.settle(appears(custom('a', 1)), appears(custom('b', 2)));
    const { backends } = statusOf('default/a', custom('a', 1), world.view(), told())!;
    expect(backends.map(({ name, owned }) => [name, owned])).to.deep.equal([['shop', false]]);
    const taken = backends[0]!.slots.filter(({ state }) => state === 'serving');
    expect(taken.map(({ at }) => at)).to.deep.equal(['10.0.0.1:1']);
  });

  it('has the domain that another service holds, and not among its routes', () => {
    const rival = registration({ service: 'rival', id: 'rival-1', tags: web.tags, createIndex: 99, port: 9 });
    const events = givenEvents(snapshot([web, rival]), admitted(web), admitted(rival));
    const { routes, lost } = statusOf('default/rival', events.service('default/rival'), undefined, told())!;
    expect(routes).to.deep.equal([]);
    expect(lost).to.deep.equal([{ claim: 'exact domain a.com', holder: key }]);
  });

  it('has a route that leads nowhere yet', () => {
    expect(look(serving(web), givenView())!.routes).to.deep.equal([{ map: 'exact', domain: 'a.com' }]);
  });

  const states: readonly (readonly [state: string, found: ReturnType<typeof look>])[] = [
    ['failed', look(serving(web), settled(), told({ kind: 'service-failed', service: key, failure }))],
    [
      'held',
      look(
        serving(web),
        settled(),
        told({ kind: 'losses-held', services: [key], namespaces: [], why: 'so', confirmInMs: 1 }),
      ),
    ],
    ['leaving', look(undefined, settled())],
    ['leaving', look(serving({ ...web, tags: [] }), settled())],
    ['waiting', look(starting(web), settled(starting(web)))],
    [
      'problems',
      look(
        serving(web),
        settled(),
        told({ kind: 'service-problems', service: key, problems: [{ subject: 'a', text: 'b' }] }),
      ),
    ],
    ['serving', look(serving(web), settled())],
  ];
  for (const [state, found] of states) {
    it(`can be ${state}`, () => {
      expect(found?.state).to.equal(state);
    });
  }

  it('is none of what is neither in Nomad nor in HAProxy', () => {
    const world = givenView(undefined, { drainMs: 0, retentionMs: 0, removalMaxWaitMs: 0 }).settle(
      appears(serving(web)),
    );
    world.settle(goes(serving(web)));
    expect(look(undefined, world)).to.equal(undefined);
    expect(look(serving({ ...web, tags: [] }), world)).to.equal(undefined);
  });
});
