import type { PassedCall } from './calls.ts';
import { claimNothing, type Claim } from './claims.ts';
import type { Life } from './connectors.ts';
import type { CountedReloads } from './scene.ts';

/**
 * HAProxy's own count is what was asked of the API and what others did. The connectors said all of theirs, also where the
 * answer was lost, but for what a killed one had no time to say. Nobody can tell of a reload that the API died of, or called
 * failed, whether HAProxy counts it, nor of the last one before HAProxy was killed.
 */
export function claimReloads(
  { counted, foreign, kills }: CountedReloads,
  calls: readonly PassedCall[],
  lives: readonly Life[],
): Claim {
  const asked = calls.filter(({ call }) => call.includes('force_reload=true'));
  const done = asked.filter(({ status }) => status !== undefined && status < 300);
  const unknown = asked.filter(({ status }) => status === undefined || status === 400).length;
  const lost = done.filter(({ told }) => !told).length;
  const said = lives.reduce((sum, { connector }) => sum + connector.count('changed HAProxy', { reloaded: true }), 0);
  const killed = lives.filter(({ ended }) => ended?.killedAt !== undefined).length;
  const least = done.length + foreign;
  return claimNothing(
    'reloads are as counted',
    `${counted} by HAProxy: ${done.length} ours (${lost} untold, ${said} said), ${foreign} foreign, ${unknown} uncertain`,
    [
      ...(counted >= least - kills && counted <= least + unknown ? [] : [`HAProxy counts ${counted}, not ${least}`]),
      ...(said <= done.length + unknown && said >= done.length - killed ? [] : [`${said} said of ${done.length}`]),
    ],
  );
}
