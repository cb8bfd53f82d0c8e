import type { Config } from '../../config.ts';
import type { ServiceKey } from '../../model/events.ts';
import type { ServiceStatus } from '../../model/status-service.ts';
import type { LatencyStatus, ReloadStatus } from '../../model/status.ts';
import { shapeOf } from '../../shape.ts';

/** What a connector that runs tells at `/status`, as far as services are explained by it. Times are ms since 1970. */
export interface RunningConnector {
  readonly about: { readonly version: string; readonly startedAt: number; readonly dryRun: boolean };
  /** Newest first, as `latency`. */
  readonly reloads: readonly ReloadStatus[];
  readonly latency: readonly LatencyStatus[];
  readonly services: readonly ServiceStatus[];
}

/** What it says of one service: what cannot be seen from outside. */
export interface ConnectorExplained {
  readonly at: string;
  readonly version: string;
  readonly since: number;
  readonly dryRun: boolean;
  /** Absent: it does not know it. */
  readonly service?: Pick<ServiceStatus, 'state' | 'waiting' | 'waitingInAll' | 'failure' | 'lastEvents' | 'lastWrite'>;
  readonly lastReload?: ReloadStatus;
  readonly lastReady?: LatencyStatus;
}

export type ConnectorAsked = { readonly at: string; readonly running?: RunningConnector };

const patienceMs = 1000;

const statusShape = shapeOf<RunningConnector>({
  type: 'object',
  required: ['about', 'reloads', 'latency', 'services'],
  properties: {
    about: {
      type: 'object',
      required: ['version', 'startedAt', 'dryRun'],
      properties: { version: { type: 'string' }, startedAt: { type: 'number' }, dryRun: { type: 'boolean' } },
    },
    reloads: { type: 'array', items: { type: 'object', required: ['at', 'cause', 'services', 'tookMs'] } },
    latency: { type: 'array', items: { type: 'object', required: ['at', 'service', 'toldMs'] } },
    services: {
      type: 'array',
      items: { type: 'object', required: ['service', 'state', 'waiting', 'waitingInAll', 'lastEvents'] },
    },
  },
});

/** Asks where this configuration has a connector serve its status. Never rejects: whoever else is there says nothing. */
export async function askConnector({ host, port }: Config['server']): Promise<ConnectorAsked> {
  const at = `${reachable(host)}:${port}`;
  try {
    const answer = await fetch(`http://${at}/status`, { redirect: 'error', signal: AbortSignal.timeout(patienceMs) });
    const status: unknown = await answer.json();
    return statusShape.fits(status) ? { at, running: status } : { at };
  } catch {
    return { at };
  }
}

export function explainConnector({ at, running }: ConnectorAsked, key: ServiceKey): ConnectorExplained | undefined {
  if (running === undefined) return undefined;
  const { about, reloads, latency, services } = running;
  const service = services.find((one) => one.service === key);
  const lastReload = reloads.find((one) => one.services.includes(key));
  const lastReady = latency.find((one) => one.service === key);
  return {
    at,
    version: about.version,
    since: about.startedAt,
    dryRun: about.dryRun,
    ...(service && { service: pick(service) }),
    ...(lastReload && { lastReload }),
    ...(lastReady && { lastReady }),
  };
}

function pick(status: ServiceStatus): NonNullable<ConnectorExplained['service']> {
  const { state, waiting, waitingInAll, failure, lastEvents, lastWrite } = status;
  return { state, waiting, waitingInAll, lastEvents, ...(failure && { failure }), ...(lastWrite && { lastWrite }) };
}

/** An address that stands for all of a machine's is asked on this one. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
