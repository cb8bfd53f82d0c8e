import type { Config } from '../../config.ts';
import { nameSections, parseConfig, readLine } from '../../haproxy/config-text.ts';
import type { MapPaths } from '../../haproxy/routing.ts';
import type { MapRows } from '../../haproxy/view.ts';
import type { RouteMap } from '../../model/events.ts';
import type { View } from '../../model/view.ts';
import type { Planned } from '../planned.ts';
import { ok, problem, warning, type Finding } from './finding.ts';

/** The maps, as the API has them. */
export function sayMaps(paths: MapPaths, rows: MapRows, { domainMap }: Config): Finding {
  const check = 'maps';
  if (!domainMap.enabled) return ok(check, 'are off: domain_map.enabled is false');
  const counts = (['exact', 'prefix', 'regex'] as const satisfies readonly RouteMap[]).map(
    (map) => `${rows[map].size} ${map}`,
  );
  const where = paths.exact.slice(0, paths.exact.lastIndexOf('/'));
  return ok(
    check,
    where === ''
      ? 'the API has none yet, and tells its directory with the first'
      : `${paths.exact} and so on, with ${counts.join(', ')} rows`,
  );
}

/**
 * The configured frontends and their routing rule. `planned`: what would be done now; absent where Nomad could not be
 * read.
 */
export function judgeFrontends(
  { haproxy, domainMap }: Config,
  view: View,
  planned: readonly Planned[] | undefined,
): readonly Finding[] {
  const usable = [...view.frontends.values()].filter(({ mode }) => mode === 'http').map(({ name }) => name);
  const choose = `set HAPROXY_FRONTEND${usable.length > 0 ? ` to one of ${usable.join(', ')}` : ''}`;
  if (haproxy.frontends.length === 0) {
    if (!domainMap.enabled) return [ok('frontends', 'none, as domain maps are off')];
    return [warning('frontends', 'haproxy.frontend is not set: no domain is routed', choose)];
  }
  return haproxy.frontends.flatMap((name) => {
    const check = `frontend ${name}`;
    const frontend = view.frontends.get(name);
    if (frontend === undefined) return problem(check, 'is not in haproxy.cfg', `write it there, or ${choose}`);
    if (frontend.mode !== 'http') {
      return problem(check, 'is in tcp mode and has no host to route by', `write mode http there, or ${choose}`);
    }
    return ok(check, domainMap.enabled ? sayRule(name, frontend.routed, planned) : 'is there; domain maps are off');
  });
}

function sayRule(frontend: string, routed: boolean, planned: readonly Planned[] | undefined): string {
  if (routed) return 'has the routing rule';
  const due = planned?.find(({ step }) => step.kind === 'install-routing' && step.frontend === frontend);
  const when =
    due === undefined
      ? 'the reload that makes the first service with a domain'
      : `the next reload, on behalf of ${due.service}`;
  return `gets the routing rule with ${when}`;
}

/** The Data Plane API gives a `defaults` without a name one, and every proxy behind a `defaults` a `from`. */
export function judgeNames(text: string): readonly Finding[] {
  const sections = parseConfig(text);
  const named = nameSections(sections);
  const changed = named.filter((section, n) => section !== sections[n]);
  if (changed.length === 0) return [];
  const headers = changed.slice(0, shown).map(({ lines: [header = ''] }) => readLine(header).words.join(' '));
  const more = changed.length > shown ? ` and ${changed.length - shown} more` : '';
  return [ok('sections', `lack a name or a from; with the first write the API writes ${headers.join(', ')}${more}`)];
}

const shown = 5;

/** What backends of ours inherit from. */
export function judgeDefaults({ haproxy }: Config, { defaults, frontends }: View): readonly Finding[] {
  const wanted = haproxy.defaults;
  const there = defaults.filter((name) => name !== '');
  if (wanted !== undefined && !there.includes(wanted)) {
    const fix = there.length > 0 ? `set HAPROXY_DEFAULTS to one of ${there.join(', ')}` : `write "defaults ${wanted}"`;
    return [problem('defaults', `haproxy.cfg has no "defaults ${wanted}"`, fix)];
  }
  const [frontend = ''] = haproxy.frontends;
  const from = wanted ?? (frontends.get(frontend)?.from || there.at(-1));
  if (from !== undefined) return [ok('defaults', `backends are made from "defaults ${from}"`)];
  return [
    warning(
      'defaults',
      'haproxy.cfg has no defaults',
      'write a defaults section with mode http and the three timeouts',
    ),
  ];
}
