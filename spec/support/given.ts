import { readdirSync, readFileSync } from 'node:fs';
import type { Observable } from 'rxjs';
import { createTwin, plainConfig, type TwinState } from '../../lib/haproxy/dry-run.ts';
import { createAgeBook, forgetAges, noteAges, readAges } from '../../lib/model/ages.ts';
import { createCatalog, foldEvent } from '../../lib/model/catalog.ts';
import type { Event, Job, JobCheck, JobService, Registration, RouteMap, ServiceKey } from '../../lib/model/events.ts';
import { placeAll } from '../../lib/model/placement.ts';
import { mergePlans, type Plan, type Policy } from '../../lib/model/plan.ts';
import { endpoint, type Service, type ServiceChange } from '../../lib/model/service.ts';
import type { Step } from '../../lib/model/step.ts';
import { takeTurn } from '../../lib/model/turn.ts';
import type { View } from '../../lib/model/view.ts';
import { parseRecording, type RecordedLine } from '../../lib/nomad/recording.ts';
import { customBackend } from '../../streams/sinks/custom-backend.ts';
import { domainMap } from '../../streams/sinks/domain-map.ts';
import { dynamicBackend } from '../../streams/sinks/dynamic-backend.ts';
import type { Plans } from '../../streams/sinks/sink.ts';

/** The words of the specs: facts, what the catalog makes of them, and what is done about it to HAProxy. */

export const enabled = 'haproxy.enable=true';

/** An instance of `web` with the tag `haproxy.enable=true`; another port is another instance. */
export function registration(over: Partial<Registration> = {}): Registration {
  const { service = 'web', port = 8001, createIndex = 10 } = over;
  const { alloc = `alloc-${port}` } = over;
  return {
    id: `_nomad-task-${alloc}-group-web-${service}-http`,
    namespace: 'default',
    service,
    address: '10.0.0.1',
    port,
    tags: [enabled],
    alloc,
    job: service,
    node: 'node-1',
    createIndex,
    modifyIndex: createIndex,
    ...over,
  };
}

/** An instance of `web` with these tags besides `haproxy.enable=true`. */
export function tagged(...tags: readonly string[]): Registration {
  return registration({ tags: [enabled, ...tags] });
}

/** A job that runs one service block, named like the service. */
export function job(over: Partial<Job> = {}, block: Partial<JobService> = {}): Job {
  const { id = 'web' } = over;
  return {
    namespace: 'default',
    id,
    createIndex: 5,
    modifyIndex: 5,
    stable: true,
    services: [
      { name: id, portLabel: 'http', group: 'web', checks: [], count: 1, canaries: 0, scalingMax: 0, ...block },
    ],
    ...over,
  };
}

export function jobCheck(over: Partial<JobCheck> = {}): JobCheck {
  return {
    type: 'http',
    protocol: 'http',
    method: 'GET',
    path: '/health',
    portLabel: '',
    intervalMs: 10_000,
    timeoutMs: 2000,
    headers: {},
    ...over,
  };
}

export function snapshot(registrations: readonly Registration[], jobs: readonly Job[] = []): Event {
  return { kind: 'snapshot-taken', index: 100, registrations, jobs };
}

/** A snapshot from which these services are missing, but are to stay for now. */
export function keeping(keep: readonly ServiceKey[], ...registrations: readonly Registration[]): Event {
  return { kind: 'snapshot-taken', index: 100, registrations, jobs: [], keep };
}

export function accepted(...services: readonly ServiceKey[]): Event {
  return { kind: 'losses-accepted', services };
}

export function registered(one: Registration): Event {
  return { kind: 'service-registered', index: one.modifyIndex, registration: one };
}

export function deregistered({ namespace, id, service }: Registration): Event {
  return { kind: 'service-deregistered', index: 100, namespace, id, service };
}

export function admitted({ namespace, id, address, port }: Registration): Event {
  return { kind: 'instance-admitted', namespace, id, address, port };
}

export function jobRegistered(one: Job): Event {
  return { kind: 'job-registered', index: one.modifyIndex, job: one };
}

