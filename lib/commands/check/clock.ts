import { ok, warning, type Finding } from './finding.ts';

/** An end's clock, and ours before and after it was asked; ms since 1970. */
export interface Reading {
  readonly whose: string;
  readonly clock: number;
  readonly askedAt: number;
  readonly answeredAt: number;
}

/** An end tells whole seconds. */
const resolutionMs = 1000;
const maxSkewMs = 5000;

/**
 * Compares the `Date` of an answer with our clock. The connector itself waits by no clock of others; people do who compare
 * logs, and whatever ends at a time: tokens, certificates.
 */
export function judgeClock({ whose, clock, askedAt, answeredAt }: Reading): Finding {
  const check = `clock of ${whose}`;
  if (Number.isNaN(clock)) return ok(check, 'its answers do not tell');
  const behindMs = askedAt - (clock + resolutionMs);
  const aheadMs = clock - answeredAt;
  const skewMs = Math.max(behindMs, aheadMs, 0);
  if (skewMs <= maxSkewMs) return ok(check, skewMs === 0 ? 'as ours' : `within ${Math.ceil(skewMs / 1000)} s of ours`);
  return warning(
    check,
    `${Math.round(skewMs / 1000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} ours`,
    'see which is wrong (date -u), and keep both by NTP: timedatectl set-ntp true',
  );
}
