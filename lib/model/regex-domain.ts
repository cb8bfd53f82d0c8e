/** Longest host that is looked up in the maps, by the routing rule; longer ones are no host names. */
export const maxHostLength = 253;

/**
 * Ways through a pattern that are allowed: three unbounded repetitions behind `^`. On HAProxy 3.4, which uses PCRE2's JIT,
 * a pattern with half as many took 20 ms of a host with 253 characters, and one with 1,500 times as many ended the process.
 */
const maxWays = 2 ** 24;

/** What JavaScript takes and PCRE does not, or what a line of a map file or a call cannot carry. */
const rules: readonly { readonly holds: RegExp; readonly refused: string }[] = [
  { holds: /^[^]{256}/, refused: 'is refused: a regular expression here has at most 255 characters' },
  { holds: /[^\x21-\x7e]/, refused: 'is refused: a regular expression here has no blanks and only ASCII characters' },
  { holds: /[;"'`#]/, refused: `is refused: ; " ' \` and # are not allowed in a regular expression here` },
  {
    holds: /\\[^dDwWsSbB.^$*+?()[\]{}|/-]/,
    refused: 'is refused: of the letters, only d D w W s S b B may be escaped here',
  },
  {
    holds: /\(\?(?![:=!])/,
    refused: 'is refused: of the groups with a question mark, only (?: (?= and (?! are taken here',
  },
  { holds: /\[\^?\]|\[[:.=]/, refused: 'is refused: empty and named character classes are not taken here' },
  { holds: /\{\d*,?\d{3}/, refused: 'is refused: at most 99 repetitions may be counted here' },
];

/**
 * Why a regex domain is not taken. It becomes the first word of a line in a map file and is compiled by PCRE: one that does
 * not compile would make HAProxy refuse the whole file, one that takes long would stop it. JavaScript's `u` syntax and the
 * rules here are narrower than PCRE's.
 */
export function refuseRegex(key: string): string | undefined {
  const pattern = key.replace(/^\(\?i\)/, '');
  const rule = rules.find(({ holds }) => holds.test(pattern));
  if (rule !== undefined) return rule.refused;
  try {
    new RegExp(withPlainHyphens(pattern), 'u');
  } catch {
    return 'is not a valid regular expression';
  }
  const ways = waysThrough(pattern);
  if (ways === Infinity) return 'is refused: a repeated group with a choice in it can keep HAProxy busy for ever';
  return ways > maxWays
    ? 'is refused: it has too many choices and could keep HAProxy busy; begin it with ^, repeat less, use fewer ? and |'
    : undefined;
}

/** `\-` is common outside of brackets, where only JavaScript minds. */
function withPlainHyphens(pattern: string): string {
  return pattern.replace(/\\.|\[(?:\\.|[^\]\\])*\]/g, (word) => (word === '\\-' ? '-' : word));
}

interface Group {
  alternatives: number;
  /** A repetition, an option or an alternative is in it. */
  chooses: boolean;
}

const words = /\\.|\[(?:\\.|[^\]\\])*\]|\((?:\?[:=!])?|\{(\d+)(,?)(\d*)\}\??|[*+?]\??|./g;

/**
 * An upper bound of the ways in which a host can be tried against a valid pattern; infinite where a group that has a choice
 * is itself repeated.
 */
function waysThrough(pattern: string): number {
  const whole: Group = { alternatives: 1, chooses: false };
  const open = [whole];
  let closed: Group | undefined;
  let ways = 1;
  for (const [word, low, comma, high] of pattern.matchAll(words)) {
    const group = open.at(-1) ?? whole;
    const repeats = /^[*+?{]/.test(word) ? repetitions(word, Number(low), comma, high) : undefined;
    if (repeats !== undefined) {
      if (closed?.chooses === true && !word.startsWith('?')) return Infinity;
      ways *= repeats;
      if (repeats > 1) group.chooses = true;
    } else if (word === '|') {
      group.alternatives += 1;
      group.chooses = true;
    }
    closed = undefined;
    if (word.startsWith('(')) open.push({ alternatives: 1, chooses: false });
    else if (word === ')') {
      closed = open.pop();
      ways *= closed?.alternatives ?? 1;
      if (closed?.chooses === true) (open.at(-1) ?? whole).chooses = true;
    }
  }
  const anchored = pattern.startsWith('^') && whole.alternatives === 1;
  return ways * whole.alternatives * (anchored ? 1 : maxHostLength);
}

/** In how many ways a quantifier can be satisfied. */
function repetitions(word: string, low: number, comma = '', high = ''): number {
  if (word.startsWith('?')) return 2;
  if (word.startsWith('{') && comma === '') return 1;
  return word.startsWith('{') && high !== '' ? Number(high) - low + 1 : maxHostLength;
}
