import type { AllowedDomains } from './allowed-domains.ts';
import type { Failure } from './failure.ts';
import type { ServiceKey } from './events.ts';
import type { BackendStrategy } from './backend-strategy.ts';
import type { Step } from './step.ts';

/** What the operator decided for all services; times in ms. */
export interface Policy {
  /** First word of every mark, and stem of slots, maps and variables. */
  readonly owner: string;
  readonly strategy: BackendStrategy;
  /** Frontends that get the routing rule. */
  readonly frontends: readonly string[];
  /** The defaults section for new backends; absent: that of the first frontend. */
  readonly defaults?: string;
  /** Absent: every namespace may claim any domain. */
  readonly allowedDomains?: AllowedDomains;
  readonly drainMs: number;
  /** How long a backend without instances stays and answers 503. */
  readonly retentionMs: number;
  /** How long a removal waits for somebody else's reload. */
  readonly removalMaxWaitMs: number;
}

/** How long things have been as they are, in ms; 0 when they are not so, or began just now. */
export interface Ages {
  readonly now: number;
  readonly drainingForMs: (backend: string, slot: string) => number;
  readonly emptyForMs: (backend: string, service: ServiceKey) => number;
}

export interface Plan {
  readonly steps: readonly Step[];
  /** Only time is missing for the rest. */
  readonly againMs?: number;
  /** Why the wish cannot be granted as things are. What is there for the service is left as it is. */
  readonly failure?: Failure;
}

/** Both plans, as one: the steps of `a` first, the first failure, the earlier time. */
export function mergePlans(a: Plan, b: Plan): Plan {
  if (isNothing(a)) return b;
  if (isNothing(b)) return a;
  const failure = a.failure ?? b.failure;
  const againMs = Math.min(a.againMs ?? Infinity, b.againMs ?? Infinity);
  return {
    steps: [...a.steps, ...b.steps],
    ...(againMs < Infinity && { againMs }),
    ...(failure && { failure }),
  };
}

function isNothing({ steps, againMs, failure }: Plan): boolean {
  return steps.length === 0 && againMs === undefined && failure === undefined;
}
