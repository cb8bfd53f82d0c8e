import { expect } from 'chai';
import fc from 'fast-check';
import { isEnabled, parseTags, tagRows, tags, type TagSettings } from '../../../lib/model/tags.ts';

const read = (...list: readonly string[]) => parseTags(list, 'haproxy');
const problemsOf = (...list: readonly string[]) =>
  read(...list).problems.map(({ subject, text }) => `${subject} ${text}`);

describe('parseTags', () => {
  const understood: readonly (readonly [tag: string, settings: Partial<TagSettings>])[] = [
    ['haproxy.enable=true', { enable: true }],
    ['haproxy.enable=FALSE', { enable: false }],
    ['haproxy.backend=custom', { backend: 'custom' }],
    ['haproxy.backend=Dynamic', { backend: 'dynamic' }],
    ['haproxy.backend.name=shop-v2.eu:1', { backendName: 'shop-v2.eu:1' }],
    ['haproxy.backend.strategy=create_new', { backendStrategy: 'create_new' }],
    ['haproxy.domain=shop.example.com', { domains: ['shop.example.com'] }],
    ['haproxy.domain.type=prefix', { domainType: 'prefix' }],
    ['haproxy.check.path=/health?deep=1&all=yes', { checkPath: '/health?deep=1&all=yes' }],
    ['haproxy.check.method=head', { checkMethod: 'HEAD' }],
    ['haproxy.check.host=shop.example.com:8080', { checkHost: 'shop.example.com:8080' }],
    ['haproxy.check.type=tcp', { checkType: 'tcp' }],
    ['haproxy.check.disabled=true', { checkDisabled: true }],
    ['haproxy.weight=0', { weight: 0 }],
    ['haproxy.weight=256', { weight: 256 }],
    ['haproxy.balance=leastconn', { balance: 'leastconn' }],
    ['haproxy.mode=tcp', { mode: 'tcp' }],
    ['haproxy.slots=256', { slots: 256 }],
    ['haproxy.backup=true', { backup: true }],
    ['haproxy.maxconn=1000000', { maxconn: 1_000_000 }],
  ];
  for (const [tag, settings] of understood) {
    it(`understands ${tag}`, () => {
      expect(read(tag)).to.deep.equal({ settings: { domains: [], ...settings }, problems: [] });
    });
  }

  it('looks for what was meant by twenty tags, and names the others', () => {
    const problems = problemsOf(...Array.from({ length: 22 }, () => 'haproxy.wieght=1'));
    const guessed = 'haproxy.wieght is not a tag; did you mean haproxy.weight?';
    expect(problems).to.deep.equal([
      ...Array.from({ length: 20 }, () => guessed),
      ...Array.from({ length: 2 }, () => 'haproxy.wieght is not a tag'),
    ]);
  });

  it('has every tag of the table in the list above', () => {
    const named = new Set(understood.map(([tag]) => tag.slice('haproxy.'.length, tag.indexOf('='))));
    expect([...named].sort()).to.deep.equal(
      Object.values(tags)
        .map(({ name }) => name)
        .sort(),
    );
  });

  const refused: readonly (readonly [tag: string, problem: string])[] = [
    ['haproxy.enable=yes', 'haproxy.enable "yes" is not true or false'],
    ['haproxy.enable', 'haproxy.enable "" is not true or false'],
    ['haproxy.backend=static', 'haproxy.backend "static" is not one of dynamic, custom'],
    [
      'haproxy.backend.name=web shop',
      'haproxy.backend.name "web shop" is not a backend name: up to 120 letters, digits and - _ . :',
    ],
    [
      'haproxy.backend.name=..',
      'haproxy.backend.name ".." is not a backend name: up to 120 letters, digits and - _ . :',
    ],
    [
      'haproxy.backend.strategy=merge',
      'haproxy.backend.strategy "merge" is not one of use_existing, create_new, fail_on_conflict',
    ],
    ['haproxy.domain=', 'haproxy.domain "" is empty'],
    ['haproxy.domain.type=glob', 'haproxy.domain.type "glob" is not one of exact, prefix, regex'],
    [
      'haproxy.check.path=health',
      'haproxy.check.path "health" is not a path: it begins with / and has no blanks or quotes',
    ],
    ['haproxy.check.method=POST', 'haproxy.check.method "POST" is not GET or HEAD'],
    ['haproxy.check.host=a b', 'haproxy.check.host "a b" is not a host name'],
    ['haproxy.check.type=grpc', 'haproxy.check.type "grpc" is not one of http, tcp'],
    ['haproxy.check.disabled=1', 'haproxy.check.disabled "1" is not true or false'],
    ['haproxy.weight=257', 'haproxy.weight "257" is not a whole number from 0 to 256'],
    ['haproxy.weight=-1', 'haproxy.weight "-1" is not a whole number from 0 to 256'],
    ['haproxy.weight=1.5', 'haproxy.weight "1.5" is not a whole number from 0 to 256'],
    ['haproxy.balance=source', 'haproxy.balance "source" is not one of roundrobin, leastconn, random, first'],
    ['haproxy.mode=udp', 'haproxy.mode "udp" is not one of http, tcp'],
    ['haproxy.slots=0', 'haproxy.slots "0" is not a whole number from 1 to 256'],
    ['haproxy.backup=maybe', 'haproxy.backup "maybe" is not true or false'],
    ['haproxy.maxconn=1000001', 'haproxy.maxconn "1000001" is not a whole number from 1 to 1000000'],
  ];
  for (const [tag, problem] of refused) {
    it(`refuses ${tag} and nothing else`, () => {
      const { settings, problems } = read('haproxy.weight=7', 'haproxy.enable=true', tag);
      expect(settings).to.deep.equal({ enable: true, weight: 7, domains: [] });
      expect(problems.map(({ subject, text }) => `${subject} ${text}`)).to.deep.equal([problem]);
    });
  }

  it('ignores blanks around the key and around the value', () => {
    expect(read('  haproxy.enable =\ttrue ', 'haproxy.domain = a.example.com').settings).to.deep.equal({
      enable: true,
      domains: ['a.example.com'],
    });
  });

  it('cuts at the first = only', () => {
    expect(read('haproxy.check.path=/x?a=b=c').settings.checkPath).to.equal('/x?a=b=c');
  });

  it('lets the last of several values count and says so when they differ', () => {
    expect(read('haproxy.weight=1', 'haproxy.weight=1')).to.deep.equal({
      settings: { weight: 1, domains: [] },
      problems: [],
    });
    expect(read('haproxy.weight=1', 'haproxy.weight=2').settings.weight).to.equal(2);
    expect(problemsOf('haproxy.weight=1', 'haproxy.weight=2')).to.deep.equal([
      'haproxy.weight is given twice; "2" counts',
    ]);
  });

  it('collects every domain, also of values that the list repeats', () => {
    expect(read('haproxy.domain=a.com', 'haproxy.domain=b.com,c.com').settings.domains).to.deep.equal([
      'a.com',
      'b.com,c.com',
    ]);
  });

  const misspelt: readonly (readonly [tag: string, meant: string])[] = [
    ['haproxy.enabel=true', 'haproxy.enable'],
    ['haproxy.domains=a.com', 'haproxy.domain'],
    ['haproxy.check.pth=/', 'haproxy.check.path'],
    ['haproxy.Weight=1', 'haproxy.weight'],
    ['haproxy.host=a.com', 'haproxy.domain'],
  ];
  it('guesses nothing where no tag is near', () => {
    expect(problemsOf('haproxy.', 'haproxy.port=80', 'haproxy.sticky=true')).to.deep.equal([
      'haproxy. is not a tag',
      'haproxy.port is not a tag',
      'haproxy.sticky is not a tag',
    ]);
  });

  for (const [tag, meant] of misspelt) {
    it(`answers ${tag} with ${meant}`, () => {
      expect(problemsOf(tag)).to.deep.equal([`${tag.split('=')[0]!} is not a tag; did you mean ${meant}?`]);
    });
  }

  it('leaves the tags of others alone', () => {
    expect(read('traefik.enable=true', 'haproxy', 'haproxyx.weight=1', '', 'v1.2=3')).to.deep.equal({
      settings: { domains: [] },
      problems: [],
    });
  });

  it('reads another prefix when it is told to', () => {
    expect(parseTags(['edge.lb.weight=3', 'haproxy.weight=4'], 'edge.lb')).to.deep.equal({
      settings: { weight: 3, domains: [] },
      problems: [],
    });
    expect(parseTags(['edge.lb.wieght=3'], 'edge.lb').problems[0]?.text).to.contain('did you mean edge.lb.weight?');
  });

  const hostile = [
    '/\nbackend evil',
    '/" evil',
    "/' evil",
    '/ # evil',
    '/a b',
    '/\\',
    `/${'a'.repeat(10_000)}`,
    '/ünïcode',
    '/\u2028x',
    '/{evil}',
  ];
  for (const value of hostile) {
    it(`refuses ${JSON.stringify(value.slice(0, 20))} wherever HAProxy would read it, in a short message`, () => {
      for (const name of ['backend.name', 'check.path', 'check.host', 'check.method', 'balance', 'mode', 'weight']) {
        const { settings, problems } = read(`haproxy.${name}=${value}`);
        expect(settings, name).to.deep.equal({ domains: [] });
        expect(problems, name).to.have.length(1);
        expect(problems[0]!.subject, name).to.equal(`haproxy.${name}`);
        expect(problems[0]!.text.length, name).to.be.below(200);
        expect(problems[0]!.text, name).not.to.match(/\n/);
      }
    });
  }

  it('shortens a long name of an unknown tag', () => {
    const [problem] = read(`haproxy.${'x'.repeat(10_000)}=1`).problems;
    expect(problem?.subject.length).to.be.below(100);
  });

  it('never throws, whatever the tags, and takes no more from them than the table names', () => {
    const text = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.constantFrom(...Object.values(tags)), fc.string())
        .map(([{ name }, value]) => `haproxy.${name}=${value}`),
    );
    fc.assert(
      fc.property(fc.array(text), (list) => {
        expect(Object.keys(parseTags(list, 'haproxy').settings)).to.satisfy((keys: readonly string[]) =>
          keys.every((key) => key === 'domains' || key in tags),
        );
      }),
    );
  });

  it('reads back what the table allows, whatever blanks stand around it, and tells of everything else', () => {
    const label = fc.stringMatching(/^[a-z0-9]{1,20}$/);
    const values = {
      backendName: fc.stringMatching(/^[A-Za-z0-9_:-][A-Za-z0-9_.:-]{0,119}$/),
      checkPath: fc.stringMatching(/^\/[A-Za-z0-9\-._~!$&()*+,;=:@/?%]{0,60}$/),
      checkHost: fc.tuple(label, fc.nat(65_535)).map(([host, port]) => `${host}.example.com:${port}`),
      weight: fc.integer({ min: 0, max: 256 }),
      maxconn: fc.integer({ min: 1, max: 1_000_000 }),
      balance: fc.constantFrom('roundrobin', 'leastconn', 'random', 'first'),
      backup: fc.boolean(),
    } as const;
    const blanks = fc.constantFrom('', ' ', '\t', '  ');
    fc.assert(
      fc.property(fc.record(values, { requiredKeys: [] }), blanks, fc.array(fc.string()), (said, blank, others) => {
        const list = Object.entries(said).map(
          ([key, value]) => `${blank}haproxy.${tags[key as keyof typeof values].name}${blank}=${blank}${value}${blank}`,
        );
        const settings = { ...said, domains: [] };
        expect(read(...list)).to.deep.equal({ settings, problems: [] });
        const strange = others.map((text) => `haproxy.x${text}`);
        const { problems, ...rest } = read(...list, ...strange);
        expect(rest).to.deep.equal({ settings });
        expect(problems).to.have.length(strange.length);
      }),
    );
  });

  it('reads 10 kB of blanks in a tag without delay', function () {
    this.timeout(1000);
    const blanks = ' '.repeat(10_000);
    expect(read(`haproxy.check.path=/a${blanks}b`).problems).to.have.length(1);
    expect(read(`haproxy.check${blanks}path=/a`).problems).to.have.length(1);
  });
});

