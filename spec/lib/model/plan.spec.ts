import { expect } from 'chai';
import type { Failure } from '../../../lib/model/failure.ts';
import { leftBackends, place } from '../../../lib/model/placement.ts';
import { mergePlans, type Policy } from '../../../lib/model/plan.ts';
import { grantedRoutes } from '../../../lib/model/plan-routes.ts';
import type { Service } from '../../../lib/model/service.ts';
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
  servingWith,
  job,
  snapshot,
  given,
  starting,
  stays,
  tagged,
  type World,
} from '../../support/given.ts';

const minute = 60_000;
const at = (port: number, ...tags: readonly string[]) =>
  registration({ port, createIndex: port, tags: [enabled, ...tags] });
const services = (count: number) => serving(...Array.from({ length: count }, (_, n) => at(8001 + n)));
const web = services(1);
const inBackend = (name: string, ...tags: readonly string[]) => tagged(`haproxy.backend.name=${name}`, ...tags);
const custom = (name: string, ...tags: readonly string[]) => inBackend(name, 'haproxy.backend=custom', ...tags);
const messageOf = (failure: Failure | undefined) => failure && `${failure.kind}: ${failure.message}`;

const base = `defaults main
  mode http

frontend www from main
  bind :80
  default_backend legacy

backend legacy from main
  balance leastconn
  server hand 10.9.9.9:80 check

backend hashed from main
  balance source
  server hand 10.9.9.9:80

backend stream from main
  mode tcp
  balance roundrobin

listen stats from main
  bind :8404
`;

/** HAProxy after it has taken all that these services wish. */
function settled(over: Partial<Policy>, ...of: readonly Service[]): World {
  return givenView(base, over).settle(...of.map(appears));
}

