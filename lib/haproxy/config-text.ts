/**
 * HAProxy's configuration as text that is cut into sections and put together again without changing a byte of what is
 * not ours. A line is looked into only as far as HAProxy itself would read it.
 */

export interface Section {
  /** `backend`, `frontend`, `defaults`, ...; empty for what stands before the first section. */
  readonly kind: string;
  readonly name: string;
  /** The defaults section named in the header; empty: none. */
  readonly from: string;
  /** The header line first; comments before the next header belong to the section they stand in. */
  lines: string[];
}

/** Section keywords, which HAProxy knows by the first word of a line whatever its indentation (HAProxy 3.4 manual, 1-12). */
const sectionKinds = new Set(
  (
    'global defaults frontend backend listen peers resolvers userlist mailers cache ring program http-errors fcgi-app ' +
    'log-forward log-profile crt-store traces acme healthcheck namespace_list'
  ).split(' '),
);

export function parseConfig(text: string): Section[] {
  const sections: Section[] = [{ kind: '', name: '', from: '', lines: [] }];
  for (const line of text.split('\n')) {
    if (sectionKinds.has(firstWord(line))) {
      const [kind = '', name = '', from, base = ''] = readLine(line).words;
      sections.push({ kind, name, from: from === 'from' ? base : '', lines: [line] });
    } else sections.at(-1)?.lines.push(line);
  }
  return sections;
}

export function renderConfig(sections: readonly Section[]): string {
  return sections.flatMap((section) => section.lines).join('\n');
}

/** What inherits from the `defaults` before it where it names none (HAProxy 3.4 manual, 4). */
const proxies = new Set(['frontend', 'backend', 'listen']);

/**
 * Says in the headers what a file leaves unsaid, as the Data Plane API does with its first write: a `defaults` without a name
 * is called `unnamed_defaults_1` and so on, and each proxy gets the `from` that it has anyway. The very sections where there
 * is nothing to add, as in every text that the API has written.
 */
export function nameSections(sections: readonly Section[]): Section[] {
  const taken = new Set(sections.filter(({ kind }) => kind === 'defaults').map(({ name }) => name));
  let number = 0;
  let latest = '';

  function withHeader(section: Section, header: string, said: Pick<Section, 'name' | 'from'>): Section {
    const { comment } = readLine(section.lines[0] ?? '');
    const lines = [comment === '' ? header : `${header} # ${comment}`, ...section.lines.slice(1)];
    return { ...section, ...said, lines };
  }

  return sections.map((section) => {
    const { kind, name, from } = section;
    if (kind === 'defaults') {
      latest = name;
      if (name !== '') return section;
      do latest = `unnamed_defaults_${(number += 1)}`;
      while (taken.has(latest));
      return withHeader(section, `defaults ${latest}`, { name: latest, from });
    }
    if (!proxies.has(kind) || from !== '' || latest === '' || !plainHeader.test(section.lines[0] ?? '')) return section;
    return withHeader(section, `${kind} ${name} from ${latest}`, { name, from: latest });
  });
}

/** Keyword, name, and perhaps a comment. HAProxy takes nothing else; what it will say to that is not our business. */
const plainHeader = /^[ \t\r\v\f]*\w+[ \t\r\v\f]+[\w.:-]+[ \t\r\v\f]*(#.*)?$/;

const blanks = ' \t\r\v\f';

export interface Line {
  readonly words: readonly string[];
  readonly comment: string;
}

/** The keyword of a line, at a fraction of what `readLine` costs; empty for a comment and an empty line. */
export function firstWord(line: string): string {
  const word = /^[ \t\r\v\f]*([^ \t\r\v\f]*)/.exec(line)?.[1] ?? '';
  return /["'\\#]/.test(word) ? (readLine(line).words[0] ?? '') : word;
}

/** Splits a line as HAProxy does: blanks separate, quotes and backslashes protect, `#` begins a comment. */
export function readLine(line: string): Line {
  const hash = line.indexOf('#');
  const said = hash < 0 ? line : line.slice(0, hash);
  if (/["'\\]/.test(said)) return readProtected(line);
  return { words: said.match(/[^ \t\r\v\f]+/g) ?? [], comment: hash < 0 ? '' : line.slice(hash + 1).trim() };
}

/** The same for a line in which quotes or backslashes come before any comment. */
function readProtected(line: string): Line {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (char === '\\' && quote !== "'") {
      at += 1;
      word = (word ?? '') + line.charAt(at);
    } else if (quote !== '') {
      if (char === quote) quote = '';
      else word = (word ?? '') + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (char === '#') {
      if (word !== undefined) words.push(word);
      return { words, comment: line.slice(at + 1).trim() };
    } else if (blanks.includes(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  if (word !== undefined) words.push(word);
  return { words, comment: '' };
}

/** Puts lines behind the last directive of a section, before the comments that introduce the next one. */
export function appendLines(section: Section, lines: readonly string[]): void {
  const last = section.lines.findLastIndex((line) => firstWord(line) !== '');
  section.lines.splice(last + 1, 0, ...lines);
}

/**
 * Takes a section's own lines away, with one blank line behind them; comments behind its last directive belong to what
 * follows and stay.
 */
export function cutSection(sections: Section[], section: Section): void {
  const last = section.lines.findLastIndex((line) => firstWord(line) !== '');
  const at = sections.indexOf(section);
  const rest = section.lines.slice(section.lines[last + 1]?.trim() === '' ? last + 2 : last + 1);
  sections[at - 1]?.lines.push(...rest);
  sections.splice(at, 1);
}

/**
 * Lines that a rewritten text does not say any more. The API moves lines within a section, and words within a line
 * (`cookie SRV insert nocache` becomes `cookie SRV nocache insert`), and gives names: neither is a loss.
 */
export function lostLines(before: string, after: string): readonly string[] {
  const kept = new Map<string, number>();
  for (const { key } of sayings(after)) kept.set(key, (kept.get(key) ?? 0) + 1);
  return sayings(before)
    .filter(({ key }) => {
      const left = kept.get(key) ?? 0;
      kept.set(key, left - 1);
      return left <= 0;
    })
    .map(({ line }) => line);
}

/** Every line that says something, with its section; `key` is the same for the same words in whatever order. */
function sayings(text: string): readonly { readonly line: string; readonly key: string }[] {
  return nameSections(parseConfig(text)).flatMap(({ kind, name, lines }) =>
    lines
      .map((line) => readLine(line).words)
      .filter((words) => words.length > 0)
      .map((words) => ({
        line: `${kind} ${name}: ${words.join(' ')}`,
        key: `${kind} ${name}: ${words.toSorted().join(' ')}`,
      })),
  );
}
