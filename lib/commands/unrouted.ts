import type { Config } from '../config.ts';
import type { Notice } from '../model/notice.ts';
import type { Result } from './plan-output.ts';

/** That no domain leads anywhere, where nobody said that none should. */
export function unrouted({ haproxy, domainMap }: Config): Notice | undefined {
  if (haproxy.frontends.length > 0 || !domainMap.enabled) return undefined;
  return {
    kind: 'haproxy-warning',
    text: 'haproxy.frontend is not set: no domain is routed',
    hint: 'Set it (HAPROXY_FRONTEND) to the frontend that shall lead to services by their domains, or domain_map.enabled to false.',
  };
}

export function withUnrouted(result: Result, config: Config): Result {
  const problem = unrouted(config);
  return problem === undefined ? result : { ...result, problems: [problem, ...result.problems] };
}
