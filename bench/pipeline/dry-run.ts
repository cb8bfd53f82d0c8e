import { defer, EMPTY, merge, NEVER, of, Subject, type Observable, type Subscription } from 'rxjs';
import type { HaproxyEnd } from '../../lib/haproxy/end.ts';
import { createTwin, plainConfig, plainFrontend, type TwinState } from '../../lib/haproxy/dry-run.ts';
import type { Notice } from '../../lib/model/notice.ts';
import type { Policy } from '../../lib/model/plan.ts';
import type { Job, Registration } from '../../lib/model/events.ts';
import { parseRegistrations } from '../../lib/nomad/answers.ts';
import type { NomadClient } from '../../lib/nomad/client.ts';
import { parseJob } from '../../lib/nomad/job.ts';
import type { Parsed } from '../../lib/nomad/parser.ts';
import type { Probe } from '../../operators/admit-instances.ts';
import { nomadEvents } from '../../streams/nomad-events.ts';
import { pipeline } from '../../streams/pipeline.ts';
import type { Timing } from '../../streams/pipeline-settings.ts';
import { createSteppedTime } from '../support/stepped-time.ts';
import type { Cluster } from './wire.ts';

export const prefix = 'haproxy';

/** Drains end at once, and no backend is ever empty: all time that passes is spent on events. */
export const policy: Policy = {
  owner: 'nomad',
  strategy: 'use_existing',
  frontends: [plainFrontend],
  drainMs: 0,
  retentionMs: 300_000,
  removalMaxWaitMs: 600_000,
};

/** The connector as `run --dry-run` composes it, without sockets and on a clock of its own. */
export interface DryRun {
  readonly end: HaproxyEnd;
  readonly state: TwinState;
  /** Does all that these bytes of the event stream ask for. */
  readonly take: (bytes: Uint8Array) => void;
  readonly stop: () => void;
}

/** Ms. */
const never = 1e12;

/** Started, its first snapshot applied. `probe`: every instance serves at once if not given. */
export function startDryRun(cluster: Cluster, probe: Probe = () => of('admit')): DryRun {
  const time = createSteppedTime();
  const bytes = new Subject<Uint8Array>();
  const { end, state } = createTwin(plainConfig, policy.owner);
  const nomad = nomadEvents(clientOf(cluster, bytes), {
    namespaces: ['default'],
    prefix,
    // No snapshot after the first: what comes beside one waits for it, and is not what is measured.
    auditEveryMs: never,
    renewEveryMs: never,
    scheduler: time,
  });
  const timing: Timing = {
    quietMs: 25,
    maxQuietMs: 250,
    resyncMs: 0,
    backoffMs: () => 500,
    reloadBurst: 3,
    reloadIntervalMs: 2000,
    admissionMaxWaitMs: 60_000,
    admissionFallbackMs: 2000,
    confirmLossAfterMs: 15_000,
    scheduler: time,
  };
  const said = pipeline(
    { nomad, haproxy: end, probe },
    { policy, prefix, domainMap: true, maxLossPercent: 50 },
    timing,
  );
  const subscription: Subscription = said.subscribe({ next: assertWell, error: rethrow });
  bytes.next(Buffer.from('{}\n'));
  time.advance(1000);
  return {
    end,
    state,
    take: (chunk) => {
      for (let at = 0; at < chunk.length; at += readBytes) bytes.next(chunk.subarray(at, at + readBytes));
      time.advance(100);
    },
    stop: () => {
      subscription.unsubscribe();
    },
  };
}

/** As much as one read of a socket gives at the most. */
const readBytes = 64 * 1024;

/** A figure of a run in which something failed would be a figure of something else. */
function assertWell(notice: Notice): void {
  if (notice.kind === 'nomad-lost' || notice.kind === 'service-failed') throw new Error(JSON.stringify(notice));
}

export function rethrow(error: unknown): never {
  throw error;
}

/** The instances of a service before the first chunk. */
export function registrationsOf(cluster: Cluster, service: string): readonly Registration[] {
  return valueOf(parseRegistrations(JSON.parse(cluster.answer(service))));
}

export function jobOf(cluster: Cluster, service: string): Job {
  return valueOf(parseJob(JSON.parse(cluster.job(service))));
}

function valueOf<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value;
}

function clientOf(cluster: Cluster, bytes: Observable<Uint8Array>): NomadClient {
  return {
    address: 'http://nomad.invalid',
    hide: (text) => text,
    tokenChanges: () => 0,
    openStream: () => merge(bytes, NEVER),
    getServices: () =>
      of({
        index: cluster.index(),
        value: cluster.services.map((name) => ({ namespace: 'default', name, tags: [`${prefix}.enable=true`] })),
      }),
    getService: (name) => {
      return of({ index: cluster.index(), value: registrationsOf(cluster, name) });
    },
    getJob: (id) => of({ index: cluster.index(), value: jobOf(cluster, id) }),
    getJobVersions: (id) => of({ index: cluster.index(), value: [jobOf(cluster, id)] }),
    getLivingAllocations: () => of({ index: cluster.index(), value: [] }),
    getNamespaces: () => of(['default']),
    readIndex: () => defer(() => of(cluster.index())),
    get: () => EMPTY,
    getDated: () => EMPTY,
  };
}
