import { hash } from 'node:crypto';
import type { Check } from './service.ts';
import type { BackendSettings, SlotSettings } from './step.ts';

/** Where a free slot points: nobody listens there, and it is disabled besides. */
export const parked = { address: '127.0.0.1', port: 1 } as const;

/**
 * The lines of a backend of ours, without its mark and its slots, in the order in which the Data Plane API writes them.
 * A connection that a stopping instance refuses or closes is tried elsewhere, but never a POST or PATCH that may have
 * arrived: an app that ends closes idle connections under HAProxy's feet.
 */
export function backendLines({ mode, balance, check }: BackendSettings): readonly string[] {
  const retries =
    mode === 'http'
      ? ['http-request disable-l7-retry if METH_POST or { method PATCH }', 'retry-on conn-failure empty-response']
      : [];
  return [`mode ${mode}`, `balance ${balance}`, 'option redispatch 1', ...checkLines(check), ...retries];
}

/** A TCP connect is spelled out too: without it a check that the defaults section asks for would hold. */
function checkLines(check: Check): readonly string[] {
  switch (check.kind) {
    case 'none':
      return [];
    case 'tcp':
      return ['option tcp-check'];
    case 'http':
      return [
        `option httpchk ${check.method} ${check.path}${check.host === undefined ? '' : ` HTTP/1.1 ${check.host}`}`,
      ];
    default:
      return check satisfies never;
  }
}

/** What every slot line of a service says between its address and its weight. */
export function slotOptions({ check, backup, maxconn }: SlotSettings): string {
  return [
    ...(check.kind === 'none' ? [] : [`check inter ${duration(check.intervalMs)}`]),
    ...(backup ? ['backup'] : []),
    ...(maxconn > 0 ? [`maxconn ${maxconn}`] : []),
  ].join(' ');
}

/** Changes whenever the text that we would write for these settings does. */
export function settingsHash(settings: BackendSettings, slotSettings: SlotSettings): string {
  return hash('sha1', [settings.from, ...backendLines(settings), slotOptions(slotSettings)].join('\n')).slice(0, 8);
}

/** HAProxy's notation: `2s`, `1500ms`. */
function duration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