describe('A dynamic service', () => {
  it('gets a backend with slots, the first ones filled', () => {
    expect(givenView(base).plans(appears(services(2)))).to.deep.equal([
      'create-backend web of 4',
      'fill-slot web/nomad01 10.0.0.1:8001',
      'fill-slot web/nomad02 10.0.0.1:8002',
    ]);
  });

  it('gets its backend before any instance serves', () => {
    expect(givenView(base).plans(appears(starting(at(8001))))).to.deep.equal(['create-backend web of 4']);
  });

  it('gets as many slots as its job is large', () => {
    expect(givenView(base).plans(appears(servingWith([job({}, { count: 9 })], at(8001))))[0]).to.equal(
      'create-backend web of 18',
    );
    expect(givenView(base).plans(appears(serving(at(8001, 'haproxy.slots=1'))))[0]).to.equal('create-backend web of 1');
    expect(givenView(base).plans(appears(services(5)))[0]).to.equal('create-backend web of 8');
  });

  const defaults: readonly (readonly [what: string, policy: Partial<Policy>, from: string])[] = [
    ['those of the first frontend', {}, 'main'],
    ['those that the policy names', { defaults: 'other' }, 'other'],
    ['the last of the file where the frontend does not exist', { frontends: ['nobody'] }, 'main'],
    ['the last of the file where no frontend is configured', { frontends: [] }, 'main'],
  ];
  for (const [what, over, from] of defaults) {
    it(`inherits from ${what}`, () => {
      const [create] = givenView(base, over).plan(appears(web)).steps;
      expect(create?.kind === 'create-backend' && create.settings.from).to.equal(from);
    });
  }

  it('inherits from no section by name where there is none', () => {
    const [create] = givenView('frontend www\n').plan(appears(web)).steps;
    expect(create?.kind === 'create-backend' && create.settings.from).to.equal('');
  });

  const changes: readonly (readonly [what: string, before: Service, after: Service, steps: readonly string[]])[] = [
    ['nothing', web, web, []],
    ['another instance', web, services(2), ['fill-slot web/nomad02 10.0.0.1:8002']],
    ['an instance that goes', services(2), web, ['drain-slot web/nomad02']],
    ['a weight', web, serving(at(8001, 'haproxy.weight=7')), ['weigh-slot web/nomad01 7']],
    ['the balance', web, serving(at(8001, 'haproxy.balance=leastconn')), ['update-backend web']],
    ['the check', web, serving(at(8001, 'haproxy.check.path=/up')), ['update-backend web']],
    ['what its slots say', web, serving(at(8001, 'haproxy.maxconn=9')), ['update-backend web']],
    ['the mode', web, serving(at(8001, 'haproxy.mode=tcp')), ['update-backend web']],
    ['the first size', web, serving(at(8001, 'haproxy.slots=50')), []],
    [
      'more instances than slots',
      web,
      services(5),
      [
        'fill-slot web/nomad02 10.0.0.1:8002',
        'fill-slot web/nomad03 10.0.0.1:8003',
        'fill-slot web/nomad04 10.0.0.1:8004',
        'grow-slots web by 4',
        'fill-slot web/nomad05 10.0.0.1:8005',
      ],
    ],
  ];
  for (const [what, before, after, steps] of changes) {
    it(`follows ${what}`, () => {
      expect(settled({}, before).plans(becomes(before, after))).to.deep.equal(steps);
    });
  }

  it('grows to 8, 16, ... and 256', () => {
    const world = settled({}, web);
    const sizes = [5, 9, 17, 33, 65, 129].map((count) => {
      world.settle(appears(services(count)));
      return world.view().backends.get('web')!.slots.length;
    });
    expect(sizes).to.deep.equal([8, 16, 32, 64, 128, 256]);
  });

  it('grows at once to what the service wishes for by now, and only when it has to', () => {
    const scaled = (count: number) =>
      serving(...Array.from({ length: count }, (_, n) => at(8001 + n, 'haproxy.slots=50')));
    const growth = (count: number) =>
      settled({}, web)
        .plans(becomes(web, scaled(count)))
        .filter((step) => step.startsWith('grow-slots'));
    expect([growth(4), growth(5)]).to.deep.equal([[], ['grow-slots web by 46']]);
  });

  it('says how many instances found no server beyond 256, at once and later', () => {
    const full = 'rejected: 1 instance found no server: a backend has 256 at most';
    const [most, tooMany] = [services(256), services(257)];
    const plan = givenView(base).plan(appears(tooMany));
    expect([brief(plan.steps[0]!), plan.steps.length]).to.deep.equal(['create-backend web of 256', 257]);
    expect(messageOf(plan.failure)).to.equal(full);
    expect(messageOf(settled({}, most).plan(becomes(most, tooMany)).failure)).to.equal(full);
    expect(messageOf(givenView(base).plan(appears(services(258))).failure)).to.include('2 instances found no server');
    expect(settled({}, most).plan(stays(most)).failure).to.equal(undefined);
  });

  it('does not name its slots like servers that somebody wrote into its backend', () => {
    const world = settled({}, web);
    world.state.text = world.state.text.replace('  server nomad04', '  server nomad05 10.9.9.9:1\n  server nomad04');
    world.state.version += 1;
    const grown = givenView(world.state.text)
      .plan(appears(services(5)))
      .steps.find(({ kind }) => kind === 'grow-slots');
    expect(grown?.kind === 'grow-slots' && grown.slots).to.deep.equal(['nomad06', 'nomad07', 'nomad08', 'nomad09']);
  });

  it('parks a slot when its drain is through', () => {
    const world = settled({}, services(2));
    const change = becomes(services(2), web);
    expect(world.apply(change)).to.deep.equal(['drain-slot web/nomad02']);
    expect(world.plan(change)).to.deep.equal({ steps: [], againMs: 30_000 });
    expect(world.wait(30_000).apply(change)).to.deep.equal(['free-slot web/nomad02']);
    expect(world.plan(change)).to.deep.equal({ steps: [] });
  });

  it('gets its slot back when it restarts at the same address within the drain', () => {
    const world = settled({}, web);
    const nobody = starting(registration({ port: 9 }));
    world.apply(becomes(web, nobody));
    const restarted = serving(registration({ alloc: 'next' }));
    expect(world.wait(1000).plans(becomes(nobody, restarted))).to.deep.equal(['fill-slot web/nomad01 10.0.0.1:8001']);
  });

  it('leaves a slot alone that serves an instance not admitted since the restart of the connector', () => {
    expect(settled({}, web).plans(appears(starting(at(8001))))).to.deep.equal([]);
  });

  it('is found by its mark after a restart and left as it is', () => {
    const { state } = settled({}, web);
    const restarted = givenView(state.text);
    expect(restarted.plans(appears(web))).to.deep.equal([]);
  });

  it('takes over the section of a service that went', () => {
    const shop = (service: string, port: number) =>
      serving(registration({ service, port, tags: [enabled, 'haproxy.backend.name=shop'] }));
    const [old, fresh] = [shop('a', 8001), shop('b', 8002)];
    const world = settled({}, old);
    world.settle(goes(old), appears(fresh));
    expect(world.slots('shop').filter((slot) => slot.includes('serving'))).to.deep.equal([
      'nomad02 serving 10.0.0.1:8002',
    ]);
    expect(world.view().backends.get('shop')?.mark?.service).to.equal('default/b');
  });
});

