import { requestLanes } from './haproxy/request-count.ts';
import type { FailureKind } from './model/failure.ts';
import type { Kept } from './model/kept.ts';
import type { DriftKind, Lane, Notice } from './model/notice.ts';
import { reloadCauses } from './model/reload-cause.ts';
import type { StepKind } from './model/step.ts';
import type { SlotView } from './model/view.ts';

/** The values of all labels: `satisfies` holds them to the unions that they come from. */
const stepKinds = {
  'create-backend': true,
  'update-backend': true,
  'remove-backend': true,
  'grow-slots': true,
  'update-slots': true,
  'remove-slots': true,
  'fill-slot': true,
  'weigh-slot': true,
  'drain-slot': true,
  'free-slot': true,
  'set-route': true,
  'delete-route': true,
  'install-routing': true,
} satisfies Record<StepKind, true>;

const lanes = { commit: true, slots: true, runtime: true, maps: true } satisfies Record<Lane, true>;

const failureKinds = {
  unreachable: true,
  unauthorized: true,
  conflict: true,
  rejected: true,
  'not-found': true,
  'reload-failed': true,
  unsupported: true,
  malformed: true,
} satisfies Record<FailureKind, true>;

const driftKinds = {
  state: true,
  address: true,
  weight: true,
  rows: true,
  'not-loaded': true,
} satisfies Record<DriftKind, true>;

const kept = {
  services: true,
  registrations: true,
  jobs: true,
  probes: true,
  nomad_events: true,
  runtime_lane: true,
  writer_lane: true,
  unwritten_steps: true,
  awaited: true,
  status_rows: true,
  status_clients: true,
} satisfies Record<Kept, true>;

const snapshotReasons = {
  start: true,
  gap: true,
  audit: true,
  renewal: true,
  guard: true,
  namespace: true,
  recording: true,
} satisfies Record<Extract<Notice, { kind: 'snapshot-read' }>['reason'], true>;

const slotStates = { serving: true, draining: true, free: true } satisfies Record<SlotView['state'], true>;

export const labels = {
  steps: namesOf(stepKinds),
  lanes: namesOf(lanes),
  failures: namesOf(failureKinds),
  drifts: namesOf(driftKinds),
  kept: namesOf(kept),
  snapshotReasons: namesOf(snapshotReasons),
  slotStates: namesOf(slotStates),
  reloadCauses,
  scopes: ['nomad', 'haproxy', 'service'],
  requestLanes,
  requestResults: ['ok', ...namesOf(failureKinds)],
  /** From when the time to an instance's first request is counted. */
  since: ['told', 'admitted'],
} as const;

function namesOf<K extends string>(names: Readonly<Record<K, true>>): readonly K[] {
  return Object.keys(names) as K[];
}
