import { of, Subject, switchMap, timer, type Subscription } from 'rxjs';
import { plainConfig, plainFrontend } from '../../lib/haproxy/dry-run.ts';
import type { Registration } from '../../lib/model/events.ts';
import type { Notice } from '../../lib/model/notice.ts';
import type { Policy } from '../../lib/model/plan.ts';
import type { View } from '../../lib/model/view.ts';
import { nomadEvents } from '../../streams/nomad-events.ts';
import { pipeline } from '../../streams/pipeline.ts';
import type { Timing } from '../../streams/pipeline-settings.ts';
import type { NomadState } from '../support/nomad-state.ts';
import { createSimulatedHaproxy, type SimulatedHaproxy } from './haproxy.ts';
import { createSimulatedNomad, type SimulatedNomad } from './nomad.ts';
import { createVirtualTime, type VirtualTime } from './virtual-time.ts';

/** What differs from one cluster and its HAProxy to the next. */
export interface Circumstances {
  /** All at once, or by name. */
  readonly namespaces: readonly string[];
  readonly strategy: Policy['strategy'];
  readonly runtime: View['runtime'];
}

/** A cluster, a HAProxy and the connector between them, in a time of their own. */
export interface World {
  readonly circumstances: Circumstances;
  readonly time: VirtualTime;
  readonly nomad: SimulatedNomad;
  readonly haproxy: SimulatedHaproxy;
  /** The part of the configuration that is none of our business, as others have written it. */
  readonly foreign: { text: string };
  /** Addresses where nobody listens yet. */
  readonly deaf: Set<string>;
  /** What a connector died of, and what it must never do. */
  readonly bugs: unknown[];
  /** The connector is killed, and another one is started. */
  readonly restart: () => void;
  /** Services of which the connector said last that they failed. */
  readonly failed: () => ReadonlySet<string>;
  readonly stop: () => void;
}

/** One backend that services may share, one whose servers cannot change, and one that no service names. */
export const handWritten = `${plainConfig}
# The old machines.
backend legacy from main
  balance leastconn
  server old1 10.66.0.1:80 check # rack 4

backend fixed from main
  balance source
  server old2 10.66.0.2:80 check
`;

/** As in operation, but that what is left behind goes after seconds instead of minutes. */
export const policy = {
  owner: 'nomad',
  frontends: [plainFrontend],
  drainMs: 5000,
  retentionMs: 20_000,
  removalMaxWaitMs: 30_000,
} as const;

const reloadBurst = 3;
const reloadIntervalMs = 2000;

export function createWorld(circumstances: Circumstances, start: NomadState, base = handWritten): World {
  const time = createVirtualTime();
  const nomad = createSimulatedNomad(start, time);
  const haproxy = createSimulatedHaproxy(base, policy.owner, { runtime: circumstances.runtime, time });
  const deaf = new Set<string>();
  const bugs: unknown[] = [];
  let connector: Connector | undefined;

  function restart(): void {
    connector?.stop();
    connector = startConnector(circumstances, { time, nomad, haproxy, deaf, bugs });
  }

  restart();
  return {
    circumstances,
    time,
    nomad,
    haproxy,
    foreign: { text: base },
    deaf,
    bugs,
    restart,
    failed: () => connector?.failed ?? new Set(),
    stop: () => connector?.stop(),
  };
}

export function placeOf({ address, port }: Pick<Registration, 'address' | 'port'>): string {
  return `${address}:${port}`;
}

interface Connector {
  readonly failed: ReadonlySet<string>;
  readonly stop: () => void;
}

/** The connector as `run` composes it. A bug in it ends the run. */
function startConnector(
  { namespaces, strategy }: Circumstances,
  { time, nomad, haproxy, deaf, bugs }: Pick<World, 'time' | 'nomad' | 'haproxy' | 'deaf' | 'bugs'>,
): Connector {
  const timing: Timing = {
    quietMs: 25,
    maxQuietMs: 250,
    resyncMs: 60_000,
    backoffMs: (attempt) => Math.min(30_000, 500 * 2 ** (attempt - 1)),
    reloadBurst,
    reloadIntervalMs,
    admissionMaxWaitMs: 60_000,
    admissionFallbackMs: 2000,
    confirmLossAfterMs: 15_000,
    scheduler: time,
  };
  const failed = new Set<string>();
  const startedAt = time.now();
  let reloads = 0;

  const confirmInMs = new Subject<number>();

  function observe(notice: Notice): void {
    if (notice.kind === 'losses-held') confirmInMs.next(notice.confirmInMs);
    if (notice.kind === 'service-failed') failed.add(notice.service);
    if (notice.kind === 'settled') failed.delete(notice.service);
    if (notice.kind !== 'applied' || !notice.reloaded) return;
    reloads += 1;
    const allowed = reloadBurst + (time.now() - startedAt) / reloadIntervalMs;
    if (reloads > allowed) bugs.push(new Error(`${reloads} reloads, ${allowed} allowed`));
  }

  const subscription: Subscription = pipeline(
    {
      nomad: nomadEvents(nomad.client, {
        namespaces,
        prefix: 'haproxy',
        scheduler: time,
        confirm: confirmInMs.pipe(switchMap((ms) => timer(ms, time))),
        backoff: { random: () => 0.5 },
      }),
      haproxy: haproxy.end,
      probe: (registration) => of(deaf.has(placeOf(registration)) ? 'refuse' : 'admit'),
    },
    { policy: { ...policy, strategy }, prefix: 'haproxy', domainMap: true, maxLossPercent: 50 },
    timing,
  ).subscribe({
    next: observe,
    error: (error: unknown) => bugs.push(error),
    complete: () => bugs.push(new Error('the pipeline has ended, which it never should')),
  });
  return {
    failed,
    stop: () => {
      subscription.unsubscribe();
    },
  };
}