describe('A service that goes', () => {
  const shop = serving(at(8001, 'haproxy.domain=a.com'));

  it('drains at once, answers 503 for the retention, and is removed with the next reload or in ten minutes', () => {
    const world = settled({}, shop);
    expect(world.apply(goes(shop))).to.deep.equal(['drain-slot web/nomad01']);
    expect(world.plan(goes(shop)).againMs).to.equal(30_000);
    expect(world.wait(30_000).apply(goes(shop))).to.deep.equal(['free-slot web/nomad01']);
    expect(world.plan(goes(shop))).to.deep.equal({ steps: [], againMs: 5 * minute });
    expect(world.rows('exact')).to.deep.equal({ 'a.com': 'web' });
    expect(world.wait(5 * minute).plans(goes(shop))).to.deep.equal(['remove-backend web', 'delete-route exact a.com']);
    expect(world.apply(goes(shop))).to.deep.equal(['delete-route exact a.com']);
    expect(world.wait(10 * minute).apply(goes(shop))).to.deep.equal(['remove-backend web']);
    expect(world.plans(goes(shop))).to.deep.equal([]);
  });

  it('goes with the reload that somebody else needs', () => {
    const world = settled({}, shop);
    const other = serving(registration({ service: 'other' }));
    for (const ms of [0, 30_000, 5 * minute]) world.wait(ms).apply(goes(shop));
    expect(world.apply(appears(other))).to.deep.equal([
      'remove-backend web',
      'create-backend other of 4',
      'fill-slot other/nomad01 10.0.0.1:8001',
    ]);
  });

  it('is not removed when it comes back meanwhile', () => {
    const world = settled({}, shop);
    for (const ms of [0, 30_000, 5 * minute]) world.wait(ms).apply(goes(shop));
    expect(world.apply(appears(shop))).to.deep.equal([
      'fill-slot web/nomad01 10.0.0.1:8001',
      'set-route exact a.com web',
    ]);
    expect(world.apply(appears(serving(registration({ service: 'other' }))))).not.to.include('remove-backend web');
  });

  it('is not removed when another service takes its backend meanwhile', () => {
    const [old, fresh] = ['a', 'b'].map((service) =>
      serving(registration({ service, tags: [enabled, 'haproxy.backend.name=shop'] })),
    );
    const world = settled({}, old!);
    for (const ms of [0, 30_000, 5 * minute]) world.wait(ms).apply(goes(old!));
    expect(world.apply(appears(fresh!))).to.deep.equal(['update-backend shop', 'fill-slot shop/nomad01 10.0.0.1:8001']);
  });

  it('keeps its backend, and says so, while a hand-written rule names it', () => {
    const config = base.replace('default_backend legacy', 'use_backend web if { path_beg /web }');
    const world = givenView(config).settle(appears(web));
    for (const ms of [0, 30_000]) world.wait(ms).apply(goes(web));
    const { steps, failure } = world.wait(5 * minute).plan(goes(web));
    expect(steps).to.deep.equal([]);
    expect(messageOf(failure)).to.equal(
      'rejected: backend web has no service any more but is kept: a hand-written rule names it',
    );
  });

  it('leaves nothing of a service that went while the connector was away', () => {
    const { state } = settled({}, shop);
    const world = givenView(state.text);
    for (const [host, backend] of state.maps.exact) world.state.maps.exact.set(host, backend);
    world.settle(goes(shop));
    expect(world.view().backends.has('web')).to.equal(false);
    expect(world.rows('exact')).to.deep.equal({});
  });
});

