import type { Job, JobCheck, JobService, Registration } from './events.ts';
import { oncePer } from './once-per.ts';
import type { Problem } from './problem.ts';
import { printable } from './quoted.ts';
import type { Check } from './service.ts';
import { parseTags, tags, type TagSettings } from './tags.ts';

const defaultIntervalMs = 2000;

/** More tags than anybody writes. */
const longList = 50;

/** A check, and who asked for it; `default`: nobody did. */
export interface ChosenCheck {
  readonly check: Check;
  readonly source: 'tags' | 'job' | 'default';
  /** How long its answer may take when the connector asks: the job check's timeout, from 1 to 10 s; ms. HAProxy is not told. */
  readonly answerMs: number;
  readonly problem?: Problem;
}

/** Tags win over the job's check, which wins over a TCP connect. A domain alone never makes an HTTP check. */
export function chooseCheck(settings: TagSettings, block: JobService | undefined): ChosenCheck {
  const checks = block?.checks ?? [];
  const http = checks.find((one) => one.type === 'http');
  const asked = http ?? checks[0];
  const answerMs = clampAnswer(asked?.timeoutMs);
  if (settings.checkDisabled) return { check: { kind: 'none' }, source: 'tags', answerMs };
  const intervalMs = clampInterval(asked?.intervalMs);
  const tcp: Check = { kind: 'tcp', intervalMs };
  if (settings.checkType === 'tcp') return { check: tcp, source: 'tags', answerMs };

  const byTags = settings.checkPath !== undefined || settings.checkType === 'http';
  if (!byTags) {
    const unusable = asked && refuseJobCheck(asked, block?.portLabel ?? '');
    if (asked && unusable !== undefined) {
      const problem = { subject: `the job's ${asked.type} check`, text: `${unusable}; a TCP connect is used` };
      return { check: tcp, source: 'default', answerMs, problem };
    }
    if (http === undefined) return { check: tcp, source: asked === undefined ? 'default' : 'job', answerMs };
  }
  const host = settings.checkHost ?? hostHeader(http);
  return {
    check: {
      kind: 'http',
      method: settings.checkMethod ?? usableMethod(http) ?? 'GET',
      path: settings.checkPath ?? usablePath(http) ?? '/',
      ...(host && { host }),
      intervalMs,
    },
    source: byTags ? 'tags' : 'job',
    answerMs,
  };
}

function refuseJobCheck(check: JobCheck, portLabel: string): string | undefined {
  if (check.portLabel !== '' && check.portLabel !== portLabel)
    return `asks another port (${printable(check.portLabel)})`;
  if (check.type === 'tcp') return undefined;
  if (check.protocol === 'https') return 'asks by https, which the servers of a backend do not speak';
  if (usableMethod(check) === undefined) return `has method ${printable(check.method)}; only GET and HEAD are asked`;
  if (usablePath(check) === undefined) return 'has a path that HAProxy cannot be given';
  return undefined;
}

function usableMethod(check: JobCheck | undefined): string | undefined {
  return /^(GET|HEAD)$/.exec(check?.method ?? '')?.[0];
}

function usablePath(check: JobCheck | undefined): string | undefined {
  return check && 'value' in tags.checkPath.parse(check.path) ? check.path : undefined;
}

function hostHeader(check: JobCheck | undefined): string | undefined {
  const [, values] = Object.entries(check?.headers ?? {}).find(([name]) => name.toLowerCase() === 'host') ?? [];
  const host = values?.[0];
  return host !== undefined && 'value' in tags.checkHost.parse(host) ? host : undefined;
}

function clampInterval(intervalMs: number | undefined): number {
  return intervalMs === undefined || intervalMs <= 0
    ? defaultIntervalMs
    : Math.min(60_000, Math.max(500, Math.round(intervalMs)));
}

function clampAnswer(timeoutMs = 0): number {
  return Math.min(10_000, Math.max(1000, Math.round(timeoutMs)));
}

/**
 * Makes what says how an instance is checked, by its own tags and its job, whatever the rest of its service says. It is asked for
 * every attempt of a probe: a long list of tags is read once for each registration, a short one is read sooner than kept.
 */
export function checkReader(prefix: string): (registration: Registration, job: Job | undefined) => ChosenCheck {
  const read = ({ tags: list }: Registration): TagSettings => parseTags(list, prefix).settings;
  const readOnce = oncePer(read);
  return (registration, job) => {
    const settings = registration.tags.length > longList ? readOnce(registration) : read(registration);
    return checkFor(settings, registration, job);
  };
}

/** How an instance is checked, from tags that were read already, with where that came from. */
export function checkFor(settings: TagSettings, registration: Registration, job: Job | undefined): ChosenCheck {
  return chooseCheck(settings, job && serviceBlock(job, registration));
}

/**
 * The service block of the job that made a registration. Nomad builds the id from alloc, group or task, name and port
 * label, so ids are built and compared; one that was interpolated on the client goes by group or task and port label.
 */
export function serviceBlock(job: Job, { id, alloc, service }: Registration): JobService | undefined {
  const owner = ({ group, task }: JobService) => task ?? `group-${group}`;
  return (
    job.services.find((one) => id === `_nomad-task-${alloc}-${owner(one)}-${service}-${one.portLabel}`) ??
    job.services.find((one) => id.startsWith(`_nomad-task-${alloc}-${owner(one)}-`) && id.endsWith(`-${one.portLabel}`))
  );
}
