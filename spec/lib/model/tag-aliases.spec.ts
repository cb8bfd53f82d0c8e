import { expect } from 'chai';
import fc from 'fast-check';
import { aliasSets, concernUs, followAliases } from '../../../lib/model/tag-aliases.ts';
import { parseTags } from '../../../lib/model/tags.ts';
import { registration } from '../../support/given.ts';

function follow(...tags: readonly string[]) {
  const given = registration({ tags });
  const { tags: all, problems = [], ...rest } = followAliases(given, 'haproxy', ['traefik']);
  expect(all.slice(0, tags.length)).to.deep.equal(tags);
  expect({ ...rest, tags }).to.deep.equal(given);
  return { added: all.slice(tags.length), problems: problems.map(({ subject, text }) => `${subject} ${text}`) };
}

const on = 'traefik.enable=true';
const host = (name: string, router = 'web') => `traefik.http.routers.${router}.rule=Host(\`${name}\`)`;
const balancer = 'traefik.http.services.web.loadbalancer';
const noDomain =
  'traefik tags cannot be followed as a whole: no domain is taken from them; remove what is named, or give haproxy.domain';
const noCheck =
  'traefik tags cannot be followed as a whole: no check is taken from them; remove what is named, or give haproxy.check.path';

describe('tags of Traefik', () => {
  const read: readonly (readonly [what: string, tags: readonly string[], added: readonly string[]])[] = [
    ['that enable', [on], ['haproxy.enable=true']],
    ['that disable', ['traefik.enable=false', host('a.example.com')], ['haproxy.enable=false']],
    ['in any case and with blanks', [' traefik.Enable = True '], ['haproxy.enable=true']],
    [
      'with a host',
      [on, host('a.example.com')],
      ['haproxy.enable=true', 'haproxy.domain.type=exact', 'haproxy.domain=a.example.com'],
    ],
    [
      'with several routers',
      [on, host('a.example.com'), host('b.example.com', 'more'), host('a.example.com', 'again')],
      [
        'haproxy.enable=true',
        'haproxy.domain.type=exact',
        'haproxy.domain=a.example.com',
        'haproxy.domain=b.example.com',
      ],
    ],
    [
      'with a regular expression',
      [on, 'traefik.http.routers.web.rule=HostRegexp(`^[a-z]+=\\.example\\.com$`)'],
      ['haproxy.enable=true', 'haproxy.domain.type=regex', 'haproxy.domain=^[a-z]+=\\.example\\.com$'],
    ],
    [
      'with a health check',
      [
        on,
        `${balancer}.healthCheck.path=/up`,
        `${balancer}.healthcheck.hostname=up.example.com`,
        `${balancer}.healthcheck.method=HEAD`,
      ],
      [
        'haproxy.enable=true',
        'haproxy.check.path=/up',
        'haproxy.check.host=up.example.com',
        'haproxy.check.method=HEAD',
      ],
    ],
    [
      'that say what holds anyway',
      [
        on,
        host('a.example.com'),
        `${balancer}.passhostheader=true`,
        `${balancer}.server.scheme=http`,
        'traefik.http.routers.web.service=Web',
      ],
      ['haproxy.enable=true', 'haproxy.domain.type=exact', 'haproxy.domain=a.example.com'],
    ],
  ];
  for (const [what, tags, added] of read) {
    it(`are read as ours: those ${what}`, () => {
      expect(follow(...tags)).to.deep.equal({ added, problems: [] });
    });
  }

  const refusing: readonly (readonly [tag: string, problem: string])[] = [
    [
      'http.routers.web.rule=Host(`a`) && PathPrefix(`/x`)',
      'uses &&, but only Host, HostRegexp and || can be followed',
    ],
    [
      'http.routers.other.rule=HostRegexp(`^a`)',
      'mix Host and HostRegexp, but the domains of a service are of one kind',
    ],
    [
      'http.routers.web.middlewares=auth',
      'middlewares have to be rules of your frontend, or of a backend that you wrote',
    ],
    ['http.routers.web.entrypoints=websecure', 'a domain is routed in every frontend of haproxy.frontend'],
    ['http.routers.web.tls=true', 'whether TLS is asked for is said by the bind lines of your frontend'],
    ['http.routers.web.tls.options=mtls', 'certificates and TLS options belong to the bind lines of your frontend'],
    ['http.routers.web.priority=10', 'an exact domain goes before a prefix, and that before a regex'],
    [
      'http.routers.web.service=api@internal',
      '"api@internal" is not a service of these tags, and no other can be routed to',
    ],
    [
      'http.services.web.weighted.services[0].name=v1',
      'a service is one of Nomad, and its instances are weighed by our tag weight',
    ],
    [
      'http.services.web.loadbalancer.sticky.cookie=true',
      'there are no sticky sessions; a backend that you wrote can have them',
    ],
    ['http.services.web.loadbalancer.server.scheme=https', '"https" cannot be followed: only http can'],
    ['http.services.web.loadbalancer.passhostheader=false', '"false" cannot be followed: only true can'],
    [
      'http.middlewares.auth.basicauth.users=a:b',
      'middlewares have to be rules of your frontend, or of a backend that you wrote',
    ],
    ['tcp.routers.db.rule=HostSNI(`*`)', 'a service of our tag mode=tcp is led to by a frontend that you write'],
    ['udp.routers.dns.entrypoints=dns', 'HAProxy does not forward UDP'],
    ['nomad.canary=true', 'HAProxy is not told of it by tags'],
    ['', 'HAProxy is not told of it by tags'],
  ];
  for (const [tag, problem] of refusing) {
    it(`lead to no domain at all, and say why, with ${tag === '' ? 'an empty one' : tag}`, () => {
      const { added, problems } = follow(on, host('a.example.com', 'first'), `traefik.${tag}`);
      expect(added).to.deep.equal(['haproxy.enable=true']);
      expect(problems).to.have.length(2);
      expect(problems[0]).to.include(problem);
      expect(problems[0]).to.match(/^traefik[. ]/);
      expect(problems[1]).to.equal(noDomain);
    });
  }

  it('count as they were said last', () => {
    const { added, problems } = follow(on, 'traefik.http.routers.WEB.Rule=Path(`/`)', host('a.example.com'));
    expect(added).to.include('haproxy.domain=a.example.com');
    expect(problems).to.deep.equal([]);
  });

  it('are named as they are written', () => {
    const { problems } = follow(on, 'traefik.http.routers.Web.EntryPoints=web');
    expect(problems[0]).to.equal(
      'traefik.http.routers.Web.EntryPoints cannot be followed: a domain is routed in every frontend of haproxy.frontend',
    );
  });

  it('may be ignored where the service is served as well without them, and say so', () => {
    const { added, problems } = follow(
      on,
      host('a.example.com'),
      `${balancer}.server.port=80`,
      `${balancer}.healthcheck.path=/up`,
      `${balancer}.healthcheck.interval=10s`,
    );
    expect(added).to.include.members(['haproxy.domain=a.example.com', 'haproxy.check.path=/up']);
    expect(problems).to.deep.equal([
      'traefik.http.services.web.loadbalancer.server.port is ignored: requests go to the port that Nomad has registered',
      "traefik.http.services.web.loadbalancer.healthcheck.interval is ignored: the check of the job's service block says how often and how long",
    ]);
  });

  for (const tag of [
    'healthcheck.port=81',
    'healthcheck.headers.X-A=1',
    'healthcheck.path=/a b',
    'healthcheck.method=POST',
  ]) {
    it(`lead to no check, but to their domains, with ${tag}`, () => {
      const { added, problems } = follow(
        on,
        host('a.example.com'),
        `${balancer}.${tag}`,
        `${balancer}.healthcheck.hostname=a`,
      );
      expect(added).to.deep.equal(['haproxy.enable=true', 'haproxy.domain.type=exact', 'haproxy.domain=a.example.com']);
      expect(problems).to.have.length(2);
      expect(problems[0]).to.include(`${balancer}.${tag.split('=')[0]!} `);
      expect(problems[1]).to.equal(noCheck);
    });
  }

  it('lead nowhere when they name several services', () => {
    const other = 'traefik.http.services.api.loadbalancer';
    const { added, problems } = follow(
      on,
      host('a.example.com'),
      `${balancer}.passhostheader=true`,
      `${other}.passhostheader=true`,
    );
    expect(added).to.deep.equal(['haproxy.enable=true']);
    expect(problems).to.deep.equal(["traefik tags name 2 services, but each of Nomad's is one", noDomain]);
  });

  it('count for nothing, and are no problem, where the service is not enabled', () => {
    const entrypoints = 'traefik.http.routers.web.entrypoints=web';
    expect(follow(host('a.example.com'), entrypoints)).to.deep.equal({ added: [], problems: [] });
    expect(follow('traefik.enable=false', entrypoints)).to.deep.equal({
      added: ['haproxy.enable=false'],
      problems: [],
    });
    expect(follow('traefik.enable=yes', entrypoints)).to.deep.equal({
      added: [],
      problems: ['traefik.enable "yes" is not true or false'],
    });
  });

  describe('give way to ours', () => {
    it('that enable or disable', () => {
      expect(follow('haproxy.enable=false', on, host('a.example.com')).added).to.deep.equal([]);
      expect(follow('haproxy.enable=yes', on, host('a.example.com')).added).to.deep.equal([]);
      expect(follow('haproxy.enable=true', 'traefik.enable=false', host('a.example.com')).added).to.deep.equal([
        'haproxy.domain.type=exact',
        'haproxy.domain=a.example.com',
      ]);
    });

    for (const own of ['haproxy.domain=b.example.com', 'haproxy.domain.type=prefix', 'haproxy.domain=']) {
      it(`that route: ${own}`, () => {
        const { added, problems } = follow(on, own, host('a.example.com'), 'traefik.http.routers.web.middlewares=auth');
        expect({ added, problems }).to.deep.equal({ added: ['haproxy.enable=true'], problems: [] });
      });
    }

    for (const own of ['haproxy.check.path=/', 'haproxy.check.disabled=true', 'haproxy.check.type=tcp']) {
      it(`that check: ${own}`, () => {
        const { added, problems } = follow(
          on,
          own,
          `${balancer}.healthcheck.path=/up`,
          `${balancer}.healthcheck.port=1`,
        );
        expect({ added, problems }).to.deep.equal({ added: ['haproxy.enable=true'], problems: [] });
      });
    }
  });

  it('are left alone when nobody asks for them', () => {
    const given = registration({ tags: [on, host('a.example.com')] });
    expect(followAliases(given, 'haproxy', [])).to.equal(given);
    const plain = registration({ tags: ['haproxy.enable=true', 'traefikx.enable=true', 'traefik'] });
    expect(followAliases(plain, 'haproxy', ['traefik'])).to.equal(plain);
  });

  it('become tags of ours by the prefix that ours have', () => {
    const { tags, problems } = followAliases(
      registration({ tags: [on, host('a'), 'traefik.http.routers.web.tls=true'] }),
      'edge',
      ['traefik'],
    );
    expect(tags).to.include('edge.enable=true');
    expect(problems?.at(-1)?.text).to.include('or give edge.domain');
  });

  it('whatever they are, become no more than what ours allow, each refusal short and of one line', () => {
    const forms = aliasSets.traefik.rows.map(({ tag }) => tag.replaceAll('<name>', 'web').replaceAll('*', 'x'));
    const value = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.string().map((text) => `Host(\`${text}\`)`),
      fc.string({ maxLength: 5 }).map((text) => `HostRegexp(\`^${text}\`)`),
      fc.constantFrom('/x', 'true', 'http', 'web', 'Host(`a.example.com`)', '/\nbackend evil', 'x'.repeat(10_000)),
    );
    const tag = fc.tuple(fc.constantFrom(...forms), value).map(([form, said]) => `${form}=${said}`);
    fc.assert(
      fc.property(fc.array(tag, { maxLength: 6 }), fc.array(fc.string()), (theirs, strange) => {
        const list = [on, ...theirs, ...strange.map((text) => `traefik.${text}`)];
        const { added, problems } = follow(...list);
        const { settings, problems: ours } = parseTags(added, 'haproxy');
        expect(ours.filter(({ text }) => !text.startsWith('is given twice'))).to.deep.equal([]);
        for (const domain of settings.domains) expect(domain).to.match(/^[!-~]+$/);
        for (const text of problems) {
          expect(text.length).to.be.below(400);
          expect(text).to.not.match(/[\p{C}\p{Zl}\p{Zp}]/u);
        }
        const isRouted = settings.domains.length > 0;
        if (isRouted) expect(problems).to.not.include(noDomain);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the tables of aliases', () => {
  it('say of each tag what it is read as', () => {
    for (const { prefix, rows } of Object.values(aliasSets)) {
      expect(rows).to.have.length.above(5);
      for (const { tag, reading } of rows) {
        expect(tag.startsWith(`${prefix}.`)).to.equal(true);
        expect(reading, tag).to.match(/\w{5,}/);
      }
    }
  });
});

describe('concernUs', () => {
  const cases: readonly (readonly [tags: readonly string[], aliases: readonly 'traefik'[], concern: boolean])[] = [
    [['haproxy.enabel=true'], [], true],
    [['web', ' haproxy.enable=true'], [], true],
    [['traefik.enable=true'], [], false],
    [['traefik.enable=true'], ['traefik'], true],
    [['haproxyx.enable=true', 'traefik'], ['traefik'], false],
    [[], ['traefik'], false],
  ];
  for (const [tags, aliases, concern] of cases) {
    it(`is ${String(concern)} for ${JSON.stringify(tags)} with ${JSON.stringify(aliases)}`, () => {
      expect(concernUs(tags, 'haproxy', aliases)).to.equal(concern);
    });
  }
});