describe('A service that is no longer enabled', () => {
  it('loses its rows, drains, and its backend goes without retention', () => {
    const shop = serving(at(8001, 'haproxy.domain=a.com'));
    const off = serving(registration({ tags: [] }));
    const world = settled({}, shop);
    expect(world.apply(becomes(shop, off))).to.deep.equal(['delete-route exact a.com', 'drain-slot web/nomad01']);
    expect(world.wait(30_000).apply(becomes(shop, off))).to.deep.equal(['free-slot web/nomad01']);
    expect(world.plans(becomes(shop, off))).to.deep.equal(['remove-backend web']);
  });
});

describe('A service that moves to another backend', () => {
  const old = serving(at(8001, 'haproxy.domain=a.com'));
  const moves: readonly (readonly [what: string, before: Service, after: Service, first: readonly string[]])[] = [
    [
      'by another name',
      old,
      serving(inBackend('shop', 'haproxy.domain=a.com')),
      ['create-backend shop of 4', 'fill-slot shop/nomad01 10.0.0.1:8001', 'set-route exact a.com shop'],
    ],
    [
      'of somebody else',
      old,
      serving(custom('legacy', 'haproxy.domain=a.com')),
      ['grow-slots legacy by 4', 'fill-slot legacy/nomad01 10.0.0.1:8001', 'set-route exact a.com legacy'],
    ],
    [
      'of its own',
      serving(custom('legacy', 'haproxy.domain=a.com')),
      old,
      ['create-backend web of 4', 'fill-slot web/nomad01 10.0.0.1:8001', 'set-route exact a.com web'],
    ],
  ];
  for (const [what, before, after, first] of moves) {
    it(`${what} leaves the old one only when the new one serves`, () => {
      const world = settled({}, before);
      const [from] = world.view().backendsOf.get('default/web')!;
      const change = becomes(before, after);
      expect(world.apply(change)).to.deep.equal(first);
      expect(world.slots(from!)).to.include('nomad01 serving 10.0.0.1:8001');
      expect(world.wait(100).apply(change)).to.deep.equal([`drain-slot ${from!}/nomad01`]);
      world.settle(change);
      expect(world.view().backendsOf.get('default/web')).to.deep.equal([after.wish?.backend]);
      expect(world.plans(change)).to.deep.equal([]);
    });
  }

  it('comes back soon to leave the old one', () => {
    expect(settled({}, old).plan(becomes(old, serving(inBackend('shop')))).againMs).to.equal(100);
    expect(settled({}, old).plan(becomes(old, serving(custom('legacy')))).againMs).to.equal(100);
  });

  it('stays where it is while the new one is refused', () => {
    const world = settled({}, old);
    const change = becomes(
      old,
      serving(custom('missing'), registration({ ...custom('missing'), port: 8002, alloc: 'b', id: 'b' })),
    );
    const { steps, failure } = world.plan(change);
    expect(steps.map(brief)).to.deep.equal(['fill-slot web/nomad02 10.0.0.1:8002']);
    expect(failure?.kind).to.equal('not-found');
    expect(world.rows('exact')).to.deep.equal({ 'a.com': 'web' });
  });

  it('drains there too what goes meanwhile', () => {
    const world = settled({}, services(2));
    const change = becomes(services(2), serving(custom('missing')));
    expect(world.apply(change)).to.deep.equal(['drain-slot web/nomad02']);
    expect(world.plan(change).againMs).to.equal(30_000);
  });
});

