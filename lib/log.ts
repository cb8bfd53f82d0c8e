import { pino, type DestinationStream, type Logger } from 'pino';
import type { Config } from './config.ts';
import type { Failure } from './model/failure.ts';
import type { Notice } from './model/notice.ts';
import type { Step, StepKind } from './model/step.ts';
import type { Hide } from './secrets.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** Constant, so that lines can be counted and searched by it. */
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * A logger that writes JSON lines synchronously, so that the last words before an exit are not lost. Of the fields of a
 * line, values under the key of a secret are not written, nor secrets that `hide` knows, nor anything of an error but its
 * type, message, code, stack and cause: errors of HTTP clients carry whole requests. pino lets nobody look at the bindings
 * of child loggers.
 */
export function createLogger(options: {
  readonly level: Config['log']['level'];
  readonly destination: 'stdout' | 'stderr' | DestinationStream;
  readonly hide?: Hide;
}): Logger {
  const { level, destination, hide = (text: string) => text } = options;
  return pino(
    {
      level,
      formatters: { log: (fields) => redactMembers(fields, [fields], hide) },
      serializers: { err: (error: unknown) => error },
    },
    typeof destination === 'string'
      ? pino.destination({ dest: destination === 'stdout' ? 1 : 2, sync: true })
      : destination,
  );
}

/** What a line has to know beside its notice. */
export interface Situation {
  /** HAProxy is the twin. */
  readonly dryRun: boolean;
  /** HAProxy has been connected to. */
  readonly haproxySeen: boolean;
}

/** Says a notice in an operator's words. */
export function noticeToLog(
  notice: Notice,
  { dryRun, haproxySeen }: Situation = { dryRun: false, haproxySeen: true },
): LogLine {
  switch (notice.kind) {
    case 'nomad-connected':
      return { level: 'info', message: 'connected to Nomad', fields: { address: notice.address } };
    case 'nomad-lost':
      return {
        level: 'warn',
        message: 'lost connection to Nomad',
        fields: { ...failureFields(notice.failure), retryInMs: Math.round(notice.retryInMs) },
      };
    case 'snapshot-progress':
      return { level: 'info', message: "reading Nomad's services", fields: { read: notice.read, of: notice.of } };
    case 'snapshot-read': {
      const { index, services, registrations, reason } = notice;
      return { level: 'info', message: "read Nomad's services", fields: { reason, services, registrations, index } };
    }
    case 'nomad-input-skipped':
      return { level: 'warn', message: 'skipped input from Nomad', fields: { what: notice.what, why: notice.why } };
    case 'ghosts-ignored':
      return notice.ghosts.length === 0
        ? { level: 'info', message: 'every registration has its allocation again', fields: {} }
        : {
            level: 'warn',
            message: 'ignoring registrations whose allocation is missing or has ended',
            fields: {
              what: notice.ghosts.slice(0, manyNames).map(({ namespace, id }) => `${namespace} ${id}`),
              registrations: notice.ghosts.length,
              where: "Nomad's list of allocations",
              hint: 'nomad service delete <service> <id> removes such a registration from Nomad',
            },
          };
    case 'losses-held': {
      const { services, namespaces, why, confirmInMs } = notice;
      return {
        level: 'error',
        message: "holding services that Nomad's snapshot misses",
        fields: {
          what: why,
          where: "Nomad's list of services",
          hint:
            'see whether the token may still read every namespace, and whether Nomad was emptied or restored; they stay ' +
            'in HAProxy until a second snapshot says the same; POST /release on the admin port or SIGHUP lets them go now',
          ...fewOf(services),
          namespaces: namespaces.slice(0, manyNames),
          confirmInMs,
        },
      };
    }
    case 'losses-released':
      return notice.by === 'return'
        ? { level: 'info', message: 'held services are back in Nomad', fields: fewOf(notice.services) }
        : {
            level: 'warn',
            message: 'let held services go',
            fields: { by: notice.by, ...fewOf(notice.services) },
          };
    case 'service-problems':
      return notice.problems.length === 0
        ? { level: 'info', message: 'service has no problems any more', fields: { service: notice.service } }
        : {
            level: 'warn',
            message: 'service has problems that its owner should mend',
            fields: { service: notice.service, problems: notice.problems },
          };
    case 'applied': {
      const { lane, steps, version, reloaded, tookMs } = notice;
      if (steps.length === 0 && !reloaded) {
        return { level: 'info', message: 'the configuration file says it too', fields: { version, tookMs } };
      }
      return {
        level: 'info',
        message: dryRun ? 'would change HAProxy' : 'changed HAProxy',
        fields: { lane, reloaded, version, tookMs, ...whatWasDone(steps) },
      };
    }
    case 'settled':
      return { level: 'debug', message: 'service is in place', fields: { service: notice.service } };
    case 'service-failed': {
      const { service, failure, retryInMs } = notice;
      return {
        level: retryInMs === undefined ? 'error' : 'warn',
        message: 'could not bring service to HAProxy',
        fields: { service, ...failureFields(failure), retryInMs: retryInMs && Math.round(retryInMs) },
      };
    }
    case 'first-pass-done':
      return { level: 'info', message: 'tried every service of the first snapshot', fields: {} };
    case 'haproxy-connected': {
      const { haproxy, dataplane } = notice;
      return { level: 'info', message: 'connected to HAProxy', fields: { haproxy, dataplane } };
    }
    case 'haproxy-lost':
      return haproxySeen && notice.failure.kind !== 'unsupported'
        ? { level: 'error', message: 'lost connection to HAProxy', fields: failureFields(notice.failure) }
        : { level: 'error', message: 'cannot work with HAProxy', fields: failureFields(notice.failure) };
    case 'haproxy-moved':
      return { level: 'info', message: 'HAProxy changed by somebody else', fields: { what: notice.what } };
    case 'drift-found': {
      const { service, where, differs, repair } = notice;
      return {
        level: 'warn',
        message: 'HAProxy was not as it should be',
        fields: { service, where, what: differs, repair },
      };
    }
    case 'health-seen':
      return {
        level: 'debug',
        message: "saw what HAProxy's checks say",
        fields: { backend: notice.backend, servers: notice.servers },
      };
    case 'haproxy-warning':
      return { level: 'warn', message: 'HAProxy needs attention', fields: { what: notice.text, hint: notice.hint } };
    default:
      return notice satisfies never;
  }
}

