import { serviceKey, type Event, type Registration } from '../model/events.ts';
import type { Exchange } from '../model/exchange.ts';
import type { Failure } from '../model/failure.ts';
import type { Notice } from '../model/notice.ts';
import { endpoint } from '../model/service.ts';
import type { Step } from '../model/step.ts';
import { printable } from '../model/quoted.ts';
import { plural } from '../model/plural.ts';
import { sayProblem } from '../model/problem.ts';

/** What Nomad said, as lines of a timeline; none for what the connector adds by itself. */
export function describeEvent(event: Event): readonly string[] {
  switch (event.kind) {
    case 'marks-found':
      return event.marks.map(({ service, backend }) => `HAProxy has ${service} in backend ${backend} already`);
    case 'snapshot-taken': {
      const { registrations, jobs } = event;
      const counts = `${plural(registrations.length, 'registration')}, ${plural(jobs.length, 'job')}`;
      return [`Nomad: snapshot with ${counts}`, ...registrations.map((one) => `  ${describeRegistration(one)}`)];
    }
    case 'losses-accepted':
      return [`Operator: ${event.services.join(', ')} may go`];
    case 'ghosts-seen':
      return [`Nomad: ${plural(event.ghosts.length, 'registration')} without a living allocation`];
    case 'service-registered':
      return [`Nomad: registered ${describeRegistration(event.registration)}`];
    case 'service-deregistered': {
      const { namespace, service, id } = event;
      return [`Nomad: deregistered ${serviceKey(namespace, service)}, allocation ${shortAlloc(allocOf(id))}`];
    }
    case 'job-registered':
      return [
        `Nomad: job ${serviceKey(event.job.namespace, event.job.id)} registered${event.job.stable ? ', stable' : ''}`,
      ];
    case 'job-deregistered':
      return [`Nomad: job ${serviceKey(event.namespace, event.id)} deregistered`];
    case 'instance-admitted':
      return [`Probe: ${endpoint(event)} answers, allocation ${shortAlloc(allocOf(event.id))}`];
    case 'snapshot-probed':
      return [];
    default:
      return event satisfies never;
  }
}

function describeRegistration(registration: Registration): string {
  const { namespace, service, alloc, tags } = registration;
  const key = serviceKey(namespace, service);
  const said = tags.length === 0 ? 'no tags' : `tags ${tags.map(printable).join(' ')}`;
  return `${key} ${endpoint(registration)}, allocation ${shortAlloc(alloc)}, ${said}`;
}

/** The form of Nomad's registration ids; others are left as they are. */
function allocOf(id: string): string {
  return /^_nomad-task-([0-9a-f-]{36})-/.exec(id)?.[1] ?? id;
}

/** As Nomad's own command line shows it. */
function shortAlloc(alloc: string): string {
  return alloc.slice(0, 8);
}

/** A step in a few words, for people. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'create-backend':
      return `create backend ${step.backend} with ${plural(step.slots.length, 'slot')} for ${step.service}`;
    case 'update-backend':
      return `update backend ${step.backend}`;
    case 'remove-backend':
      return `remove backend ${step.backend}`;
    case 'grow-slots':
      return `add ${plural(step.slots.length, 'slot')} to backend ${step.backend}`;
    case 'update-slots':
      return `update ${plural(step.slots.length, 'slot')} of backend ${step.backend}`;
    case 'remove-slots':
      return `remove ${plural(step.slots.length, 'slot')} from backend ${step.backend}`;
    case 'fill-slot':
      return `fill  ${step.backend}/${step.slot} with ${endpoint(step)} weight ${step.weight}, allocation ${shortAlloc(step.alloc)}`;
    case 'drain-slot':
      return `drain ${step.backend}/${step.slot}`;
    case 'free-slot':
      return `free  ${step.backend}/${step.slot}`;
    case 'weigh-slot':
      return `weigh ${step.backend}/${step.slot} ${step.weight}`;
    case 'set-route':
      return `route ${step.route.map} ${step.route.key} -> ${step.backend}`;
    case 'delete-route':
      return `route ${step.route.map} ${step.route.key} deleted`;
    case 'install-routing':
      return `install the routing rule in frontend ${step.frontend}`;
    default:
      return step satisfies never;
  }
}

/** A notice as lines of a timeline; none for what an event has said, or for those that only say that all is well. */
export function describeNotice(notice: Notice): readonly string[] {
  switch (notice.kind) {
    case 'applied':
      return [`HAProxy, ${lanes[notice.lane]}:`, ...notice.steps.map((step) => `  ${describeStep(step)}`)];
    case 'nomad-input-skipped':
      return [`Nomad: skipped ${notice.what}: ${notice.why}`];
    case 'nomad-connected':
      return [`Nomad: connected to ${notice.address}`];
    case 'nomad-lost':
      return [`Nomad: lost: ${describeFailure(notice.failure)}`];
    case 'losses-held':
      return [`Guard: holds ${plural(notice.services.length, 'service')}: ${notice.why}`];
    case 'losses-released':
      return [`Guard: ${released[notice.by]}: ${notice.services.join(', ')}`];
    case 'service-problems':
      if (notice.problems.length === 0) return [`${notice.service}: no problems any more`];
      return notice.problems.map((problem) => `${notice.service}: ${sayProblem(problem)}`);
    case 'service-failed':
      return [`${notice.service}: ${describeFailure(notice.failure)}`];
    case 'haproxy-connected':
      return [`HAProxy ${notice.haproxy}, Data Plane API ${notice.dataplane}`];
    case 'haproxy-lost':
      return [`HAProxy: lost: ${describeFailure(notice.failure)}`];
    case 'haproxy-moved':
      return [`HAProxy: ${notice.what} by somebody else`];
    case 'drift-found':
      return [`HAProxy: ${notice.where}: ${notice.differs}`];
    case 'haproxy-warning':
      return [`HAProxy: ${notice.text}. ${notice.hint}`];
    case 'snapshot-progress':
    case 'snapshot-read':
    case 'ghosts-ignored':
    case 'settled':
    case 'health-seen':
    case 'first-pass-done':
      return [];
    default:
      return notice satisfies never;
  }
}

/** A request as it was recorded: writes, and what failed; reads that went well are too many. */
export function describeExchange({ method, path, status, error, ms, sent, got }: Exchange): readonly string[] {
  const failed = error !== undefined || (status ?? 0) >= 300;
  if (method === 'GET' && !failed) return [];
  const words = (text: string | undefined, mark: string) =>
    text === undefined ? [] : text.split('\n').map((line) => `  ${mark} ${line}`);
  return [
    `API, as recorded: ${method} ${path}: ${error ?? status ?? 'no answer'}, ${ms} ms`,
    ...words(sent, '>'),
    ...(failed ? words(got, '<') : []),
  ];
}

function describeFailure({ message, hint }: Failure): string {
  return `${message}. ${hint}`;
}

const released = {
  snapshot: 'a second snapshot misses them too',
  operator: 'let go by an operator',
  deregistration: 'deregistered while held',
  return: 'back',
} as const;

const lanes = {
  commit: 'configuration with a reload',
  slots: 'configuration without a reload',
  runtime: 'running process',
  maps: 'maps without a reload',
} as const;