describe('A backend of somebody else', () => {
  const compatible = serving(inBackend('legacy'));
  const cases: readonly (readonly [
    what: string,
    policy: Partial<Policy>,
    wish: Service,
    steps: readonly string[],
    failure: string | undefined,
  ])[] = [
    [
      'compatible, use_existing',
      { strategy: 'use_existing' },
      compatible,
      ['grow-slots legacy by 4', 'fill-slot legacy/nomad01 10.0.0.1:8001'],
      undefined,
    ],
    [
      'with a static balance algorithm, use_existing',
      { strategy: 'use_existing' },
      serving(inBackend('hashed')),
      [],
      'rejected: backend hashed exists and cannot take this service: its balance algorithm is static, so servers cannot change without a reload',
    ],
    [
      'in another mode, use_existing',
      { strategy: 'use_existing' },
      serving(inBackend('stream')),
      [],
      'rejected: backend stream exists and cannot take this service: its mode is tcp, not http',
    ],
    [
      'compatible, create_new',
      { strategy: 'create_new' },
      compatible,
      ['create-backend nomad_default_legacy of 4', 'fill-slot nomad_default_legacy/nomad01 10.0.0.1:8001'],
      undefined,
    ],
    [
      'with a static balance algorithm, create_new',
      { strategy: 'create_new' },
      serving(inBackend('hashed')),
      ['create-backend nomad_default_hashed of 4', 'fill-slot nomad_default_hashed/nomad01 10.0.0.1:8001'],
      undefined,
    ],
    [
      'compatible, fail_on_conflict',
      { strategy: 'fail_on_conflict' },
      compatible,
      [],
      'rejected: backend legacy exists and is not ours',
    ],
    [
      'with a static balance algorithm, fail_on_conflict',
      { strategy: 'fail_on_conflict' },
      serving(inBackend('hashed')),
      [],
      'rejected: backend hashed exists and is not ours',
    ],
    [
      'compatible, where the tag overrules the policy',
      { strategy: 'use_existing' },
      serving(inBackend('legacy', 'haproxy.backend.strategy=fail_on_conflict')),
      [],
      'rejected: backend legacy exists and is not ours',
    ],
  ];
  for (const [what, over, service, steps, failure] of cases) {
    it(`${what}: ${failure ?? steps[0]!}`, () => {
      const plan = givenView(base, over).plan(appears(service));
      expect(plan.steps.map(brief)).to.deep.equal(steps);
      expect(messageOf(plan.failure)).to.equal(failure);
    });
  }

  describe('that another connector made', () => {
    const others = `${base}\nbackend web from main\n  description edge default/web 12ab34cd\n`;

    it('is never joined: there is one of our own beside it', () => {
      const plans = givenView(others, { strategy: 'use_existing' }).plans(appears(serving(inBackend('web'))));
      expect(plans[0]).to.equal('create-backend nomad_default_web of 4');
    });

    it('is no custom backend either', () => {
      const { steps, failure } = givenView(others).plan(appears(serving(custom('web'))));
      expect(steps).to.deep.equal([]);
      expect(messageOf(failure)).to.equal('rejected: backend web is made by another connector');
    });
  });

  it('taken twice, create_new: the second name is refused, unless it is ours already', () => {
    const taken = `${base}\nbackend nomad_default_legacy from main\n`;
    const plan = givenView(taken, { strategy: 'create_new' }).plan(appears(compatible));
    expect(messageOf(plan.failure)).to.equal(
      'rejected: backends legacy and nomad_default_legacy both exist and are not ours',
    );
    expect(settled({ strategy: 'create_new' }, compatible).plans(stays(compatible))).to.deep.equal([]);
  });

  describe('create_new, where another service of ours has the second name', () => {
    const world = settled({ strategy: 'create_new' }, compatible);
    const heir = serving(registration({ ...inBackend('legacy'), service: 'heir', id: 'heir' }));

    it('waits while that one serves', () => {
      const plan = world.plan(appears(heir));
      expect(plan.steps).to.deep.equal([]);
      expect(messageOf(plan.failure)).to.equal('conflict: backend nomad_default_legacy is the backend of default/web');
    });

    it('takes it over when that one has gone', () => {
      world.apply(goes(compatible));
      expect(world.plans(appears(heir))).to.deep.equal([
        'update-backend nomad_default_legacy',
        'fill-slot nomad_default_legacy/nomad01 10.0.0.1:8001',
      ]);
    });
  });

  it('that another service of ours holds is refused until that service leaves', () => {
    const shop = (service: string) => registration({ service, tags: [enabled, 'haproxy.backend.name=shop'] });
    const catalog = given(snapshot([shop('a'), shop('b')]));
    const plan = givenView(base).plan(appears(catalog.service('default/b')!));
    expect(plan.steps).to.deep.equal([]);
    expect(messageOf(plan.failure)).to.equal('rejected: backend shop is the backend of default/a');
  });
});

