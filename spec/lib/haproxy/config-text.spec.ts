import { expect } from 'chai';
import fc from 'fast-check';
import {
  appendLines,
  cutSection,
  lostLines,
  nameSections,
  parseConfig,
  readLine,
  renderConfig,
} from '../../../lib/haproxy/config-text.ts';

const textOf = (...lines: readonly string[]) => lines.join('\n');
const headersOf = (text: string) =>
  parseConfig(text).map(({ kind, name, from }) => [kind, name, from].join(' ').trim());

/** Text as people write it: keywords, quotes, comments, odd blanks, half of everything. */
const anyLine = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'backend',
        'frontend',
        'defaults',
        'from',
        'server',
        'web',
        '#',
        '"',
        "'",
        '\\',
        '{',
        '}',
        ' ',
        '\t',
        '\r',
      ),
      fc.string({ maxLength: 5 }),
    ),
    { maxLength: 10 },
  )
  .map((parts) => parts.join(''));
const anyText = fc.oneof(
  fc.array(anyLine).map((lines) => lines.join('\n')),
  fc.string(),
  fc.string({ unit: 'binary' }),
);

describe('parseConfig', () => {
  it('loses nothing of any text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(renderConfig(parseConfig(text))).to.equal(text);
      }),
      { numRuns: 1000 },
    );
  });

  const headers: readonly (readonly [text: string, headers: readonly string[]])[] = [
    ['', ['']],
    ['backend web', ['', 'backend web']],
    ['# head\nglobal\n  daemon\ndefaults main\n  mode http', ['', 'global', 'defaults main']],
    ['frontend www from main', ['', 'frontend www main']],
    ['\t backend   web   from main # why', ['', 'backend web main']],
    ['backend "web"', ['', 'backend web']],
    ['  # backend web', ['']],
    ['frontend www\n  default_backend backend', ['', 'frontend www']],
    ['backend web\r\n  mode http\r', ['', 'backend web']],
    ['listen a\npeers b\nresolvers c\nuserlist d', ['', 'listen a', 'peers b', 'resolvers c', 'userlist d']],
    ['backend\u00a0web', ['']],
  ];
  for (const [text, expected] of headers) {
    it(`finds ${JSON.stringify(expected.slice(1))} in ${JSON.stringify(text)}`, () => {
      expect(headersOf(text)).to.deep.equal(expected);
    });
  }
});