export interface Folded {
  /** What one more event changes. */
  readonly changes: (event: Event) => readonly ServiceChange[];
  readonly service: (key?: ServiceKey) => Service | undefined;
  readonly services: () => readonly Service[];
  readonly and: (...events: readonly Event[]) => Folded;
}

/** The catalog after these events. */
export function given(...events: readonly Event[]): Folded {
  const catalog = createCatalog('haproxy');
  const folded: Folded = {
    changes: (event) => foldEvent(catalog, event),
    service: (key = 'default/web') => catalog.services.get(key),
    services: () => [...catalog.services.values()],
    and: (...more) => {
      for (const event of more) foldEvent(catalog, event);
      return folded;
    },
  };
  return folded.and(...events);
}

/** The service of these instances, all of them admitted. */
export function serving(...registrations: readonly Registration[]): Service {
  return fold(registrations, [], true);
}

/** The service of these instances, none of them admitted yet. */
export function starting(...registrations: readonly Registration[]): Service {
  return fold(registrations, [], false);
}

export function servingWith(jobs: readonly Job[], ...registrations: readonly Registration[]): Service {
  return fold(registrations, jobs, true);
}

function fold(registrations: readonly Registration[], jobs: readonly Job[], admit: boolean): Service {
  const catalog = given(snapshot(registrations, jobs), ...(admit ? registrations.map(admitted) : []));
  const [service] = catalog.services();
  if (service === undefined) throw new Error('a service has at least one registration');
  return service;
}

export function appears(after: Service): ServiceChange {
  return { key: after.key, after };
}

export function becomes(before: Service, after: Service): ServiceChange {
  return { key: after.key, before, after };
}

export function goes(before: Service): ServiceChange {
  return { key: before.key, before };
}

export function stays(service: Service): ServiceChange {
  return becomes(service, service);
}

export const policy: Policy = {
  owner: 'nomad',
  strategy: 'use_existing',
  frontends: ['www'],
  drainMs: 30_000,
  retentionMs: 300_000,
  removalMaxWaitMs: 600_000,
};

/** HAProxy's twin with a clock that only the spec moves. */
export interface World {
  readonly state: TwinState;
  readonly view: () => View;
  /** The steps of a plan for these changes, as text; nothing is applied. */
  readonly plans: (...changes: readonly ServiceChange[]) => readonly string[];
  /** The plans of these changes, as one. */
  readonly plan: (...changes: readonly ServiceChange[]) => Plan;
  /** Plans these changes and applies the steps, a reload among them if needed; says which, in their order. */
  readonly apply: (...changes: readonly ServiceChange[]) => readonly string[];
  /** Applies the changes again and again, as time goes by, until nothing is left to do. */
  readonly settle: (...changes: readonly ServiceChange[]) => World;
  readonly wait: (ms: number) => World;
  /** The slots of a backend as text: `nomad01 serving 10.0.0.1:8001`. */
  readonly slots: (backend: string) => readonly string[];
  readonly rows: (map: RouteMap) => Readonly<Record<string, string>>;
}