describe('A custom service', () => {
  it('gets slots in its backend and leaves the servers there alone', () => {
    const world = settled({}, serving(custom('legacy')));
    expect(world.slots('legacy')).to.deep.equal([
      'nomad01 serving 10.0.0.1:8001',
      'nomad02 free',
      'nomad03 free',
      'nomad04 free',
    ]);
    expect(world.state.text).to.contain('  server hand 10.9.9.9:80 check\n');
    expect(world.plans(stays(serving(custom('legacy'))))).to.deep.equal([]);
  });

  it('takes any backend, whatever its balance algorithm', () => {
    expect(givenView(base).plans(appears(serving(custom('hashed'))))[0]).to.equal('grow-slots hashed by 4');
  });

  it('is told that its backend is missing', () => {
    const { steps, failure } = givenView(base).plan(appears(serving(custom('missing'))));
    expect(steps).to.deep.equal([]);
    expect(messageOf(failure)).to.equal('not-found: backend missing does not exist');
    expect(failure?.where).to.equal('backend missing');
  });

  it('cannot name a backend of ours', () => {
    const other = registration({ ...custom('web'), service: 'other' });
    expect(messageOf(settled({}, web).plan(appears(serving(other))).failure)).to.equal(
      'rejected: backend web is the backend of default/web',
    );
  });

  it('has its slots rewritten when its settings change', () => {
    const world = settled({}, serving(custom('legacy')));
    const change = becomes(serving(custom('legacy')), serving(custom('legacy', 'haproxy.maxconn=5')));
    expect(world.apply(change)).to.deep.equal(['update-slots legacy/nomad01,nomad02,nomad03,nomad04']);
    expect(world.plans(change)).to.deep.equal([]);
  });

  it('grows like others', () => {
    const many = (count: number, ...tags: readonly string[]) =>
      serving(
        ...Array.from({ length: count }, (_, n) =>
          registration({ ...custom('legacy', ...tags), port: 8001 + n, id: `${n}` }),
        ),
      );
    const world = settled({}, many(4));
    for (const [scaled, growth] of [
      [many(5), 'grow-slots legacy by 4'],
      [many(5, 'haproxy.slots=20'), 'grow-slots legacy by 16'],
    ] as const) {
      expect(world.plans(becomes(many(4), scaled))).to.deep.equal([growth, 'fill-slot legacy/nomad05 10.0.0.1:8005']);
    }
  });

  it('loses its slots, and only those, when it goes', () => {
    const [a, b] = ['a', 'b'].map((service) => serving({ ...custom('legacy'), service, id: service }));
    const world = settled({}, a!, b!);
    world.settle(goes(a!));
    const left = world.view().backends.get('legacy')!;
    expect(left.slots.map(({ service }) => service)).to.deep.equal(Array.from({ length: 4 }, () => 'default/b'));
    expect(left.foreignServers).to.deep.equal(['hand']);
  });

  it('shares its backend with another one, also when both come in one batch', () => {
    const [a, b] = ['a', 'b'].map((service, n) =>
      serving({ ...custom('legacy'), service, id: service, port: 8001 + n }),
    );
    const world = givenView(base);
    expect(world.apply(appears(a!), appears(b!))).to.deep.equal([
      'grow-slots legacy by 4',
      'grow-slots legacy by 4',
      'fill-slot legacy/nomad01 10.0.0.1:8001',
      'fill-slot legacy/nomad05 10.0.0.1:8002',
    ]);
    expect(
      new Set(
        world
          .view()
          .backends.get('legacy')!
          .slots.map(({ name }) => name),
      ).size,
    ).to.equal(8);
    expect(world.plans(stays(a!), stays(b!))).to.deep.equal([]);
  });

  it('shares it also where both grow in one batch', () => {
    const of = (service: string, count: number) =>
      serving(
        ...Array.from({ length: count }, (_, n) => ({
          ...custom('legacy'),
          service,
          id: `${service}${n}`,
          port: 8001 + n,
        })),
      );
    const world = settled({}, of('a', 4), of('b', 4));
    world.settle(appears(of('a', 5)), appears(of('b', 5)));
    expect(
      new Set(
        world
          .view()
          .backends.get('legacy')!
          .slots.map(({ name }) => name),
      ).size,
    ).to.equal(16);
  });
});

