import { sayProblem } from '../../model/problem.ts';
import { printable, visible } from '../../model/quoted.ts';
import { denialProblem, endpoint, type Check, type Wish } from '../../model/service.ts';
import type { TagsExplained } from '../../model/explain-tags.ts';
import type { ServiceKey } from '../../model/events.ts';
import type { InstanceStatus } from '../../model/status-service.ts';
import type { FailureStatus } from '../../model/status.ts';
import { lineOf, type Result } from '../plan-output.ts';
import { describeNotice } from '../describe.ts';
import { plural } from '../../model/plural.ts';
import type { ConnectorExplained } from './connector.ts';
import type { BackendExplained, HaproxyExplained, SlotExplained } from './haproxy.ts';
import type { ClaimExplained, InstanceExplained, PendingVersion, ServiceExplained } from './service.ts';

/** All that is known of one service. */
export interface Explanation {
  readonly service: ServiceKey;
  /** Absent: Nomad does not have it. */
  readonly nomad?: ServiceExplained;
  /** Absent: the Data Plane API could not be read. */
  readonly haproxy?: HaproxyExplained;
  /** What would be done next for it; absent as `haproxy`. */
  readonly next?: Pick<Result, 'planned' | 'problems'>;
  /** Absent: none answered where the configuration has it. */
  readonly connector?: ConnectorExplained;
}

/** One JSON object a service. */
export function explainJson(explanation: Explanation): string {
  return `${JSON.stringify({ kind: 'service-explained', ...explanation })}\n`;
}

/** For people; `asked`: where a connector was asked for. */
export function explainText({ service, nomad, haproxy, next, connector }: Explanation, asked: string): string {
  const lines = [
    printable(service),
    ...indent(nomad === undefined ? ['Nomad does not have it'] : nomadLines(nomad)),
    ...indent(haproxy === undefined ? ['HAProxy could not be read'] : haproxyLines(haproxy)),
    ...indent(next === undefined ? [] : nextLines(next)),
    ...indent(
      connector === undefined
        ? [`no connector answers at ${asked} (server.host, server.port)`]
        : connectorLines(connector),
    ),
  ];
  return `${lines.map(visible).join('\n')}\n\n`;
}

function nomadLines({
  managed,
  tags,
  wish,
  problems,
  instances,
  pending,
  claims,
}: ServiceExplained): readonly string[] {
  return [
    `managed: ${managed ? 'yes' : 'no'}`,
    ...tags.flatMap(tagLines),
    ...(wish === undefined ? [] : [`wants: ${sayWish(wish)}`]),
    ...section('problems', problems.map(sayProblem)),
    ...section('instances', instances.map(sayInstance)),
    ...(pending === undefined ? [] : [sayPending(pending)]),
    ...section('claims', claims.map(sayClaim)),
  ];
}

function tagLines({ allocations, given, others, defaulted }: ServiceExplained['tags'][number]): readonly string[] {
  return [
    `tags of ${allocations.map(short).join(', ')}:`,
    ...indent([
      ...given.map(sayVerdict),
      ...(others.length > 0 ? [`without our prefix: ${others.join(' ')}`] : []),
      `not given: ${defaulted.map(({ tag, fallback }) => `${tag} (${fallback})`).join(', ')}`,
    ]),
  ];
}

function sayVerdict(one: TagsExplained['given'][number]): string {
  if (one.verdict === 'ignored') return `${one.tag}: ignored, ${one.why}`;
  const lost = one.lost?.map((denial) => sayProblem(denialProblem(denial))) ?? [];
  return `${one.tag}: used${lost.length > 0 ? `, but ${lost.join(', ')}` : ''}`;
}

function sayPending({ newest, counts, instances, of }: PendingVersion): string {
  return (
    `job: its version of index ${counts} counts; the checks of the newest (index ${newest}) do once most instances ` +
    `are of it (now ${instances} of ${of}) or its deployment has succeeded`
  );
}

function sayWish({ kind, backend, mode, balance, slots, check, backup, maxconn, strategy }: Wish): string {
  return [
    `${kind} backend ${backend}`,
    `mode ${mode}`,
    `balance ${balance}`,
    plural(slots, 'slot'),
    sayCheck(check),
    ...(backup ? ['backup'] : []),
    ...(maxconn > 0 ? [`maxconn ${maxconn}`] : []),
    ...(strategy === undefined ? [] : [`strategy ${strategy}`]),
  ].join(', ');
}

function sayCheck(check: Check): string {
  switch (check.kind) {
    case 'none':
      return 'no check';
    case 'tcp':
      return `a TCP check every ${check.intervalMs} ms`;
    case 'http':
      return `check ${check.method} ${check.path}${check.host === undefined ? '' : ` of ${check.host}`} every ${check.intervalMs} ms`;
    default:
      return check satisfies never;
  }
}

