import { answerOf } from '../../spec-integration/support/haproxy.ts';
import type { World } from '../../spec-integration/support/world.ts';
import { claimNothing, type Claim } from './claims.ts';
import type { PassedCall } from './calls.ts';
import type { Life } from './connectors.ts';

/** Ms in which a connector that was killed would have deleted the transaction that it had opened. */
const previewMs = 2000;

/**
 * What a connector opens it deletes, told of it or not, unless it is killed in between. The API makes transactions of its own
 * for its writes, and leaves them when it is killed itself; these are counted and nobody's fault.
 */
export async function claimNoTransactions(
  { api }: World,
  calls: readonly PassedCall[],
  lives: readonly Life[],
): Promise<Claim> {
  return claimDeleted(await answerOf(api.listTransactions()), calls, lives);
}

/** `open`: ids of all that are open at the end. */
export function claimDeleted(open: readonly string[], calls: readonly PassedCall[], lives: readonly Life[]): Claim {
  const opened = calls.filter(({ opened }) => opened !== undefined);
  const left = opened.filter(({ opened = '', time }) => open.includes(opened) && !wasKilledSoonAfter(time, lives));
  const untold = opened.filter(({ told }) => !told).length;
  return claimNothing(
    'no transaction is left open',
    `${left.length} left of ${opened.length} (${untold} untold); ${open.length} open in all`,
    left.map(({ call, time }) => `${new Date(time).toISOString()} ${call}`),
  );
}

function wasKilledSoonAfter(time: number, lives: readonly Life[]): boolean {
  return lives.some(({ ended }) => {
    const killedAt = ended?.killedAt ?? Infinity;
    return killedAt >= time && killedAt - time < previewMs;
  });
}