describe('The domains of a service', () => {
  const shop = (...tags: readonly string[]) => serving(at(8001, ...tags));

  const rows: readonly (readonly [tags: readonly string[], steps: readonly string[]])[] = [
    [['haproxy.domain=a.com'], ['set-route exact a.com web']],
    [['haproxy.domain=A.com,b.com'], ['set-route exact a.com web', 'set-route exact b.com web']],
    [['haproxy.domain=api.', 'haproxy.domain.type=prefix'], ['set-route prefix api. web']],
    [['haproxy.domain=^x[0-9]', 'haproxy.domain.type=regex'], ['set-route regex ^x[0-9] web']],
  ];
  for (const [tags, steps] of rows) {
    it(`become rows: ${tags.join(' ')}`, () => {
      expect(givenView(base).plans(appears(shop(...tags)))).to.deep.equal([
        'create-backend web of 4',
        'fill-slot web/nomad01 10.0.0.1:8001',
        ...steps,
        'install-routing www',
      ]);
    });
  }

  it('change row by row', () => {
    const [before, after] = [shop('haproxy.domain=a.com,b.com'), shop('haproxy.domain=b.com,c.com')];
    expect(settled({}, before).plans(becomes(before, after))).to.deep.equal([
      'set-route exact c.com web',
      'delete-route exact a.com',
    ]);
  });

  it('are refused where the backend is in tcp mode', () => {
    const { steps, failure } = givenView(base).plan(appears(serving(custom('stream', 'haproxy.domain=a.com'))));
    expect(steps.map(brief).filter((step) => step.startsWith('set-route'))).to.deep.equal([]);
    expect(messageOf(failure)).to.equal(
      'rejected: domains are refused: backend stream is in tcp mode, and a request routed there would be cut',
    );
    expect(givenView(base).plan(appears(serving(custom('stream')))).failure).to.equal(undefined);
  });

  it('pass to another service without a moment in between', () => {
    const [a, b] = ['a', 'b'].map((service, n) =>
      registration({ service, port: 8001 + n, createIndex: n, tags: [enabled, 'haproxy.domain=a.com'] }),
    );
    const catalog = given(snapshot([a!, b!]));
    const world = givenView(base).settle(...catalog.services().map(appears));
    expect(world.rows('exact')).to.deep.equal({ 'a.com': 'a' });
    const changes = catalog.changes({ kind: 'service-registered', index: 9, registration: { ...a!, tags: [enabled] } });
    expect(world.apply(...changes)).to.deep.equal(['set-route exact a.com b']);
    expect(world.plans(...changes)).to.deep.equal([]);
  });

  it('pass to another service in the same backend', () => {
    const of = (service: string, ...tags: readonly string[]) =>
      serving({ ...custom('legacy', ...tags), service, id: service });
    const world = settled({}, of('a', 'haproxy.domain=a.com'), of('b'));
    const changes = [
      becomes(of('a', 'haproxy.domain=a.com'), of('a')),
      becomes(of('b'), of('b', 'haproxy.domain=a.com')),
    ];
    expect(world.plans(...changes)).to.deep.equal([]);
  });

  it('do not count where another service holds them', () => {
    const service: Service = {
      ...shop('haproxy.domain=a.com,b.com'),
      denials: [{ claim: 'exact domain a.com', holder: 'default/x' }],
    };
    expect(grantedRoutes(service)).to.deep.equal([{ map: 'exact', key: 'b.com' }]);
    expect(grantedRoutes(undefined)).to.deep.equal([]);
  });

  it('are not deleted where they lead to somebody else meanwhile', () => {
    const world = givenView(settled({}, shop('haproxy.domain=a.com')).state.text);
    world.state.maps.exact.set('a.com', 'legacy');
    expect(world.plans(becomes(shop('haproxy.domain=a.com'), shop()))).to.deep.equal([]);
  });

  it('go where their backend was removed by hand', () => {
    const world = givenView(base);
    world.state.maps.exact.set('a.com', 'web');
    expect(world.plans(goes(shop('haproxy.domain=a.com')))).to.deep.equal(['delete-route exact a.com']);
  });

  it('stay as they are while the wish is refused', () => {
    const before = shop('haproxy.domain=a.com');
    const change = becomes(before, serving(custom('missing', 'haproxy.domain=b.com')));
    expect(settled({}, before).plans(change)).to.deep.equal([]);
  });

  describe('and the routing rule', () => {
    it('is installed once, in every frontend that lacks it', () => {
      const config = `${base}\nfrontend extra from main\n  bind :81\n`;
      const world = givenView(config, { frontends: ['www', 'extra'] });
      const [a, b] = ['a', 'b'].map((service) =>
        serving(registration({ service, tags: [enabled, `haproxy.domain=${service}.com`] })),
      );
      expect(world.apply(appears(a!), appears(b!)).filter((step) => step.startsWith('install'))).to.deep.equal([
        'install-routing www',
        'install-routing extra',
      ]);
      expect(world.plans(stays(a!), stays(b!))).to.deep.equal([]);
    });

    it('is not installed for a service without domains', () => {
      expect(givenView(base).plans(appears(web))).not.to.include('install-routing www');
    });

    const missing: readonly (readonly [frontend: string, config: string, message: string, hint: string])[] = [
      ['nobody', base, 'not-found: frontend nobody does not exist', 'write that frontend'],
      [
        'raw',
        `${base}\nfrontend raw from main\n  mode tcp\n`,
        'not-found: frontend raw is in tcp mode and has no host to route by',
        'name one in http mode',
      ],
    ];
    for (const [frontend, config, message, hint] of missing) {
      it(`says that ${message.slice(11)}, and does the rest`, () => {
        const { steps, failure } = givenView(config, { frontends: [frontend, 'www'] }).plan(
          appears(shop('haproxy.domain=a.com')),
        );
        expect(messageOf(failure)).to.equal(message);
        expect(steps.map(brief)).to.include.members(['set-route exact a.com web', 'install-routing www']);
        expect(failure?.hint).to.include(hint);
      });
    }
  });
});