function sayInstance({ allocation, node, endpoint: at, weight, managed, check, checkFrom }: InstanceExplained): string {
  const served = managed ? `weight ${weight}, ${sayCheck(check)} (${checkSources[checkFrom]})` : 'left out';
  return `${short(allocation)} on node ${short(node)} at ${at}: ${served}`;
}

const checkSources = { tags: 'by its tags', job: 'by its job', default: 'the default' } as const;

function sayClaim({ what, holder, why, claimants }: ClaimExplained): string {
  const name = 'backend' in what ? `backend ${what.backend}` : `${what.map} ${what.key}`;
  const others = claimants.slice(1).map(({ service }) => service);
  return `${name}: held by ${holder} (${why})${others.length > 0 ? `; claimed too by ${others.join(', ')}` : ''}`;
}

function haproxyLines({ placement, backends, rows }: HaproxyExplained): readonly string[] {
  return [
    `belongs: ${placement}`,
    ...backends.flatMap(backendLines),
    ...section(
      'rows',
      rows.map(({ map, key, backend }) => `${map} ${key} -> ${backend}`),
    ),
  ];
}

function backendLines({ name, kind, foreignServers, slots, isUnloaded }: BackendExplained): readonly string[] {
  if (kind === 'missing') return [`backend ${name}: is not there yet`];
  const free = slots.filter((slot) => slot.configured.state === 'free' && slot.differs === undefined && slot.running);
  const told = slots.filter((slot) => !free.includes(slot));
  return [
    `backend ${name}:${isUnloaded ? ' the running process does not know it' : ''}`,
    ...indent([
      ...told.map(saySlot),
      ...(free.length > 0 ? [`free: ${free.map(({ configured }) => configured.name).join(', ')}`] : []),
      ...(foreignServers.length > 0 ? [`not ours: ${foreignServers.join(', ')}`] : []),
    ]),
  ];
}

function saySlot({ configured, running, differs }: SlotExplained): string {
  const { name, state, weight, alloc } = configured;
  const at = state === 'free' ? '' : ` ${endpoint(configured)} weight ${weight}, allocation ${short(alloc)}`;
  const live =
    running === undefined
      ? 'not in the running process'
      : `running: ${running.adminState}, ${running.operationalState} at ${endpoint(running)}`;
  return `${name}: ${state}${at}; ${live}${differs === undefined ? '' : `; differs: ${differs}`}`;
}

function nextLines({ planned, problems }: NonNullable<Explanation['next']>): readonly string[] {
  const said = problems.flatMap(describeNotice).map((line) => `! ${line}`);
  return planned.length + said.length === 0 ? ['next: nothing'] : ['next:', ...planned.map(lineOf), ...indent(said)];
}

function connectorLines({ at, version, since, dryRun, ...said }: ConnectorExplained): readonly string[] {
  const { service, lastReload, lastReady } = said;
  const {
    state = 'does not know it',
    waiting = [],
    waitingInAll = 0,
    failure,
    lastEvents = [],
    lastWrite,
  } = service ?? {};
  return [
    `connector ${version} at ${at}, since ${time(since)}${dryRun ? ', a dry run' : ''}: ${state}`,
    ...indent([
      ...waiting.map(sayWaiting),
      ...(waitingInAll > waiting.length ? [`${waitingInAll - waiting.length} more wait`] : []),
      ...section(
        'last events',
        lastEvents.map(
          ({ at: when, what, alloc, place }) => `${time(when)} ${what}: ${short(alloc)} at ${printable(place)}`,
        ),
      ),
      ...(lastReady === undefined
        ? []
        : [`last instance served: ${time(lastReady.at)}, ${lastReady.toldMs} ms after its event`]),
      ...(lastWrite === undefined
        ? []
        : [`last write: ${time(lastWrite.at)}, ${lastWrite.lane} (${lastWrite.steps.join(', ')})`]),
      ...(lastReload === undefined
        ? []
        : [`last reload: ${time(lastReload.at)}, ${lastReload.cause}, ${lastReload.tookMs} ms`]),
      ...(failure === undefined
        ? []
        : [`last error: ${time(failure.at)}, ${failure.failure.message}; ${failure.failure.hint}${sayRetry(failure)}`]),
    ]),
  ];
}

function sayWaiting({ at, admitted }: InstanceStatus): string {
  return `${printable(at)} ${admitted ? 'waits for a slot' : 'has not answered its probe yet'}`;
}

function sayRetry({ retryAt }: FailureStatus): string {
  return retryAt === undefined ? '; it waits for a change' : `; tried again at ${time(retryAt)}`;
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...indent(lines)];
}

function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}

/** As Nomad's own command line shows it. */
function short(id: string): string {
  return printable(id.slice(0, 8));
}
