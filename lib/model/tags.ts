import { distance } from 'fastest-levenshtein';
import type { BackendStrategy } from './backend-strategy.ts';
import { maxProblems, type Problem } from './problem.ts';
import { printable, quoted } from './quoted.ts';
import { trimmed } from './trimmed.ts';

/** A parsed value, or why it was refused. */
type Parsed<T> = { readonly value: T } | { readonly refused: string };

interface Tag<T> {
  /** What follows the prefix: `check.path` of `haproxy.check.path`. */
  readonly name: string;
  /** What may be written behind the `=`, for messages and README. */
  readonly values: string;
  readonly fallback: string;
  readonly meaning: string;
  readonly parse: (value: string) => Parsed<T>;
}

function tag<T>(
  name: string,
  values: string,
  fallback: string,
  meaning: string,
  parse: (value: string) => Parsed<T>,
): Tag<T> {
  return { name, values, fallback, meaning, parse };
}

function oneOf<const V extends string>(...allowed: readonly V[]) {
  return (value: string): Parsed<V> => {
    const found = allowed.find((one) => one === value.toLowerCase());
    return found === undefined ? { refused: `is not one of ${allowed.join(', ')}` } : { value: found };
  };
}

function integer(low: number, high: number) {
  return (value: string): Parsed<number> =>
    /^\d{1,7}$/.test(value) && Number(value) >= low && Number(value) <= high
      ? { value: Number(value) }
      : { refused: `is not a whole number from ${low} to ${high}` };
}

function matching(pattern: RegExp, otherwise: string) {
  return (value: string): Parsed<string> => (pattern.test(value) ? { value } : { refused: otherwise });
}

function boolean(value: string): Parsed<boolean> {
  return /^(true|false)$/i.test(value)
    ? { value: value.toLowerCase() === 'true' }
    : { refused: 'is not true or false' };
}

/**
 * Every tag there is. This table is parser, validator, did-you-mean and README's reference at once.
 * The patterns are also the fence between a job's author and HAProxy's administrator: no value that passes here can hold
 * a blank, a quote, a backslash (regex domains aside), a comment sign or a line end.
 */
export const tags = {
  enable: tag('enable', 'true, false', 'false', 'HAProxy serves this service.', boolean),
  backend: tag(
    'backend',
    'dynamic, custom',
    'dynamic',
    'dynamic: the connector makes and owns a backend. custom: it adds servers to a backend you wrote.',
    oneOf('dynamic', 'custom'),
  ),
  backendName: tag(
    'backend.name',
    'letters, digits, - _ . :',
    'the service name with - as _; <namespace>_<name> outside the default namespace',
    'Name of the backend.',
    // A name of dots alone would go astray in the path of a call.
    matching(/^(?!\.+$)[A-Za-z0-9_.:-]{1,120}$/, 'is not a backend name: up to 120 letters, digits and - _ . :'),
  ),
  backendStrategy: tag(
    'backend.strategy',
    'use_existing, create_new, fail_on_conflict',
    'haproxy.backend_strategy of the configuration',
    'What to do when somebody else has a backend of that name.',
    oneOf<BackendStrategy>('use_existing', 'create_new', 'fail_on_conflict'),
  ),
  domain: tag(
    'domain',
    'a host name, several with commas or as several tags',
    'none',
    'Requests for this host go to the service.',
    (value) => (value === '' ? { refused: 'is empty' } : { value }),
  ),
  domainType: tag(
    'domain.type',
    'exact, prefix, regex',
    'exact',
    'How haproxy.domain is compared with the host of a request.',
    oneOf('exact', 'prefix', 'regex'),
  ),
  checkPath: tag(
    'check.path',
    'a path, / first',
    "the job's check",
    'Checks instances by HTTP at this path.',
    matching(
      /^\/[A-Za-z0-9\-._~!$&()*+,;=:@/?%]{0,1023}$/,
      'is not a path: it begins with / and has no blanks or quotes',
    ),
  ),
  checkMethod: tag('check.method', 'GET, HEAD', "the job's check, else GET", 'Method of the HTTP check.', (value) =>
    /^(get|head)$/i.test(value) ? { value: value.toUpperCase() } : { refused: 'is not GET or HEAD' },
  ),
  checkHost: tag(
    'check.host',
    'a host name, port allowed',
    "the job's check",
    'Host header of the HTTP check.',
    matching(/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}(:\d{1,5})?$/, 'is not a host name'),
  ),
  checkType: tag(
    'check.type',
    'http, tcp',
    "the job's check, else tcp",
    'tcp: an instance is well when it accepts connections.',
    oneOf('http', 'tcp'),
  ),
  checkDisabled: tag('check.disabled', 'true, false', 'false', 'HAProxy does not check the instances.', boolean),
  weight: tag(
    'weight',
    '0 to 256',
    '100',
    'Share of the requests beside the other instances. The only tag that counts for each instance by itself.',
    integer(0, 256),
  ),
  balance: tag(
    'balance',
    'roundrobin, leastconn, random, first',
    'roundrobin',
    'How requests are spread over the instances.',
    oneOf('roundrobin', 'leastconn', 'random', 'first'),
  ),
  mode: tag('mode', 'http, tcp', 'http', 'Mode of the backend. A tcp service has no domains.', oneOf('http', 'tcp')),
  slots: tag(
    'slots',
    '1 to 256',
    "max(4, 2 x the job's count)",
    'Servers prepared in HAProxy; more are added with a reload when they do not suffice.',
    integer(1, 256),
  ),
  backup: tag('backup', 'true, false', 'false', 'Used only when no other server of the backend is up.', boolean),
  maxconn: tag('maxconn', '1 to 1000000', 'no limit', 'Connections at once to one instance.', integer(1, 1_000_000)),
} as const;

