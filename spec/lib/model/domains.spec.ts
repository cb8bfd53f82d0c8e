import { expect } from 'chai';
import type { RouteMap } from '../../../lib/model/events.ts';
import { parseDomains } from '../../../lib/model/domains.ts';

const keysOf = (map: RouteMap, ...values: readonly string[]) => parseDomains(values, map).routes.map(({ key }) => key);
const refusedOf = (map: RouteMap, ...values: readonly string[]) =>
  parseDomains(values, map).problems.map(({ subject, text }) => `${subject} ${text}`);

const label = (length: number) => 'a'.repeat(length);

describe('parseDomains', () => {
  const understood: readonly (readonly [map: RouteMap, values: readonly string[], keys: readonly string[]])[] = [
    ['exact', ['shop.example.com'], ['shop.example.com']],
    ['exact', ['a.com,b.com', 'c.com'], ['a.com', 'b.com', 'c.com']],
    ['exact', [' a.com , b.com ,'], ['a.com', 'b.com']],
    ['exact', ['Shop.Example.COM'], ['shop.example.com']],
    ['exact', ['a.com:8080'], ['a.com']],
    ['exact', ['a.com.', 'b.com.:80', 'a.com'], ['a.com', 'b.com']],
    ['exact', ['a.com', 'A.com:80'], ['a.com']],
    [
      'exact',
      ['localhost', 'my_app.internal', '10.0.0.1', 'xn--bcher-kva.example'],
      ['localhost', 'my_app.internal', '10.0.0.1', 'xn--bcher-kva.example'],
    ],
    ['prefix', ['Api., admin-'], ['api.', 'admin-']],
    ['regex', ['^a{1,3}\\.example\\.com$'], ['^a{1,3}\\.example\\.com$']],
    ['regex', ['^Shop[0-9]+\\.', '(?i)^API\\.'], ['^Shop[0-9]+\\.', '(?i)^API\\.']],
    ['regex', ['^(?:shop|cart)-[\\w.\\-]+\\.example\\.com$'], ['^(?:shop|cart)-[\\w.\\-]+\\.example\\.com$']],
    ['regex', ['^(?!admin\\.)[a-z]+\\-eu\\.'], ['^(?!admin\\.)[a-z]+\\-eu\\.']],
    ['regex', ['^a.com:80$', '^a,b$'], ['^a.com:80$', '^a,b$']],
  ];
  for (const [map, values, keys] of understood) {
    it(`makes of ${map} ${JSON.stringify(values)} the rows ${JSON.stringify(keys)}`, () => {
      expect(parseDomains(values, map)).to.deep.equal({ routes: keys.map((key) => ({ map, key })), problems: [] });
    });
  }

  const refused: readonly (readonly [map: RouteMap, value: string, why: string])[] = [
    ['exact', '*.example.com', 'is not a host name; give a pattern as a regex, with domain.type=regex'],
    ['exact', 'http://a.com', 'is not a host name; leave scheme and path out'],
    ['exact', 'a.com/api', 'is not a host name; leave scheme and path out'],
    ['exact', 'a b.com', 'is not a host name; separate several by commas'],
    ['exact', 'a.com;b.com', 'is not a host name; separate several by commas'],
    ['exact', 'a.com\nevil web', 'is not a host name; separate several by commas'],
    ['exact', 'a.com#', 'is not a host name'],
    ['exact', '"a.com"', 'is not a host name'],
    ['exact', '.a.com', 'is not a host name'],
    ['exact', 'a..com', 'is not a host name'],
    ['exact', '-a.com', 'is not a host name'],
    ['exact', 'bücher.example', 'is not a host name; write it as xn--bcher-kva.example'],
    ['exact', 'a.com..', 'is not a host name'],
    ['exact', '.', 'is not a host name'],
    ['exact', `${label(296)}.com`, 'is not a host name'],
    ['prefix', '.example', 'is not the beginning of a host name'],
    ['prefix', 'a b', 'is not the beginning of a host name'],
    ['prefix', label(300), 'is not the beginning of a host name'],
    ['regex', '(unclosed', 'is not a valid regular expression'],
    ['regex', '*', 'is not a valid regular expression'],
    ['regex', 'a**', 'is not a valid regular expression'],
    ['regex', '[\\w-.]', 'is not a valid regular expression'],
    ['regex', 'a b', 'is refused: a regular expression here has no blanks and only ASCII characters'],
    ['regex', 'a\nb', 'is refused: a regular expression here has no blanks and only ASCII characters'],
    ['regex', 'bücher', 'is refused: a regular expression here has no blanks and only ASCII characters'],
    ['regex', '#a', `is refused: ; " ' \` and # are not allowed in a regular expression here`],
    ['regex', label(300), 'is refused: a regular expression here has at most 255 characters'],
    ['regex', '\\u0041', 'is refused: of the letters, only d D w W s S b B may be escaped here'],
    ['regex', '(a)\\1', 'is refused: of the letters, only d D w W s S b B may be escaped here'],
    ['regex', '(?<=a+)b', 'is refused: of the groups with a question mark, only (?: (?= and (?! are taken here'],
    ['regex', '[]', 'is refused: empty and named character classes are not taken here'],
    ['regex', '[[:foo:]]', 'is refused: empty and named character classes are not taken here'],
    ['regex', 'a{100}', 'is refused: at most 99 repetitions may be counted here'],
    ['regex', 'a{1,70000}', 'is refused: at most 99 repetitions may be counted here'],
    ['regex', '(a+)+$', 'is refused: a repeated group with a choice in it can keep HAProxy busy for ever'],
    ['regex', '(a*){2,}', 'is refused: a repeated group with a choice in it can keep HAProxy busy for ever'],
    ['regex', '((a+)b)*', 'is refused: a repeated group with a choice in it can keep HAProxy busy for ever'],
    ['regex', '(a|b)+', 'is refused: a repeated group with a choice in it can keep HAProxy busy for ever'],
    ['regex', '^(a|aa)*$', 'is refused: a repeated group with a choice in it can keep HAProxy busy for ever'],
    ['regex', '(?:(?:a?)b){3}', 'is refused: a repeated group with a choice in it can keep HAProxy busy for ever'],
    ['regex', '[^.-\\-]', 'is not a valid regular expression'],
    ['regex', '((a)+)*', 'is refused: a repeated group with a choice in it can keep HAProxy busy for ever'],
  ];
  for (const [map, value, why] of refused) {
    it(`refuses ${map} ${JSON.stringify(value.slice(0, 30))} and keeps its neighbour`, () => {
      const { routes, problems } = parseDomains([value, 'ok'], map);
      expect(routes).to.deep.equal([{ map, key: 'ok' }]);
      expect(problems.map(({ text }) => text)).to.deep.equal([why]);
      expect(problems[0]!.subject.length).to.be.below(100);
    });
  }

  // Each of the second kind was seen to take more than 50 ms of HAProxy 3.4, the first of them to end it.
  const tooMany = 'is refused: it has too many choices and could keep HAProxy busy';
  const busy = [
    'a{1,99}a{1,99}a{1,99}a{1,99}b$',
    '.*a.*a.*a.*!$',
    '[a-z]+[a-y]+[a-x]+[a-w]+!$',
    'a{1,99}a{1,99}a{1,99}!$',
    `${'a?'.repeat(30)}a{30}$`,
    `^${'(a|aa)'.repeat(25)}$`,
  ];
  for (const pattern of busy) {
    it(`refuses ${pattern.slice(0, 40)}, which takes HAProxy too long`, () => {
      expect(refusedOf('regex', pattern).join()).to.include(tooMany);
    });
  }

  const harmless = [
    ...['([)+]x)*', '(\\)\\+)*', '(a)?b+', '(a+)?', 'a+b*', '([a-z]\\.)*x', '^a{3}(?:b{2}c)?$'],
    '^[a-z0-9-]+--[a-z0-9-]+--[a-z0-9-]+\\.preview\\.example\\.com$',
    '^(?:shop|cart|pay)-[a-z]+\\.(?:eu|us)[0-9]?\\.example\\.com$',
  ];
  for (const pattern of harmless) {
    it(`takes ${pattern}`, () => {
      expect(keysOf('regex', pattern)).to.deep.equal([pattern]);
    });
  }

  it('takes the first hundred domains and says how many there are', () => {
    const many = Array.from({ length: 101 }, (_, n) => `d${n}.example.com`);
    expect(keysOf('exact', many.join(','))).to.deep.equal(many.slice(0, 100));
    expect(refusedOf('exact', many.join(','))).to.deep.equal(['domains are 101; the first 100 count']);
    expect(refusedOf('exact', ...many.slice(0, 100))).to.deep.equal([]);
  });

  it('does not repeat ten thousand complaints about ten thousand domains', () => {
    const bad = Array.from({ length: 10_000 }, (_, n) => `*${n}`).join(',');
    expect(refusedOf('exact', bad)).to.have.length(101);
  });
});
