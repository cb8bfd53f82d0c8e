import type { Route, RouteMap } from './events.ts';
import type { Problem } from './problem.ts';
import { quoted } from './quoted.ts';
import { refuseRegex } from './regex-domain.ts';
import { trimmed } from './trimmed.ts';

/** Domains that one service may claim; more are not even read, so that one job cannot fill the maps, nor the log. */
const maxDomains = 100;

/**
 * Turns the values of domain tags into map rows. Exact and prefix values are split at commas, lower-cased and lose their
 * port, as the host of a request does before it is looked up; an exact one loses the dot of the root as well. A regex is taken
 * as written. `forbid` says why one that is well formed is not to be had.
 */
export function parseDomains(
  values: readonly string[],
  map: RouteMap,
  forbid: (route: Route) => string | undefined = () => undefined,
): { readonly routes: readonly Route[]; readonly problems: readonly Problem[] } {
  const written = map === 'regex' ? values : values.flatMap(splitList);
  const all = [...new Set(written.map((one) => normal(one, map)))];
  const routes: Route[] = [];
  const problems: Problem[] = [];
  for (const key of all.slice(0, maxDomains)) {
    const refused = refuse(key, map) ?? forbid({ map, key });
    if (refused === undefined) routes.push({ map, key });
    else problems.push({ subject: `domain ${quoted(key)}`, text: refused });
  }
  if (all.length > maxDomains) {
    problems.push({ subject: 'domains', text: `are ${all.length}; the first ${maxDomains} count` });
  }
  return { routes: trimmed(routes), problems };
}

function normal(written: string, map: RouteMap): string {
  if (map === 'regex') return written;
  const host = written.toLowerCase().replace(/:\d+$/, '');
  return map === 'exact' ? host.replace(/(?<=[^.])\.$/, '') : host;
}

/** What somebody may have meant who wrote that. */
function advice(key: string): string {
  if (key.includes('/')) return '; leave scheme and path out';
  if (key.includes('*')) return '; give a pattern as a regex, with domain.type=regex';
  if (/[\s;]/.test(key.trim())) return '; separate several by commas';
  const ascii = /[^\x21-\x7e]/.test(key) && URL.canParse(`http://${key}/`) ? new URL(`http://${key}/`).hostname : '';
  return /^(?=.*xn--)[a-z0-9.-]+$/.test(ascii) ? `; write it as ${ascii}` : '';
}

function splitList(value: string): readonly string[] {
  return value
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

function refuse(key: string, map: RouteMap): string | undefined {
  switch (map) {
    case 'exact':
      return /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/.test(key)
        ? undefined
        : `is not a host name${advice(key)}`;
    case 'prefix':
      return /^[a-z0-9_][a-z0-9_.-]{0,252}$/.test(key) ? undefined : 'is not the beginning of a host name';
    case 'regex':
      return refuseRegex(key);
    default:
      return map satisfies never;
  }
}
