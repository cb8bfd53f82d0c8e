import type { Notice } from './notice.ts';
import { needsReload } from './slots.ts';
import type { Step } from './step.ts';

/** Why HAProxy was reloaded; what a single reload does for several reasons goes by the first of these. */
export const reloadCauses = [
  /** A service that HAProxy did not have. */
  'new-backend',
  /** More instances than slots. */
  'more-slots',
  /** Another check, balance algorithm or limit. */
  'settings',
  /** A frontend got the rule that looks hosts up. */
  'routing-rule',
  /** An instance whose address is a name, which cannot be set at runtime. */
  'host-name',
  /** What waited for a reload, or could wait no longer. */
  'removal',
  /** Rows of a map that only a reload can change. */
  'rows',
  /** The process was not what the file says, or might not be. */
  'repair',
] as const;

export type ReloadCause = (typeof reloadCauses)[number];

/** Of a notice that says `reloaded`. */
export function reloadCause({ steps, unasked }: Extract<Notice, { kind: 'applied' }>): ReloadCause {
  if (unasked !== undefined) return unasked;
  const causes = new Set(steps.map(causeOf));
  return reloadCauses.find((cause) => causes.has(cause)) ?? 'settings';
}

function causeOf(step: Step): ReloadCause | undefined {
  switch (step.kind) {
    case 'create-backend':
      return 'new-backend';
    case 'grow-slots':
      return 'more-slots';
    case 'update-backend':
    case 'update-slots':
      return 'settings';
    case 'install-routing':
      return 'routing-rule';
    case 'remove-backend':
    case 'remove-slots':
      return 'removal';
    case 'fill-slot':
    case 'weigh-slot':
    case 'drain-slot':
    case 'free-slot':
      return needsReload(step) ? 'host-name' : undefined;
    case 'set-route':
    case 'delete-route':
      return undefined;
    default:
      return step satisfies never;
  }
}