/** HAProxy with this configuration, and the sinks that plan for it. */
export function givenView(config = plainConfig, over: Partial<Policy> = {}): World {
  const { end, state } = createTwin(config, over.owner ?? policy.owner);
  const decided = { ...policy, ...over };
  const sinks = [dynamicBackend(decided), customBackend(decided), domainMap(decided)];
  const ages = createAgeBook();
  let lazy: ReadonlyMap<ServiceKey, readonly Step[]> = new Map<ServiceKey, readonly Step[]>();
  let now = 0;
  const view = () => valueOf(end.read());

  function planAll(changes: readonly ServiceChange[]): Plans {
    const keys = changes.map(({ key }) => key);
    noteAges(ages, view(), keys, now);
    const placed = placeAll(changes, view(), decided);
    const plans = sinks.map((sink) => sink(view(), readAges(ages, now))(placed));
    return new Map(
      keys.map((key) => [key, plans.map((one) => one.get(key) ?? { steps: [] }).reduce(mergePlans)] as const),
    );
  }

  function run(changes: readonly ServiceChange[]): { readonly steps: readonly Step[]; readonly againMs: number } {
    const plans = planAll(changes);
    const turn = takeTurn(plans, lazy, view(), 0, now);
    ({ lazy } = turn);
    if (turn.steps.length > 0) valueOf(end.apply(view(), turn.steps));
    forgetAges(ages, turn.steps);
    noteAges(ages, view(), plans.keys(), now);
    const waits = [...[...plans.values()].map((plan) => plan.againMs ?? Infinity), ...turn.waits.values()];
    return { steps: turn.steps, againMs: Math.min(...waits) };
  }

  const world: World = {
    state,
    view,
    plan: (...changes) => [...planAll(changes).values()].reduce(mergePlans),
    plans: (...changes) => [...planAll(changes).values()].flatMap(({ steps }) => steps.map(brief)),
    apply: (...changes) => run(changes).steps.map(brief),
    settle: (...changes) => {
      for (let turns = 0; turns < 200; turns += 1) {
        const { againMs } = run(changes);
        if (againMs === Infinity) return world;
        now += Math.max(1, againMs);
      }
      throw new Error('it never settles');
    },
    wait: (ms) => {
      now += ms;
      return world;
    },
    slots: (backend) =>
      (view().backends.get(backend)?.slots ?? []).map((slot) =>
        slot.state === 'free' ? `${slot.name} free` : `${slot.name} ${slot.state} ${endpoint(slot)}`,
      ),
    rows: (map) => Object.fromEntries(state.maps[map]),
  };
  return world;
}

/** The one value of an Observable that answers at once. */
export function valueOf<T>(source: Observable<T>): T {
  const values: T[] = [];
  const errors: unknown[] = [];
  source
    .subscribe({ next: (value) => values.push(value), error: (error: unknown) => errors.push(error) })
    .unsubscribe();
  if (errors.length > 0) throw errors[0];
  if (values.length !== 1) throw new Error(`${values.length} values at once instead of one`);
  return values[0]!;
}

/** A step as one line of a table. */
export function brief(step: Step): string {
  switch (step.kind) {
    case 'create-backend':
      return `create-backend ${step.backend} of ${step.slots.length}`;
    case 'grow-slots':
      return `grow-slots ${step.backend} by ${step.slots.length}`;
    case 'update-slots':
    case 'remove-slots':
      return `${step.kind} ${step.backend}/${step.slots.join(',')}`;
    case 'update-backend':
    case 'remove-backend':
      return `${step.kind} ${step.backend}`;
    case 'fill-slot': {
      const weight = step.weight === 100 ? '' : ` weight ${step.weight}`;
      return `fill-slot ${step.backend}/${step.slot} ${endpoint(step)}${weight}`;
    }
    case 'weigh-slot':
      return `weigh-slot ${step.backend}/${step.slot} ${step.weight}`;
    case 'drain-slot':
    case 'free-slot':
      return `${step.kind} ${step.backend}/${step.slot}`;
    case 'set-route':
      return `set-route ${step.route.map} ${step.route.key} ${step.backend}`;
    case 'delete-route':
      return `delete-route ${step.route.map} ${step.route.key}`;
    case 'install-routing':
      return `install-routing ${step.frontend}`;
    default:
      return step satisfies never;
  }
}

export interface Recording {
  readonly lines: readonly RecordedLine[];
  readonly events: readonly Event[];
  /** Every registration that Nomad had when the recording ended. */
  readonly after: readonly Registration[];
}

export const recordings: readonly string[] = readdirSync('fixtures/recordings')
  .filter((file) => file.endsWith('.ndjson'))
  .map((file) => file.replace('.ndjson', ''));

/** A recording of a real Nomad cluster, as facts. */
export function readRecording(name: string): Recording {
  const lines = parseRecording(readFileSync(`fixtures/recordings/${name}.ndjson`, 'utf8'));
  const after = readFileSync(`fixtures/recordings/${name}.after.json`, 'utf8').trim();
  const [last] = parseRecording(`{"t":0,"snapshot":${after}}`);
  return {
    lines,
    events: lines.flatMap(({ what }): readonly Event[] => {
      if (what.kind === 'heartbeat' || what.kind === 'exchange') return [];
      return what.kind === 'events' || what.kind === 'told' ? what.events : [what];
    }),
    after: last?.what.kind === 'snapshot-taken' ? last.what.registrations : [],
  };
}
