import { parseDomains } from './domains.ts';
import { printable, quoted } from './quoted.ts';

/** The domains that a rule asks for, all of one kind, or why they cannot be told. */
export type RuleReading =
  { readonly map: 'exact' | 'regex'; readonly domains: readonly string[] } | { readonly refused: string };

const text = '(?:`[^`]*`|"[^"\\\\]*")';
/**
 * An operator, a bracket, or a call of a matcher with its texts; blanks may stand around each. No blank is open to two
 * repetitions, or a long rule would take time with the square of its length.
 */
const token = new RegExp(String.raw`\s*(?:(\|\||[()])|([A-Za-z]+)\(\s*(${text}(?:\s*,\s*${text})*)\s*\))\s*`, 'y');

const matchers: ReadonlyMap<string, 'exact' | 'regex'> = new Map([
  ['host', 'exact'],
  ['hostregexp', 'regex'],
]);

/**
 * Reads a rule of Traefik's router that is made of Host or HostRegexp and `||`: what it matches is then what our maps match.
 * Anything else in it refuses the whole, since a domain without its other conditions would lead more requests there. Traefik
 * compares the host without its port and in lower case, as the routing rule does, and looks for a regex anywhere in it.
 */
export function readRule(rule: string): RuleReading {
  const found: { readonly map: 'exact' | 'regex'; readonly domain: string }[] = [];
  let depth = 0;
  let expectsMatcher = true;
  for (token.lastIndex = 0; token.lastIndex < rule.length;) {
    const at = token.lastIndex;
    const [, sign, name = '', texts = ''] = token.exec(rule) ?? [];
    const map = matchers.get(name.toLowerCase());
    if (sign === '(' && expectsMatcher) depth += 1;
    else if (sign === ')' && !expectsMatcher && depth > 0) depth -= 1;
    else if (sign === '||' && !expectsMatcher) expectsMatcher = true;
    else if (map !== undefined && expectsMatcher) {
      for (const [text] of texts.matchAll(/`[^`]*`|"[^"]*"/g)) found.push({ map, domain: text.slice(1, -1) });
      expectsMatcher = false;
    } else return { refused: whyNot(name, rule.slice(at)) };
  }
  if (expectsMatcher || depth > 0) return { refused: notARule };
  return oneKind(found);
}

const notARule = 'is not a rule that could be followed: Host(`a.example.com`) || Host(`b.example.com`)';

function whyNot(name: string, rest: string): string {
  const [word = ''] = /^\s*(?:&&|!|[A-Za-z]+(?=\())/.exec(rest) ?? [];
  const used = name === '' ? word.trim() : name;
  const known = used === '' || matchers.has(used.toLowerCase());
  return known ? notARule : `uses ${printable(used)}, but only Host, HostRegexp and || can be followed`;
}

function oneKind(found: readonly { readonly map: 'exact' | 'regex'; readonly domain: string }[]): RuleReading {
  const [map = 'exact', ...others] = new Set(found.map((one) => one.map));
  if (others.length > 0) return { refused: 'mixes Host and HostRegexp, but the domains of a service are of one kind' };
  const domains = found.map(({ domain }) => (map === 'exact' ? domain.toLowerCase() : domain));
  for (const domain of domains) {
    const { routes, problems } = parseDomains([domain], map);
    // A list or a port would be taken apart, which Traefik does not do.
    const refused = routes[0]?.key === domain ? undefined : (problems[0]?.text ?? 'is not a host name');
    if (refused !== undefined) return { refused: `asks for ${quoted(domain)}, which ${refused}` };
  }
  return { map, domains };
}