describe('isEnabled', () => {
  const cases: readonly (readonly [tags: readonly string[], enabled: boolean])[] = [
    [[], false],
    [['haproxy.enable=true'], true],
    [['web', ' haproxy.enable = True '], true],
    [['haproxy.enable=false'], false],
    [['haproxy.enable=yes'], false],
    [['haproxy.enable=true', 'haproxy.enable=false'], false],
    [['haproxy.enable=true', 'haproxy.enable=yes'], true],
    [['haproxy.enabled=true'], false],
    [['xhaproxy.enable=true'], false],
    [['haproxy.domain=a.com'], false],
  ];
  for (const [list, enabled] of cases) {
    it(`is ${String(enabled)} for ${JSON.stringify(list)}`, () => {
      expect(isEnabled(list, 'haproxy')).to.equal(enabled);
    });
  }
});

describe('tagRows', () => {
  it('lists every tag with its prefix, values, default and meaning', () => {
    const rows = tagRows('edge');
    expect(rows).to.have.length(Object.keys(tags).length);
    expect(rows.find(({ tag }) => tag === 'edge.weight')).to.deep.include({ values: '0 to 256', fallback: '100' });
    for (const row of rows) expect(row.meaning, row.tag).to.match(/^.{10,}\.$/);
  });
});
