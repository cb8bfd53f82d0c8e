import type { Route } from './events.ts';

/**
 * The host names that services of a namespace may claim, by namespace: `example.com` that one, `*.example.com` all below
 * it, `*` any. `*` as a namespace stands for all that are not named; without it these may claim anything.
 */
export type AllowedDomains = Readonly<Record<string, readonly string[]>>;

/** Every namespace may claim any domain. */
export const anyDomain: AllowedDomains = {};

/** Why a namespace may not have a domain; undefined where it may. */
export function refuseRoute(route: Route, namespace: string, allowed: AllowedDomains): string | undefined {
  const patterns = patternsOf(allowed, namespace);
  if (patterns === undefined || patterns.includes('*')) return undefined;
  if (route.map !== 'exact') {
    return `is refused: policy.allowed_domains restricts namespace ${namespace}, where no ${route.map} is taken, since it may match any host`;
  }
  if (patterns.some((pattern) => covers(pattern.toLowerCase(), route.key))) return undefined;
  const listed = patterns.slice(0, 5).join(', ') + (patterns.length > 5 ? ', ...' : '');
  return `is refused: policy.allowed_domains gives namespace ${namespace} ${listed === '' ? 'no domains' : `only ${listed}`}`;
}

function patternsOf(allowed: AllowedDomains, namespace: string): readonly string[] | undefined {
  return Object.hasOwn(allowed, namespace) ? allowed[namespace] : allowed['*'];
}

function covers(pattern: string, host: string): boolean {
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern;
}