describe('readLine', () => {
  const lines: readonly (readonly [line: string, words: readonly string[], comment?: string])[] = [
    ['', []],
    ['  server  s1\t10.0.0.1:80 check ', ['server', 's1', '10.0.0.1:80', 'check']],
    ['server s1 # {"a":"b"} ', ['server', 's1'], '{"a":"b"}'],
    ['# all of it', [], 'all of it'],
    ['server#1', ['server'], '1'],
    ['acl a "b # c"', ['acl', 'a', 'b # c']],
    [`acl a 'b "c" \\d'`, ['acl', 'a', 'b "c" \\d']],
    ['acl a b\\ c \\# \\\\', ['acl', 'a', 'b c', '#', '\\']],
    ['acl a "b\\"c"', ['acl', 'a', 'b"c']],
    ['acl a ""', ['acl', 'a', '']],
    ['acl a"b"c', ['acl', 'ab' + 'c']],
    ['acl "never closed # here', ['acl', 'never closed # here']],
    ['acl a\\', ['acl', 'a']],
  ];
  for (const [line, words, comment = ''] of lines) {
    it(`reads ${JSON.stringify(line)} as HAProxy does`, () => {
      expect(readLine(line)).to.deep.equal({ words, comment });
    });
  }

  it('never throws', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        readLine(text);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('nameSections', () => {
  const named = (text: string) => renderConfig(nameSections(parseConfig(text)));

  it('says by which defaults each proxy goes, and calls those without a name as the API does', () => {
    const text = textOf(
      ...[
        'backend early',
        'defaults zeta',
        '  mode http',
        'defaults # of the web',
        'frontend www # here',
        '  bind :80',
      ],
      ...['defaults unnamed_defaults_2', 'listen stats', 'defaults', 'backend web', 'backend api from zeta', 'peers p'],
    );
    expect(named(text)).to.equal(
      textOf(
        ...['backend early', 'defaults zeta', '  mode http', 'defaults unnamed_defaults_1 # of the web'],
        ...['frontend www from unnamed_defaults_1 # here', '  bind :80', 'defaults unnamed_defaults_2'],
        ...[
          'listen stats from unnamed_defaults_2',
          'defaults unnamed_defaults_3',
          'backend web from unnamed_defaults_3',
        ],
        ...['backend api from zeta', 'peers p'],
      ),
    );
  });

  it('leaves a header alone that it does not understand', () => {
    const text = textOf('defaults main', 'backend', 'backend a b', 'frontend "w w w"', 'listen x :80');
    expect(named(text)).to.equal(text);
  });

  it('adds nothing the second time', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const once = named(text);
        expect(named(once)).to.equal(once);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('appendLines', () => {
  it('puts lines before the blank lines and comments that introduce the next section', () => {
    const sections = parseConfig(textOf('backend a', '  mode http', '', '# of b', 'backend b'));
    appendLines(sections[1]!, ['  server s 10.0.0.1:80']);
    expect(renderConfig(sections)).to.equal(
      textOf('backend a', '  mode http', '  server s 10.0.0.1:80', '', '# of b', 'backend b'),
    );
  });
});

describe('cutSection', () => {
  const cut = (text: string, name: string) => {
    const sections = parseConfig(text);
    cutSection(
      sections,
      sections.find((section) => section.name === name)!,
    );
    return renderConfig(sections);
  };

  it('leaves the comments of the next section', () => {
    const text = textOf('backend a', '', 'backend b', '  # in b', '  mode http', '', '# of c', 'backend c', '');
    expect(cut(text, 'b')).to.equal(textOf('backend a', '', '# of c', 'backend c', ''));
  });

  it('leaves one line end at the end of the text', () => {
    expect(cut('backend a\n\nbackend b\n', 'b')).to.equal('backend a\n');
    expect(cut('backend a\nbackend b', 'b')).to.equal('backend a');
    expect(cut('backend b\n', 'b')).to.equal('');
  });
});

describe('lostLines', () => {
  const text = ['backend a', '  mode http', '  # said', '  acl x path_beg /a', '  acl x path_beg /a', 'backend b'].join(
    '\n',
  );

  it('takes names that the API gives for no loss, but a from that leads elsewhere', () => {
    const before = textOf(
      'defaults',
      '  mode http',
      'frontend www',
      '  bind :80',
      'defaults',
      '  mode tcp',
      'backend db',
    );
    const after = (db: string) =>
      textOf(
        ...['defaults unnamed_defaults_1', '  mode http', 'defaults unnamed_defaults_2', '  mode tcp'],
        ...['backend db from ' + db, 'frontend www from unnamed_defaults_1', '  bind :80'],
      );
    expect(lostLines(before, after('unnamed_defaults_2'))).to.deep.equal([]);
    expect(lostLines(before, after('unnamed_defaults_1'))).to.deep.equal([
      'backend db: backend db from unnamed_defaults_2',
    ]);
  });

  it('are none where only layout, comments and the order of lines, sections and words differ', () => {
    const same = ['backend b', '', 'backend a', ' acl x  path_beg /a', ' acl x /a "path_beg" # why', ' mode http'].join(
      '\n',
    );
    expect(lostLines(text, same)).to.deep.equal([]);
    expect(lostLines(text, text)).to.deep.equal([]);
  });

  const losses: readonly (readonly [what: string, edit: (text: string) => string, lost: readonly string[]])[] = [
    ['a line', (all) => all.replace('  mode http\n', ''), ['backend a: mode http']],
    ['one of two equal lines', (all) => all.replace('  acl x path_beg /a\n', ''), ['backend a: acl x path_beg /a']],
    ['a word', (all) => all.replace('mode http', 'mode'), ['backend a: mode http']],
    ['a section', (all) => all.replace('\nbackend b', ''), ['backend b: backend b']],
    [
      'the section a line stood in',
      (all) => all.replace('backend a', 'backend c'),
      ['backend a: backend a', 'backend a: mode http', 'backend a: acl x path_beg /a', 'backend a: acl x path_beg /a'],
    ],
  ];
  for (const [what, edit, lost] of losses) {
    it(`name ${what}`, () => {
      expect(lostLines(text, edit(text))).to.deep.equal(lost);
    });
  }
});
