import { expect } from 'chai';
import { readInstance } from '../../../lib/model/instance.ts';
import { defaultBackendName, readWish } from '../../../lib/model/wish.ts';
import type { Job, JobCheck, JobService, Registration } from '../../../lib/model/events.ts';
import type { Problem } from '../../../lib/model/problem.ts';
import type { Check, Instance, Wish } from '../../../lib/model/service.ts';
import { enabled, job, jobCheck, registration, tagged } from '../../support/given.ts';

const up = (one: Registration): Instance => readInstance(one, true, 'haproxy');
const down = (one: Registration): Instance => readInstance(one, false, 'haproxy');
const read = (instances: readonly Instance[], of?: Job) => readWish('default', 'web', instances, of);
const wishOf = (...instances: readonly Instance[]): Wish => read(instances).wish!;
const textOf = ({ subject, text }: Problem) => `${subject} ${text}`;

describe('readWish', () => {
  it('makes the same wish, to the identity, while settings and job are the same', () => {
    const one = up(registration());
    const other = readInstance(registration({ port: 8002 }), true, 'haproxy', [one]);
    expect(wishOf(one, other)).to.equal(wishOf(one));
  });

  it('makes each service its own wish of the same settings', () => {
    const one = up(registration());
    expect(readWish('default', 'api', [one], undefined).wish).to.include({ backend: 'api' });
    expect(readWish('default', 'web', [one], undefined).wish).to.include({ backend: 'web' });
  });

  const plain: Wish = {
    kind: 'dynamic',
    backend: 'web',
    mode: 'http',
    balance: 'roundrobin',
    check: { kind: 'tcp', intervalMs: 2000 },
    slots: 4,
    backup: false,
    maxconn: 0,
    routes: [],
  };

  const wishes: readonly (readonly [tags: readonly string[], wish: Partial<Wish>])[] = [
    [[], {}],
    [['haproxy.backend=custom'], { kind: 'custom' }],
    [['haproxy.backend.name=legacy'], { backend: 'legacy' }],
    [['haproxy.backend.strategy=fail_on_conflict'], { strategy: 'fail_on_conflict' }],
    [['haproxy.mode=tcp'], { mode: 'tcp' }],
    [['haproxy.balance=leastconn'], { balance: 'leastconn' }],
    [['haproxy.slots=12'], { slots: 12 }],
    [['haproxy.backup=true'], { backup: true }],
    [['haproxy.maxconn=50'], { maxconn: 50 }],
    [
      ['haproxy.domain=A.com,b.com'],
      {
        routes: [
          { map: 'exact', key: 'a.com' },
          { map: 'exact', key: 'b.com' },
        ],
      },
    ],
    [['haproxy.domain=^a,b$', 'haproxy.domain.type=regex'], { routes: [{ map: 'regex', key: '^a,b$' }] }],
    [['haproxy.domain=a.com'], { check: { kind: 'tcp', intervalMs: 2000 }, routes: [{ map: 'exact', key: 'a.com' }] }],
    [['haproxy.check.disabled=true', 'haproxy.check.path=/x'], { check: { kind: 'none' } }],
    [['haproxy.check.path=/x'], { check: { kind: 'http', method: 'GET', path: '/x', intervalMs: 2000 } }],
    [['haproxy.check.type=http'], { check: { kind: 'http', method: 'GET', path: '/', intervalMs: 2000 } }],
    [
      ['haproxy.check.path=/x', 'haproxy.check.method=HEAD', 'haproxy.check.host=a.com'],
      { check: { kind: 'http', method: 'HEAD', path: '/x', host: 'a.com', intervalMs: 2000 } },
    ],
    [['haproxy.check.path=/x', 'haproxy.check.type=tcp'], { check: { kind: 'tcp', intervalMs: 2000 } }],
  ];
  for (const [tags, wish] of wishes) {
    it(`makes of ${tags.length === 0 ? 'no tags' : tags.join(', ')} ${JSON.stringify(wish)}`, () => {
      expect(read([up(tagged(...tags))])).to.deep.equal({ wish: { ...plain, ...wish }, problems: [] });
    });
  }

  it('tells of twenty problems and counts the others', () => {
    const { problems } = read([up(tagged(...Array.from({ length: 10_000 }, (_, n) => `haproxy.x${n}=1`)))]);
    expect(problems).to.have.length(21);
    expect(textOf(problems[20]!)).to.equal('tags have 9980 more problems');
  });

  it('wishes nothing when no instance is managed, and still names the problems', () => {
    expect(read([])).to.deep.equal({ problems: [] });
    expect(read([up(registration({ tags: [] }))])).to.deep.equal({ problems: [] });
    const { wish, problems } = read([up(registration({ tags: ['haproxy.enabel=true'] }))]);
    expect(wish).to.equal(undefined);
    expect(problems.map(textOf)).to.deep.equal(['haproxy.enabel is not a tag; did you mean haproxy.enable?']);
  });

  it('names a problem that all instances share once', () => {
    const bad = [8001, 8002, 8003].map((port) => up(registration({ port, tags: [enabled, 'haproxy.weight=no'] })));
    expect(read(bad).problems).to.have.length(1);
  });

  it('refuses the domains of a tcp service', () => {
    const { wish, problems } = read([up(tagged('haproxy.mode=tcp', 'haproxy.domain=a.com'))]);
    expect(wish?.routes).to.deep.equal([]);
    expect(problems.map(textOf)).to.deep.equal(['domain is refused: a tcp service has no host names to route by']);
  });

  it('names a domain that cannot be used', () => {
    expect(read([up(tagged('haproxy.domain=*.a.com'))]).problems.map(textOf)).to.deep.equal([
      'domain "*.a.com" is not a host name; give a pattern as a regex, with domain.type=regex',
    ]);
  });

  describe('when instances disagree', () => {
    const old = (port: number) => registration({ port, createIndex: 10, tags: [enabled, 'haproxy.domain=old.com'] });
    const fresh = (port: number) => registration({ port, createIndex: 20, tags: [enabled, 'haproxy.domain=new.com'] });
    const domainOf = (...instances: readonly Instance[]) => wishOf(...instances).routes[0]?.key;

    it('goes by the majority of those that are admitted', () => {
      expect(domainOf(up(old(1)), up(old(2)), up(fresh(3)))).to.equal('old.com');
      expect(domainOf(up(old(1)), up(fresh(2)), up(fresh(3)))).to.equal('new.com');
    });

    it('goes by who serves longest in a draw, so that green instances beside as many blue ones move nothing', () => {
      expect(domainOf(up(old(1)), up(fresh(2)))).to.equal('old.com');
      expect(domainOf(up(fresh(1)), up(fresh(2)), up(old(3)), up(old(4)))).to.equal('old.com');
    });

    it('goes by the newer ones in a draw of instances that are equally old, their tags changed in place', () => {
      const changed = (port: number) => ({ ...fresh(port), createIndex: 10 });
      expect(domainOf(up(old(1)), up(changed(2)))).to.equal('new.com');
      expect(domainOf(up(changed(1)), up(old(2)))).to.equal('new.com');
    });

    it('is not moved by any number of instances that do not serve', () => {
      expect(domainOf(up(old(1)), down(fresh(2)), down(fresh(3)))).to.equal('old.com');
    });

    it('goes by the newest when none is admitted', () => {
      expect(domainOf(down(fresh(1)), down(old(2)), down(old(3)))).to.equal('new.com');
    });

    it('does not ask those that are not managed', () => {
      const off = up(registration({ port: 9, createIndex: 30, tags: ['haproxy.domain=off.com'] }));
      expect(domainOf(up(old(1)), off, off)).to.equal('old.com');
    });

    it('says so', () => {
      expect(read([up(old(1)), down(fresh(2))]).problems.map(textOf)).to.deep.equal([
        'tags differ between instances; those of most instances that serve count',
      ]);
    });

    it('does not take another order of tags, or another weight, for disagreement', () => {
      const one = registration({ port: 1, tags: [enabled, 'haproxy.balance=first', 'haproxy.weight=1'] });
      const other = registration({ port: 2, tags: ['haproxy.weight=2', 'haproxy.balance=first', enabled] });
      expect(read([up(one), up(other)]).problems).to.deep.equal([]);
    });
  });

  describe('looks for a check', () => {
    const http = jobCheck({ path: '/job', intervalMs: 10_000 });
    const tcp = jobCheck({ type: 'tcp', path: '/', intervalMs: 5000 });
    const withHeaders = jobCheck({ path: '/job', headers: { HOST: ['job.com'], Accept: ['*/*'] } });

    const found: readonly (readonly [
      what: string,
      checks: readonly JobCheck[],
      tags: readonly string[],
      check: Check,
    ])[] = [
      ["the job's http check", [http], [], { kind: 'http', method: 'GET', path: '/job', intervalMs: 10_000 }],
      [
        "the job's http check before its tcp check",
        [tcp, http],
        [],
        {
          kind: 'http',
          method: 'GET',
          path: '/job',
          intervalMs: 10_000,
        },
      ],
      ["the job's tcp check", [tcp], [], { kind: 'tcp', intervalMs: 5000 }],
      ['a tcp connect', [], [], { kind: 'tcp', intervalMs: 2000 }],
      [
        "the job's HEAD check with its host",
        [{ ...withHeaders, method: 'HEAD' }],
        [],
        {
          kind: 'http',
          method: 'HEAD',
          path: '/job',
          host: 'job.com',
          intervalMs: 10_000,
        },
      ],
      [
        "its tags' path, before the job's",
        [http],
        ['haproxy.check.path=/tag'],
        {
          kind: 'http',
          method: 'GET',
          path: '/tag',
          intervalMs: 10_000,
        },
      ],
      [
        "its tags' host and method for the job's path",
        [withHeaders],
        ['haproxy.check.host=t.com', 'haproxy.check.method=HEAD'],
        {
          kind: 'http',
          method: 'HEAD',
          path: '/job',
          host: 't.com',
          intervalMs: 10_000,
        },
      ],
      [
        "the job's path and host where tags say only http",
        [withHeaders],
        ['haproxy.check.type=http'],
        {
          kind: 'http',
          method: 'GET',
          path: '/job',
          host: 'job.com',
          intervalMs: 10_000,
        },
      ],
      [
        'http where tags say so and the job says tcp',
        [tcp],
        ['haproxy.check.type=http'],
        {
          kind: 'http',
          method: 'GET',
          path: '/',
          intervalMs: 5000,
        },
      ],
      [
        'tcp where tags say so and the job says http',
        [http],
        ['haproxy.check.type=tcp'],
        {
          kind: 'tcp',
          intervalMs: 10_000,
        },
      ],
      ['none where tags say so', [http], ['haproxy.check.disabled=true'], { kind: 'none' }],
      [
        'GET where tags give a path and the job posts',
        [jobCheck({ method: 'POST' })],
        ['haproxy.check.path=/tag'],
        {
          kind: 'http',
          method: 'GET',
          path: '/tag',
          intervalMs: 10_000,
        },
      ],
      [
        "no host where the job's cannot be used",
        [jobCheck({ path: '/job', headers: { Host: ['a b'] } })],
        [],
        {
          kind: 'http',
          method: 'GET',
          path: '/job',
          intervalMs: 10_000,
        },
      ],
      [
        'no host where the header is empty',
        [jobCheck({ path: '/job', headers: { Host: [] } })],
        [],
        {
          kind: 'http',
          method: 'GET',
          path: '/job',
          intervalMs: 10_000,
        },
      ],
      ['whole milliseconds', [jobCheck({ type: 'tcp', intervalMs: 1500.4 })], [], { kind: 'tcp', intervalMs: 1500 }],
      ['twice a second at most', [jobCheck({ type: 'tcp', intervalMs: 1 })], [], { kind: 'tcp', intervalMs: 500 }],
      ['once a minute at least', [jobCheck({ type: 'tcp', intervalMs: 9e9 })], [], { kind: 'tcp', intervalMs: 60_000 }],
      [
        'every two seconds where the job says 0',
        [jobCheck({ type: 'tcp', intervalMs: 0 })],
        [],
        {
          kind: 'tcp',
          intervalMs: 2000,
        },
      ],
      [
        'its own port by name',
        [jobCheck({ portLabel: 'http' })],
        [],
        {
          kind: 'http',
          method: 'GET',
          path: '/health',
          intervalMs: 10_000,
        },
      ],
    ];
    for (const [what, checks, tags, check] of found) {
      it(`and finds ${what}`, () => {
        const { wish, problems } = read([up(tagged(...tags))], job({}, { checks }));
        expect({ check: wish?.check, problems }).to.deep.equal({ check, problems: [] });
      });
    }

    const unusable: readonly (readonly [check: Partial<JobCheck>, problem: string])[] = [
      [{ portLabel: 'admin' }, "the job's http check asks another port (admin); a TCP connect is used"],
      [{ type: 'tcp', portLabel: 'admin' }, "the job's tcp check asks another port (admin); a TCP connect is used"],
      [
        { protocol: 'https' },
        "the job's http check asks by https, which the servers of a backend do not speak; a TCP connect is used",
      ],
      [{ method: 'POST' }, "the job's http check has method POST; only GET and HEAD are asked; a TCP connect is used"],
      [{ path: '/a b' }, "the job's http check has a path that HAProxy cannot be given; a TCP connect is used"],
      [{ path: '/a\nevil' }, "the job's http check has a path that HAProxy cannot be given; a TCP connect is used"],
    ];
    for (const [over, problem] of unusable) {
      it(`and connects by TCP where ${problem}`, () => {
        const { wish, problems } = read([up(registration())], job({}, { checks: [jobCheck(over)] }));
        expect(wish?.check).to.deep.equal({ kind: 'tcp', intervalMs: 10_000 });
        expect(problems.map(textOf)).to.deep.equal([problem]);
      });
      it(`but not where tags give the path, whatever the job's check (${problem.slice(0, 40)}...)`, () => {
        const { wish, problems } = read([up(tagged('haproxy.check.path=/tag'))], job({}, { checks: [jobCheck(over)] }));
        expect(wish?.check.kind).to.equal('http');
        expect(problems).to.deep.equal([]);
      });
    }
  });

  describe('sizes its backend', () => {
    const sizes: readonly (readonly [what: string, block: Partial<JobService>, slots: number])[] = [
      ['by 4 at least', { count: 1 }, 4],
      ['by twice the count', { count: 5 }, 10],
      ['by count and canaries', { count: 3, canaries: 6 }, 9],
      ['by the scaling limit', { count: 2, scalingMax: 40 }, 40],
      ['by 256 at most', { count: 200 }, 256],
      ['by 256 at most, whatever may be scaled to', { scalingMax: 5000 }, 256],
    ];
    for (const [what, block, slots] of sizes) {
      it(what, () => {
        expect(read([up(registration())], job({}, block)).wish?.slots).to.equal(slots);
      });
    }

    it('by the newest version of the job too, whichever counts', () => {
      const sizeOf = (counts: number, newest: number) =>
        readWish(
          'default',
          'web',
          [up(registration())],
          job({}, { count: counts }),
          undefined,
          job({}, { count: newest }),
        ).wish?.slots;
      expect([sizeOf(2, 20), sizeOf(20, 2)]).to.deep.equal([40, 40]);
    });

    it('by its tag before all', () => {
      expect(read([up(tagged('haproxy.slots=2'))], job({}, { count: 50 })).wish?.slots).to.equal(2);
    });

    it('by 4 where the job is not known, or has no such service', () => {
      expect(read([up(registration())]).wish?.slots).to.equal(4);
      expect(read([up(registration())], job({}, { count: 50, group: 'other' })).wish?.slots).to.equal(4);
    });
  });
});

describe('defaultBackendName', () => {
  const names: readonly (readonly [namespace: string, name: string, backend: string])[] = [
    ['default', 'web', 'web'],
    ['default', 'shop-api', 'shop_api'],
    ['prod', 'shop-api', 'prod_shop_api'],
    ['default', 'a.b:c_d', 'a.b:c_d'],
    ['default', 'a b#"\n', 'a_b___'],
    ['default', 'bücher', 'b_cher'],
    ['prod', '..', 'prod_..'],
  ];
  for (const [namespace, name, backend] of names) {
    it(`makes ${backend} of ${JSON.stringify(`${namespace}/${name}`)}`, () => {
      expect(defaultBackendName(namespace, name)).to.equal(backend);
    });
  }

  it('shortens names of 300 characters and keeps them apart', () => {
    const [one, other] = ['1', '2'].map((end) => defaultBackendName('default', 'x'.repeat(299) + end));
    expect(one).to.match(/^x{111}_[0-9a-f]{8}$/);
    expect(other).not.to.equal(one);
  });
});
