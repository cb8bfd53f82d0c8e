import { expect } from 'chai';
import fc from 'fast-check';
import { refuseRegex } from '../lib/model/regex-domain.ts';
import type { Connector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { configPath, forEachImage, mapsPath } from './support/haproxy.ts';
import { noRoute, useWorld } from './support/world.ts';

const problems = 'service has problems that its owner should mend';

/** Tags of a service, each with `evil` in what must not get anywhere, and what is said of them: what, where, what to do. */
const hostile: readonly (readonly [what: string, tags: readonly string[], told: readonly string[]])[] = [
  ['a line end', ['haproxy.check.path=/\nbackend evil'], ['haproxy.check.path', '"/\\nbackend evil"', 'no blanks']],
  ['a carriage return', ['haproxy.check.host=a\r evil'], ['haproxy.check.host', 'is not a host name']],
  ['a blank', ['haproxy.backend.name=web evil'], ['haproxy.backend.name', '"web evil"', 'letters, digits and - _ . :']],
  ['quotes', [`haproxy.check.path=/"evil'`], ['haproxy.check.path', 'or quotes']],
  ['a comment', ['haproxy.domain=x#evil'], ['domain "x#evil"', 'is not a host name']],
  ['a map row', ['haproxy.domain=evil.example.com good\nx'], ['domain', 'is not a host name']],
  ['a log format', ['haproxy.check.path=/%[src]{evil}'], ['haproxy.check.path', '"/%[src]{evil}"', 'is not a path']],
  ['a variable', ['haproxy.check.host=${evil}'], ['haproxy.check.host', '"${evil}"', 'is not a host name']],
  ['a runtime command', ['haproxy.weight=1;evil'], ['haproxy.weight', '"1;evil"', '0 to 256']],
  ['a word of 10 kB', [`haproxy.balance=evil${'x'.repeat(10_000)}`], ['haproxy.balance', 'roundrobin, leastconn']],
  ['unicode', ['haproxy.domain=\u202eevil.example.com'], ['domain "\\u{202e}evil.example.com"', 'is not a host name']],
  ['a path', ['haproxy.backend.name=..', 'haproxy.evil=1'], ['haproxy.backend.name', '".."', 'is not a tag']],
  [
    'a regex that takes for ever',
    ['haproxy.domain=^(evil|evil)*$', 'haproxy.domain.type=regex'],
    ['a repeated group with a choice'],
  ],
  [
    'a regex that takes too long',
    ['haproxy.domain=(evil)?a{1,99}a{1,99}a{1,99}a{1,99}b$', 'haproxy.domain.type=regex'],
    ['too many choices', 'begin it with ^'],
  ],
  [
    'a regex that is none',
    ['haproxy.domain=(evil', 'haproxy.domain.type=regex'],
    ['is not a valid regular expression'],
  ],
];

/** Names that are strange, and are taken: Nomad's clients put anything together from a job's variables. */
const names = [
  ...[
    'a b',
    'b"b',
    "c'b",
    'd\\b',
    'e#b',
    'f{}b',
    'g%[src]%n',
    '${HOME}',
    'h;b',
    'bücher 😀',
    '...',
    '%2e%2e',
    'x'.repeat(500),
  ],
];

/** The parts of patterns that a job's author might write, or somebody who looks for a gap. */
const part = fc.oneof(
  fc.constantFrom(
    'a',
    '.',
    '\\.',
    '-',
    '\\-',
    '\\d',
    '\\w',
    '\\b',
    '[a-z]',
    '[^.]',
    '[a\\-z]',
    '[.-\\-]',
    '[^.-\\-]',
    '[\\]]',
    '(?i)',
  ),
  fc.constantFrom(
    '^',
    '$',
    '|',
    '(',
    ')',
    '(?:',
    '(?=',
    '(?!',
    '*',
    '+',
    '?',
    '+?',
    '{2}',
    '{1,3}',
    '{2,}',
    '{,2}',
    '*+',
    '/',
    ',',
    '[',
    ']',
  ),
  fc.string({ maxLength: 3 }),
);
const pattern = fc.array(part, { minLength: 1, maxLength: 12 }).map((parts) => parts.join(''));

forEachImage((image) => {
  describe('tags of somebody who means harm', () => {
    const world = useWorld(image);
    let connector: Connector;

    before(async () => {
      connector = await world().connect();
    });

    async function expectSound(): Promise<void> {
      const { haproxy } = world();
      await haproxy.exec('haproxy', '-c', '-f', configPath);
      for (const file of [configPath, ...['exact', 'prefix', 'regex'].map((map) => `${mapsPath}/nomad-${map}.map`)])
        expect(await haproxy.file(file), file).to.not.include('evil');
    }

    it('reach neither configuration nor maps, each is named, and the service beside them serves', async () => {
      const { start, get, nomad, serverLine } = world();
      for (const [n, [, tags]] of hostile.entries())
        nomad.register({
          ServiceName: `bad${n}`,
          Tags: ['haproxy.enable=true', 'haproxy.check.disabled=true', ...tags],
        });
      const good = await start('good', ['haproxy.domain=good.example.com']);
      await eventually(async () => {
        expect(await get('good.example.com')).to.deep.equal(good.answer);
      });
      for (const [n, [what, , told]] of hostile.entries()) {
        const line = await connector.logged(problems, { service: `default/bad${n}` });
        const said = (line['problems'] as { subject: string; text: string }[]).map(
          ({ subject, text }) => `${subject} ${text}`,
        );
        for (const words of told) expect(said.join('\n'), what).to.include(words);
        await eventually(async () => {
          expect(await serverLine(`bad${n}`, 'nomad01'), what).to.include('server nomad01 ');
        });
      }
      expect(connector.count('could not bring service to HAProxy')).to.equal(0);
      await expectSound();
    });

    it('and strange names come back from their marks as they went', async () => {
      const { nomad, connect, haproxy, config } = world();
      for (const name of names) nomad.register({ ServiceName: name, Tags: ['haproxy.enable=true'] });
      for (const name of ['evil\nname', '..', 'evil/../name'])
        nomad.register({ ServiceName: name, Tags: ['haproxy.enable=true'] });
      await eventually(async () => {
        const text = await config();
        for (const name of names) expect(text).to.include(`"service":${JSON.stringify(`default/${name}`)}`);
      });
      for (const service of ['default/evil\nname', 'default/..', 'default/evil/../name'])
        expect(JSON.stringify(await connector.logged(problems, { service }))).to.include('512 characters');
      await expectSound();
      await connector.stop();
      const [before, reloads] = [await config(), await haproxy.reloads()];
      connector = await connect();
      expect(connector.count('changed HAProxy')).to.equal(0);
      expect(connector.count('skipped input from Nomad')).to.equal(3);
      expect([await config(), await haproxy.reloads()]).to.deep.equal([before, reloads]);
    });

    it('and a regex that is a way in a path takes no other row with it', async () => {
      const { start, get } = world();
      const regex = (value: string) => [`haproxy.domain=${value}`, 'haproxy.domain.type=regex'];
      const stays = await start('stays', regex('^stays\\.example\\.com$'));
      const goes = await start('goes', regex('..'));
      await eventually(async () => {
        expect(await get('stays.example.com')).to.deep.equal(stays.answer);
        expect(await get('zz')).to.deep.equal(goes.answer);
      });
      goes.change({ Tags: ['haproxy.enable=true'] });
      await eventually(async () => {
        expect(await get('zz')).to.deep.equal(noRoute);
      });
      expect(await get('stays.example.com')).to.deep.equal(stays.answer);
    });

    it('and the slowest regexes that are taken hold nobody up for long', async () => {
      const { start, get, haproxy } = world();
      const slow = [
        '^[a-z]+[a-y]+[a-x]+!$',
        '^.*a.*a.*!$',
        'a{1,99}a{1,99}!$',
        `${'(a|aa)'.repeat(15)}!$`,
        `^${'a?'.repeat(23)}a{23}!$`,
      ];
      expect(slow.map(refuseRegex)).to.deep.equal(slow.map(() => undefined));
      await start('slow', [...slow.map((value) => `haproxy.domain=${value}`), 'haproxy.domain.type=regex']);
      const last = await start('last', ['haproxy.domain=^a+(?:b|c)$', 'haproxy.domain.type=regex']);
      await eventually(async () => {
        expect(await get('aaac')).to.deep.equal(last.answer);
      });
      const pid = /^Pid: \d+/m.exec(await haproxy.socat('show info'))?.[0];
      const startedAt = performance.now();
      for (const host of [
        'a'.repeat(252),
        'a'.repeat(253),
        `${'a'.repeat(251)}!=`,
        'a'.repeat(4000),
        `${'a'.repeat(14_000)}!=`,
      ])
        expect(await get(host), host).to.deep.equal(noRoute);
      expect(performance.now() - startedAt).to.be.below(2000);
      expect(await get(`${'a'.repeat(252)}c`)).to.deep.equal(last.answer);
      expect(await get(`${'a'.repeat(253)}c`)).to.deep.equal(noRoute);
      expect(/^Pid: \d+/m.exec(await haproxy.socat('show info'))?.[0]).to.equal(pid);
    });

    it('and every regex that is taken is one to PCRE', async () => {
      const { haproxy } = world();
      const taken = [...new Set(fc.sample(pattern, 40_000))].filter((one) => refuseRegex(one) === undefined);
      expect(taken.length).to.be.above(1000);
      const rows = Buffer.from(taken.map((one) => `${one} web\n`).join('')).toString('base64');
      const text =
        'defaults\n mode http\n timeout client 1s\nfrontend f\n bind :1\n http-request set-var(txn.x) req.hdr(host),map_reg(/tmp/taken.map)\n';
      for (let at = 0; at < rows.length; at += 60_000) {
        const chunk = rows.slice(at, at + 60_000);
        await haproxy.exec('sh', '-c', `printf %s "$1" ${at === 0 ? '>' : '>>'} /tmp/taken.64`, 'sh', chunk);
      }
      await haproxy.exec(
        'sh',
        '-c',
        'base64 -d /tmp/taken.64 > /tmp/taken.map && printf %s "$1" > /tmp/taken.cfg',
        'sh',
        text,
      );
      await haproxy.exec('haproxy', '-c', '-f', '/tmp/taken.cfg');
    });
  });
});
