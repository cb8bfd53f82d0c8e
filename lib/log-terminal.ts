import { styleText } from 'node:util';
import { visible } from './model/quoted.ts';

/** A field as it is shown: a path such as `config.nomad.address`, and its value in words. */
type Shown = readonly [name: string, text: string];

const levels = new Map<unknown, readonly [name: string, style: Parameters<typeof styleText>[0]]>([
  [10, ['TRACE', 'dim']],
  [20, ['DEBUG', 'dim']],
  [30, ['INFO', 'green']],
  [40, ['WARN', 'yellow']],
  [50, ['ERROR', 'red']],
  [60, ['FATAL', ['bold', 'red']]],
]);

/** What every line has, and what is shown otherwise. */
const shownElsewhere = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'err']);

/**
 * A line of the log, which is a line of JSON, as people read it on a terminal: time (UTC), level, message and short values
 * in a line; in lines below what has blanks, and what has sections, such as a configuration, section by section. Nothing in
 * it moves the cursor: some of it is a stranger's text.
 */
export function terminalLine(json: string, colors: boolean): string {
  const line = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    colors ? styleText(style, text, { validateStream: false }) : text;
  const [name, style] = levels.get(line['level']) ?? ['LOG', 'reset'];
  const given = Object.entries(line).filter(([key]) => !shownElsewhere.has(key));
  const fields = given.filter(([, value]) => !hasSections(value)).flatMap(([key, value]) => shown(key, value));
  const short = fields.filter(([, text]) => !/\s/.test(text));
  const long = fields.filter(([, text]) => /\s/.test(text));
  const head = [
    paint('dim', new Date(Number(line['time'])).toISOString().slice(11)),
    paint(style, name.padEnd(5)),
    visible(String(line['msg'])),
    ...short.map(([key, text]) => paint('dim', visible(`${key}=${text}`))),
  ];
  const below = [
    ...given.filter(([, value]) => hasSections(value)).flatMap(([, value]) => sectionLines(value as object)),
    ...long.map(([key, text]) => `${key}: ${text}`),
    ...stackOf(line['err']),
  ];
  return [head.join(' '), ...below.map((text) => `    ${visible(text)}`)].map((text) => `${text}\n`).join('');
}

function shown(name: string, value: unknown): readonly Shown[] {
  if (Array.isArray(value)) {
    if (value.every((item) => !isObject(item))) return [[name, value.map(String).join(',')]];
    return value.map((item) => [name, wordsOf(item)]);
  }
  if (!isObject(value)) return [[name, String(value)]];
  return Object.entries(value).flatMap(([key, member]) => shown(`${name}.${key}`, member));
}

function hasSections(value: unknown): boolean {
  return isObject(value) && !Array.isArray(value) && Object.values(value).some((member) => isSection(member));
}

function isSection(value: unknown): value is object {
  return isObject(value) && !Array.isArray(value);
}

function sectionLines(sections: object): readonly string[] {
  return Object.entries(sections).flatMap(([name, members]) => {
    const texts = shown('', members).map(
      ([key, text]) => `${key.slice(1)}=${/\s/.test(text) ? JSON.stringify(text) : text}`,
    );
    return filled(texts).map((text, n) => (n === 0 ? `${name}:` : '').padEnd(titleWidth) + text);
  });
}

/** In as few lines as they need, never broken themselves. */
function filled(texts: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (const text of texts) {
    const last = lines.at(-1);
    if (last === undefined || last.length + text.length >= textWidth) lines.push(text);
    else lines[lines.length - 1] = `${last} ${text}`;
  }
  return lines;
}

const titleWidth = 12;
const textWidth = 84;

/** Of an object in a list, such as a problem with its subject and text. */
function wordsOf(value: unknown): string {
  return isObject(value) ? Object.values(value).map(wordsOf).join(' ') : String(value);
}

function stackOf(error: unknown): readonly string[] {
  if (!isObject(error)) return [];
  const { stack, message, cause } = error as { stack?: unknown; message?: unknown; cause?: unknown };
  const own = String(stack ?? message).split('\n');
  return cause === undefined
    ? own
    : [...own, 'caused by:', ...(isObject(cause) ? stackOf(cause) : [JSON.stringify(cause)])];
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