type TagTable = typeof tags;
type ValueOf<K extends keyof TagTable> = TagTable[K] extends Tag<infer T> ? T : never;

/** What the tags of one registration say; a key that is missing was not said, or was refused. */
export type TagSettings = { readonly [K in keyof TagTable as K extends 'domain' ? never : K]?: ValueOf<K> } & {
  readonly domains: readonly string[];
};

const keyByName = new Map(Object.entries(tags).map(([key, { name }]) => [name, key as keyof TagTable]));

/**
 * Reads the tags with our prefix; blanks around the key and around the value are ignored, a value may hold `=`.
 * A tag that cannot be used costs its own setting only and is named in `problems`. What may have been meant is looked for as
 * often as it is told: it takes longer than all else, and tags come by the ten thousand.
 */
export function parseTags(
  list: readonly string[],
  prefix: string,
): { readonly settings: TagSettings; readonly problems: readonly Problem[] } {
  const settings: Record<string, unknown> = {};
  const domains: string[] = [];
  const problems: Problem[] = [];
  let unknown = 0;
  for (const text of list) {
    if (!text.trimStart().startsWith(`${prefix}.`)) continue;
    const { name, value } = splitTag(text);
    const said = name.slice(prefix.length + 1);
    const key = keyByName.get(said);
    const subject = printable(name);
    if (key === undefined) {
      unknown += 1;
      const meant = unknown <= maxProblems ? nearest(said) : undefined;
      const guess = meant === undefined ? '' : `; did you mean ${prefix}.${meant}?`;
      problems.push({ subject, text: `is not a tag${guess}` });
      continue;
    }
    const parsed = tags[key].parse(value);
    if ('refused' in parsed) {
      problems.push({ subject, text: `${quoted(value)} ${parsed.refused}` });
    } else if (key === 'domain') {
      domains.push(value);
    } else {
      if (key in settings && settings[key] !== parsed.value) {
        problems.push({ subject, text: `is given twice; ${quoted(value)} counts` });
      }
      settings[key] = parsed.value;
    }
  }
  return { settings: { ...settings, domains: trimmed(domains) }, problems };
}

/** At the first `=`; a tag without one has an empty value. */
export function splitTag(text: string): { readonly name: string; readonly value: string } {
  const at = text.indexOf('=');
  return at < 0
    ? { name: text.trim(), value: '' }
    : { name: text.slice(0, at).trim(), value: text.slice(at + 1).trim() };
}

/** True when the tags ask for HAProxy; the one question that has to be cheap. */
export function isEnabled(list: readonly string[], prefix: string): boolean {
  const name = `${prefix}.enable`;
  const said = list.filter((text) => text.includes(name));
  if (said.length === 0) return false;
  // As nearly everybody writes it.
  if (said.length === 1 && said[0] === `${name}=true`) return true;
  return parseTags(said, prefix).settings.enable === true;
}

/** The rows of README's tag table. */
export function tagRows(prefix: string): readonly { tag: string; values: string; fallback: string; meaning: string }[] {
  return Object.values(tags).map(({ name, values, fallback, meaning }) => ({
    tag: `${prefix}.${name}`,
    values,
    fallback,
    meaning,
  }));
}

/** Undefined where none is near. */
function nearest(name: string): string | undefined {
  if (/^(host|hosts|hostname|fqdn)$/i.test(name)) return tags.domain.name;
  const bounded = name.slice(0, 40);
  const best = [...keyByName.keys()].reduce((near, one) =>
    distance(one, bounded) < distance(near, bounded) ? one : near,
  );
  return distance(best, bounded) * 2 < Math.max(best.length, bounded.length) ? best : undefined;
}
