import { expect } from 'chai';
import fc from 'fast-check';
import { readRule } from '../../../lib/model/traefik-rule.ts';

describe('readRule', () => {
  const understood: readonly (readonly [rule: string, map: 'exact' | 'regex', ...domains: readonly string[]])[] = [
    ['Host(`a.example.com`)', 'exact', 'a.example.com'],
    ['Host("a.example.com")', 'exact', 'a.example.com'],
    ['Host(`A.Example.COM`)', 'exact', 'a.example.com'],
    ['Host(`a.example.com`) || Host(`b.example.com`)', 'exact', 'a.example.com', 'b.example.com'],
    ['Host(`a.example.com`,`b.example.com`)', 'exact', 'a.example.com', 'b.example.com'],
    ['  ( host( `a.example.com` )||HOST(`b.example.com`) ) ', 'exact', 'a.example.com', 'b.example.com'],
    ['HostRegexp(`^[a-z]+\\.example\\.com$`)', 'regex', '^[a-z]+\\.example\\.com$'],
    ['HostRegexp(`^a.`) || HostRegexp(`^B.`)', 'regex', '^a.', '^B.'],
  ];
  for (const [rule, map, ...domains] of understood) {
    it(`understands ${rule}`, () => {
      expect(readRule(rule)).to.deep.equal({ map, domains });
    });
  }

  const followed = 'but only Host, HostRegexp and || can be followed';
  const noRule = 'is not a rule that could be followed: Host(`a.example.com`) || Host(`b.example.com`)';
  const refused: readonly (readonly [rule: string, why: string])[] = [
    ['Host(`a.example.com`) && PathPrefix(`/api`)', `uses &&, ${followed}`],
    ['Host(`a.example.com`) || PathPrefix(`/api`)', `uses PathPrefix, ${followed}`],
    ['PathPrefix(`/`)', `uses PathPrefix, ${followed}`],
    ['!Host(`a.example.com`)', `uses !, ${followed}`],
    ['Host(`a.example.com`) || !Host(`b.example.com`)', `uses !, ${followed}`],
    ['Headers(`X-Tenant`, `a`)', `uses Headers, ${followed}`],
    ['HostSNI(`*`)', `uses HostSNI, ${followed}`],
    ['Query(`a=1`)', `uses Query, ${followed}`],
    ['Host(`a.example.com`) Host(`b.example.com`)', noRule],
    ['Host(`a.example.com`) ||', noRule],
    ['|| Host(`a.example.com`)', noRule],
    ['(Host(`a.example.com`)', noRule],
    ['Host(`a.example.com`))', noRule],
    ['()', noRule],
    ['Host()', noRule],
    ['Host(a.example.com)', noRule],
    ['Host:a.example.com', noRule],
    ['Host(`a.example.com`', noRule],
    ['', noRule],
    ['Host(`*`)', 'asks for "*", which is not a host name; give a pattern as a regex, with domain.type=regex'],
    ['Host(`a.example.com:8080`)', 'asks for "a.example.com:8080", which is not a host name'],
    ['Host(`a.example.com,b.example.com`)', 'asks for "a.example.com,b.example.com", which is not a host name'],
    ['Host(` a.example.com`)', 'asks for " a.example.com", which is not a host name'],
    ['Host(``)', 'asks for "", which is not a host name'],
    ['Host(`a.example.com`) || Host(`-`)', 'asks for "-", which is not a host name'],
    [
      'HostRegexp(`{sub:[a-z]+}.example.com`)',
      'asks for "{sub:[a-z]+}.example.com", which is not a valid regular expression',
    ],
    [
      'HostRegexp(`(a+)+`)',
      'asks for "(a+)+", which is refused: a repeated group with a choice in it can keep HAProxy busy for ever',
    ],
    [
      'Host(`a.example.com`) || HostRegexp(`^b`)',
      'mixes Host and HostRegexp, but the domains of a service are of one kind',
    ],
  ];
  for (const [rule, why] of refused) {
    it(`refuses ${rule === '' ? 'an empty rule' : rule}`, () => {
      expect(readRule(rule)).to.deep.equal({ refused: why });
    });
  }

  it('takes the hosts that a rule matches, or nothing', () => {
    const hosts = ['a.example.com', 'b.example.com', 'c.example.com'];
    interface Rule {
      readonly text: string;
      readonly matches: (host: string) => boolean;
    }
    const { rule } = fc.letrec<{ rule: Rule; host: Rule; other: Rule; pair: Rule }>((tie) => ({
      rule: fc.oneof({ depthSize: 'small' }, { weight: 6, arbitrary: tie('host') }, tie('other'), {
        weight: 8,
        arbitrary: tie('pair'),
      }),
      host: fc.constantFrom(...hosts).map((name) => ({ text: `Host(\`${name}\`)`, matches: (host) => host === name })),
      other: fc.oneof(
        fc.constant({ text: 'PathPrefix(`/api`)', matches: () => false }),
        tie('host').map(({ text, matches }) => ({ text: `!${text}`, matches: (host: string) => !matches(host) })),
      ),
      pair: fc.tuple(tie('rule'), fc.constantFrom('||', '||', '||', '&&'), tie('rule')).map(([left, sign, right]) => ({
        text: `(${left.text} ${sign} ${right.text})`,
        matches: (host) =>
          sign === '||' ? left.matches(host) || right.matches(host) : left.matches(host) && right.matches(host),
      })),
    }));
    let understoodRules = 0;
    fc.assert(
      fc.property(rule, ({ text, matches }) => {
        const reading = readRule(text);
        if ('refused' in reading) {
          expect(text).to.match(/&&|!|PathPrefix/);
          return;
        }
        understoodRules += 1;
        for (const host of [...hosts, 'd.example.com']) {
          expect(reading.domains.includes(host), `${text} for ${host}`).to.equal(matches(host));
        }
      }),
      { numRuns: 500 },
    );
    expect(understoodRules).to.be.above(50);
  });

  it('reads long rules without delay, however they are nested', () => {
    const before = process.cpuUsage();
    const deep = `${'('.repeat(20_000)}Host(\`a.example.com\`)${')'.repeat(20_000)}`;
    expect(readRule(deep)).to.deep.equal({ map: 'exact', domains: ['a.example.com'] });
    expect(readRule('('.repeat(20_000))).to.have.property('refused');
    expect(readRule(`Host(${'`a`,'.repeat(20_000)}x`)).to.have.property('refused');
    expect(readRule(`Host(${' '.repeat(20_000)}x`)).to.have.property('refused');
    expect(readRule(`Host(\`a\`${' '.repeat(100_000)}x`)).to.have.property('refused');
    expect(readRule(`Host(\`a\`${' '.repeat(20_000)}`)).to.have.property('refused');
    expect(readRule(`Host(${'`a` ,  '.repeat(20_000)}x`)).to.have.property('refused');
    const { user } = process.cpuUsage(before);
    // µs of the processor, which a busy machine does not stretch.
    expect(user).to.be.below(500_000);
  });
});
