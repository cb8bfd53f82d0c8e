import type { Route, ServiceKey } from './events.ts';
import type { Check } from './service.ts';

/** The part of a backend section that we write, apart from its slots. */
export interface BackendSettings {
  /** The defaults section it inherits from; empty: none named. */
  readonly from: string;
  readonly mode: 'http' | 'tcp';
  readonly balance: string;
  readonly check: Check;
}

/** What every slot line of one service says besides its address and weight. */
export interface SlotSettings {
  readonly check: Check;
  readonly backup: boolean;
  /** 0: no limit. */
  readonly maxconn: number;
}

/** One thing to do to HAProxy, as data. `service` is the one on whose behalf it is done. */
export type Step = { readonly service: ServiceKey } & (
  | {
      readonly kind: 'create-backend';
      readonly backend: string;
      readonly settings: BackendSettings;
      readonly slotSettings: SlotSettings;
      readonly slots: readonly string[];
    }
  | {
      readonly kind: 'update-backend';
      readonly backend: string;
      readonly settings: BackendSettings;
      readonly slotSettings: SlotSettings;
    }
  | { readonly kind: 'remove-backend'; readonly backend: string; readonly dueAt: number }
  | {
      readonly kind: 'grow-slots';
      readonly backend: string;
      readonly slotSettings: SlotSettings;
      readonly slots: readonly string[];
    }
  /** Rewrites the settings of slots in a backend that is not ours. */
  | {
      readonly kind: 'update-slots';
      readonly backend: string;
      readonly slotSettings: SlotSettings;
      readonly slots: readonly string[];
    }
  | {
      readonly kind: 'remove-slots';
      readonly backend: string;
      readonly slots: readonly string[];
      readonly dueAt: number;
    }
  | {
      readonly kind: 'fill-slot';
      readonly backend: string;
      readonly slot: string;
      readonly address: string;
      readonly port: number;
      readonly weight: number;
      readonly alloc: string;
    }
  | { readonly kind: 'weigh-slot'; readonly backend: string; readonly slot: string; readonly weight: number }
  | { readonly kind: 'drain-slot'; readonly backend: string; readonly slot: string }
  | { readonly kind: 'free-slot'; readonly backend: string; readonly slot: string }
  | { readonly kind: 'set-route'; readonly route: Route; readonly backend: string }
  | { readonly kind: 'delete-route'; readonly route: Route }
  | { readonly kind: 'install-routing'; readonly frontend: string }
);

export type StepKind = Step['kind'];
export type StepOf<K extends StepKind> = Extract<Step, { kind: K }>;

/** Steps that concern one slot that is there. */
export type SlotStep = StepOf<'fill-slot' | 'weigh-slot' | 'drain-slot' | 'free-slot'>;

export function isSlotStep(step: Step): step is SlotStep {
  return (
    step.kind === 'fill-slot' || step.kind === 'weigh-slot' || step.kind === 'drain-slot' || step.kind === 'free-slot'
  );
}

/** Structural steps change the configuration's shape and need a reload; no other step may cause one. */
export function isStructural(step: Step): boolean {
  switch (step.kind) {
    case 'create-backend':
    case 'update-backend':
    case 'remove-backend':
    case 'grow-slots':
    case 'update-slots':
    case 'remove-slots':
    case 'install-routing':
      return true;
    case 'fill-slot':
    case 'weigh-slot':
    case 'drain-slot':
    case 'free-slot':
    case 'set-route':
    case 'delete-route':
      return false;
    default:
      return step satisfies never;
  }
}

/** Removals are structural, but no traffic waits for them: they go with the next reload, or when `dueAt` (ms) has come. */
export function isLazy(step: Step): step is StepOf<'remove-backend'> | StepOf<'remove-slots'> {
  return step.kind === 'remove-backend' || step.kind === 'remove-slots';
}
