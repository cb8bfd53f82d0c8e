import type { Observable, SchedulerLike } from 'rxjs';
import type { HaproxyEnd } from '../lib/haproxy/end.ts';
import type { Event } from '../lib/model/events.ts';
import type { Measure } from '../lib/model/kept.ts';
import type { Notice } from '../lib/model/notice.ts';
import type { Policy } from '../lib/model/plan.ts';
import type { AliasName } from '../lib/model/tag-aliases.ts';
import type { Count } from '../lib/model/tally.ts';
import type { Witness } from '../lib/model/witness.ts';
import type { Probe } from '../operators/admit-instances.ts';
import type { DebugTap } from '../operators/tap-debug.ts';
import type { Onlooker } from './planner.ts';

/** What the pipeline stands between. */
export interface Ends {
  readonly nomad: Observable<Event | Notice>;
  readonly haproxy: HaproxyEnd;
  /** Absent: the facts tell themselves which instances serve, as a recording of `run` does. */
  readonly probe?: Probe | undefined;
}

/** Durations in ms. */
export interface Timing {
  readonly quietMs: number;
  readonly maxQuietMs: number;
  /** 0: no resync. */
  readonly resyncMs: number;
  readonly backoffMs: (attempt: number) => number;
  readonly reloadBurst: number;
  readonly reloadIntervalMs: number;
  readonly admissionMaxWaitMs: number;
  readonly admissionFallbackMs: number;
  readonly confirmLossAfterMs: number;
  readonly scheduler: SchedulerLike;
}

export interface Settings {
  readonly policy: Policy;
  /** Prefix of the tags that concern us. */
  readonly prefix: string;
  /** Whose tags are read as ours besides. */
  readonly aliases?: readonly AliasName[];
  readonly domainMap: boolean;
  readonly maxLossPercent: number;
  readonly debug?: DebugTap;
  readonly measure?: Measure;
  readonly count?: Count;
  readonly onlooker?: Onlooker;
  readonly witness?: Witness;
}