/** A cold start applies thousands of steps: kinds are counted, and the first services named. */
function whatWasDone(steps: readonly Step[]): Readonly<Record<string, unknown>> {
  const kinds: Partial<Record<StepKind, number>> = {};
  for (const { kind } of steps) kinds[kind] = (kinds[kind] ?? 0) + 1;
  return { steps: kinds, ...fewOf([...new Set(steps.map(({ service }) => service))]) };
}

const manyNames = 20;

export function fewOf(services: readonly string[]): Readonly<Record<string, unknown>> {
  return { services: services.slice(0, manyNames), servicesInAll: services.length };
}

export function failureFields(failure: Failure): Readonly<Record<string, unknown>> {
  return { failure: failure.kind, what: failure.message, where: failure.where, hint: failure.hint };
}

const secretKey = /(token|password|passwd|secret|secret_?id|authorization|http_?auth|cookie)$/i;

function redactMembers(value: object, within: readonly object[], hide: Hide): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([key, member]: [string, unknown]) => [
      key,
      secretKey.test(key) && member !== undefined ? '[redacted]' : redact(member, within, hide),
    ]),
  );
}

function redact(value: unknown, within: readonly object[], hide: Hide): unknown {
  if (typeof value === 'string') return hide(value);
  if (typeof value !== 'object' || value === null) return value;
  if (within.includes(value)) return '[circular]';
  const inside = [...within, value];
  if (Array.isArray(value)) return value.map((item) => redact(item, inside, hide));
  if (value instanceof Error) {
    const { name, message, stack, cause } = value;
    const code = 'code' in value ? value.code : undefined;
    return redactMembers({ type: name, message, code, stack, cause }, inside, hide);
  }
  return isSerialisable(value) ? redact(value.toJSON(), inside, hide) : redactMembers(value, inside, hide);
}

function isSerialisable(value: object): value is { readonly toJSON: () => unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}