describe('place', () => {
  it('is nowhere for what is not managed', () => {
    expect(place(undefined, givenView(base).view(), policy)).to.deep.equal({ kind: 'nowhere' });
    expect(place(serving(registration({ tags: [] })), givenView(base).view(), policy)).to.deep.equal({
      kind: 'nowhere',
    });
  });
});

describe('leftBackends', () => {
  const { view } = settled({}, web);
  const key = 'default/web';

  it('are all where a service has no place any more, and none while its place is refused', () => {
    expect(leftBackends({ key }, { kind: 'nowhere' }, view())).to.deep.equal(['web']);
    const failure: Failure = { kind: 'rejected', message: '', where: '', hint: '' };
    expect(leftBackends({ key }, { kind: 'refused', failure }, view())).to.deep.equal([]);
    expect(leftBackends({ key: 'default/other' }, { kind: 'nowhere' }, view())).to.deep.equal([]);
  });
});

describe('mergePlans', () => {
  it('keeps the first failure and the earlier time', () => {
    const [a, b]: readonly Failure[] = ['a', 'b'].map((message) => ({
      kind: 'rejected',
      message,
      where: '',
      hint: '',
    }));
    expect(mergePlans({ steps: [], againMs: 5, failure: a! }, { steps: [], againMs: 3, failure: b! })).to.deep.equal({
      steps: [],
      againMs: 3,
      failure: a,
    });
    expect(mergePlans({ steps: [] }, { steps: [], failure: b! })).to.deep.equal({ steps: [], failure: b });
    expect(mergePlans({ steps: [] }, { steps: [] })).to.deep.equal({ steps: [] });
  });
});
