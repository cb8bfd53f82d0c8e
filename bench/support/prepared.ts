import { of } from 'rxjs';
import { createTwin } from '../../lib/haproxy/dry-run.ts';
import type { Policy } from '../../lib/model/plan.ts';
import { parseRegistrations } from '../../lib/nomad/answers.ts';
import { parseJob } from '../../lib/nomad/job.ts';
import type { Parsed } from '../../lib/nomad/parser.ts';
import type { RawJob, RawRegistration } from '../../spec/support/nomad-state.ts';
import { pipeline } from '../../streams/pipeline.ts';
import { baseConfig, frontend } from './haproxy-config.ts';
import { createSteppedTime } from './stepped-time.ts';

/** A configuration and its map files, by name. */
export interface Prepared {
  readonly config: string;
  readonly maps: Readonly<Record<string, string>>;
}

const policy: Policy = {
  owner: 'nomad',
  strategy: 'use_existing',
  frontends: [frontend],
  drainMs: 30_000,
  retentionMs: 300_000,
  removalMaxWaitMs: 600_000,
};

/** What the connector makes of these services while none of their instances serves: every backend, slot and row. */
export function prepare(registrations: readonly RawRegistration[], jobs: readonly RawJob[]): Prepared {
  const time = createSteppedTime();
  const { end, state } = createTwin(baseConfig, policy.owner);
  const said = pipeline(
    {
      nomad: of({
        kind: 'snapshot-taken',
        index: 1,
        registrations: parsed(parseRegistrations(registrations)),
        jobs: jobs.map((job) => parsed(parseJob({ CreateIndex: 1, JobModifyIndex: 1, Stable: true, ...job }))),
      }),
      haproxy: end,
      probe: () => of('refuse'),
    },
    { policy, prefix: 'haproxy', domainMap: true, maxLossPercent: 50 },
    {
      quietMs: 25,
      maxQuietMs: 250,
      resyncMs: 0,
      backoffMs: () => 500,
      reloadBurst: 3,
      reloadIntervalMs: 2000,
      admissionMaxWaitMs: Infinity,
      admissionFallbackMs: Infinity,
      confirmLossAfterMs: 15_000,
      scheduler: time,
    },
  );
  const subscription = said.subscribe();
  time.advance(1000);
  subscription.unsubscribe();
  const maps = Object.entries(state.maps).map(([map, rows]: [string, ReadonlyMap<string, string>]) => [
    `nomad-${map}.map`,
    [...rows].map(([key, backend]) => `${key} ${backend}\n`).join(''),
  ]);
  return { config: state.text, maps: Object.fromEntries(maps) as Record<string, string> };
}

function parsed<T>(outcome: Parsed<T>): T {
  if (!outcome.ok) throw new Error(outcome.why);
  return outcome.value;
}
