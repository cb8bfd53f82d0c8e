import { AxiosError, AxiosHeaders } from 'axios';
import { expect } from 'chai';
import fc from 'fast-check';
import { createLogger, noticeToLog } from '../../lib/log.ts';
import type { Failure } from '../../lib/model/failure.ts';
import type { Notice } from '../../lib/model/notice.ts';
import type { Step } from '../../lib/model/step.ts';

const failure: Failure = {
  kind: 'unreachable',
  message: 'connection refused',
  where: 'GET /v3/info',
  hint: 'start it',
};
const failureFields = {
  failure: 'unreachable',
  what: 'connection refused',
  where: 'GET /v3/info',
  hint: 'start it',
};

function loggerInto(lines: string[], level: 'trace' | 'info' = 'trace') {
  return createLogger({ level, destination: { write: (line: string) => lines.push(line) } });
}

describe('createLogger', () => {
  it('writes one JSON object a line, from its level on', () => {
    const lines: string[] = [];
    const logger = loggerInto(lines, 'info');
    logger.debug('not this');
    logger.info({ service: 'default/web' }, 'changed');
    expect(lines).to.have.length(1);
    expect(JSON.parse(lines[0]!)).to.include({ level: 30, service: 'default/web', msg: 'changed' });
    expect(lines[0]).to.match(/}\n$/);
  });

  it('writes an error with type, message, stack, code and cause, and nothing else of it', () => {
    const lines: string[] = [];
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const error = Object.assign(new TypeError('broken', { cause }), { config: { any: 'thing' } });
    loggerInto(lines).fatal(error);
    const { err, msg } = JSON.parse(lines[0]!) as { err: object; msg: string };
    expect(msg).to.equal('broken');
    expect(err).to.have.all.keys('type', 'message', 'stack', 'cause');
    expect(err).to.include({ type: 'TypeError', message: 'broken' });
    expect(err).to.have.nested.include({ 'cause.code': 'ECONNREFUSED' });
  });

  it('survives values that hold themselves, maps, dates and things without a prototype', () => {
    const lines: string[] = [];
    const self: Record<string, unknown> = { at: new Date(0), map: new Map([['a', 1]]), bare: Object.create(null) };
    self.self = self;
    loggerInto(lines).info({ self });
    expect(JSON.parse(lines[0]!)).to.deep.include({
      self: { at: '1970-01-01T00:00:00.000Z', map: {}, bare: {}, self: '[circular]' },
    });
  });

  it('keeps what only sounds like a secret', () => {
    const lines: string[] = [];
    loggerInto(lines).info({ tokenFile: '/secrets/nomad_token', username: 'connector', token: undefined });
    expect(JSON.parse(lines[0]!)).to.include({ tokenFile: '/secrets/nomad_token', username: 'connector' });
    expect(lines[0]).to.not.include('redacted');
  });

  it('never writes a secret, however deep it lies', () => {
    const key = fc.constantFrom(
      ...['token', 'token', 'nomadToken', 'X-Nomad-Token', 'password', 'HAPROXY_PASSWORD', 'passwd', 'httpAuth'],
      ...['http_auth', 'Authorization', 'authorization', 'proxy-authorization', 'secret', 'SecretID', 'Set-Cookie'],
    );
    const secret = fc.constantFrom('hush', ['hush'], { value: 'hush' });
    const wrap = fc.constantFrom(
      (value: unknown) => ({ config: value }),
      (value: unknown) => [value],
      (value: unknown) => ({ toJSON: () => value }),
      (value: unknown) => Object.assign(new Error('failed'), { config: value }),
      (value: unknown) => new Error('failed', { cause: value }),
    );
    const planted = fc
      .tuple(key, secret, fc.array(wrap, { maxLength: 8 }))
      .map(([name, value, wraps]) => wraps.reduce<unknown>((inner, outer) => outer(inner), { [name]: value }));
    fc.assert(
      fc.property(planted, (value) => {
        const lines: string[] = [];
        const logger = loggerInto(lines);
        logger.info({ value }, 'a line');
        logger.error(value);
        expect(lines).to.have.length(2);
        expect(lines.join()).to.not.include('hush');
      }),
    );
  });

  it('hides what it is told to, in every string of a line, and leaves numbers alone', () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => lines.push(line) };
    const logger = createLogger({ level: 'info', destination, hide: (text) => text.replaceAll('1234', '[redacted]') });
    logger.info(
      { a: 'x1234', b: [{ c: '1234y' }], d: 12_345, e: new Error('1234', { cause: new Error('1234') }) },
      'said',
    );
    expect(JSON.parse(lines[0]!)).to.deep.include({
      a: 'x[redacted]',
      b: [{ c: '[redacted]y' }],
      d: 12_345,
      msg: 'said',
    });
    expect(lines[0]!.replace('12345', '').replace(/"(time|pid)":\d+/g, '')).to.not.include('1234');
  });

  it("never writes the request that an HTTP client's error carries", () => {
    const lines: string[] = [];
    const headers = new AxiosHeaders({ 'X-Nomad-Token': 'hush', Authorization: 'Basic hush' });
    const error = new AxiosError('failed', 'ERR', { headers, auth: { username: 'me', password: 'hush' } });
    loggerInto(lines).error({ err: error, error, headers }, 'request failed');
    expect(lines[0]).to.include('request failed').and.not.include('hush');
  });
});

describe('noticeToLog', () => {
  const service = 'default/web';
  const fill = { service, kind: 'fill-slot', backend: 'web', slot: 'nomad01', address: '10.0.0.1', port: 80 } as const;
  const steps: readonly Step[] = [
    { ...fill, weight: 100, alloc: 'a1' },
    { ...fill, weight: 100, alloc: 'a2' },
    { service: 'default/api', kind: 'drain-slot', backend: 'api', slot: 'nomad01' },
  ];
  const cases: readonly (readonly [Notice, string, string, object])[] = [
    [{ kind: 'nomad-connected', address: 'http://n' }, 'info', 'connected to Nomad', { address: 'http://n' }],
    [
      { kind: 'nomad-lost', failure, retryInMs: 500 },
      'warn',
      'lost connection to Nomad',
      { ...failureFields, retryInMs: 500 },
    ],
    [{ kind: 'snapshot-progress', read: 1200, of: 5000 }, 'info', "reading Nomad's services", { read: 1200, of: 5000 }],
    [
      { kind: 'snapshot-read', index: 7, services: 2, registrations: 5, reason: 'start' },
      'info',
      "read Nomad's services",
      { reason: 'start', services: 2, registrations: 5, index: 7 },
    ],
    [
      { kind: 'nomad-input-skipped', what: 'line 3', why: 'not JSON' },
      'warn',
      'skipped input from Nomad',
      { what: 'line 3', why: 'not JSON' },
    ],
    [
      { kind: 'ghosts-ignored', ghosts: [{ namespace: 'default', id: 'web-1', service: 'web', createIndex: 7 }] },
      'warn',
      'ignoring registrations whose allocation is missing or has ended',
      {
        what: ['default web-1'],
        registrations: 1,
        where: "Nomad's list of allocations",
        hint: 'nomad service delete <service> <id> removes such a registration from Nomad',
      },
    ],
    [{ kind: 'ghosts-ignored', ghosts: [] }, 'info', 'every registration has its allocation again', {}],
    [
      { kind: 'losses-held', services: [service], namespaces: ['default'], why: 'it is missing whole', confirmInMs: 9 },
      'error',
      "holding services that Nomad's snapshot misses",
      {
        what: 'it is missing whole',
        where: "Nomad's list of services",
        hint:
          'see whether the token may still read every namespace, and whether Nomad was emptied or restored; they stay ' +
          'in HAProxy until a second snapshot says the same; POST /release on the admin port or SIGHUP lets them go now',
        services: [service],
        servicesInAll: 1,
        namespaces: ['default'],
        confirmInMs: 9,
      },
    ],
    [
      { kind: 'losses-released', services: [service], by: 'operator' },
      'warn',
      'let held services go',
      { by: 'operator', services: [service], servicesInAll: 1 },
    ],
    [
      { kind: 'losses-released', services: [service], by: 'return' },
      'info',
      'held services are back in Nomad',
      { services: [service], servicesInAll: 1 },
    ],
    [
      { kind: 'service-problems', service, problems: [{ subject: 'haproxy.weight', text: 'is no number' }] },
      'warn',
      'service has problems that its owner should mend',
      { service, problems: [{ subject: 'haproxy.weight', text: 'is no number' }] },
    ],
    [{ kind: 'service-problems', service, problems: [] }, 'info', 'service has no problems any more', { service }],
    [
      { kind: 'applied', lane: 'commit', steps, version: 4, reloaded: true, tookMs: 35 },
      'info',
      'changed HAProxy',
      {
        lane: 'commit',
        reloaded: true,
        version: 4,
        tookMs: 35,
        steps: { 'fill-slot': 2, 'drain-slot': 1 },
        services: ['default/web', 'default/api'],
        servicesInAll: 2,
      },
    ],
    [
      { kind: 'applied', lane: 'slots', steps: [], version: 5, reloaded: false, tookMs: 48 },
      'info',
      'the configuration file says it too',
      { version: 5, tookMs: 48 },
    ],
    [{ kind: 'settled', service }, 'debug', 'service is in place', { service }],
    [
      { kind: 'service-failed', service, failure, retryInMs: 1000.4 },
      'warn',
      'could not bring service to HAProxy',
      { service, ...failureFields, retryInMs: 1000 },
    ],
    [
      { kind: 'service-failed', service, failure },
      'error',
      'could not bring service to HAProxy',
      { service, ...failureFields, retryInMs: undefined },
    ],
    [{ kind: 'first-pass-done' }, 'info', 'tried every service of the first snapshot', {}],
    [
      { kind: 'haproxy-connected', haproxy: '3.2.4', dataplane: '3.2.1' },
      'info',
      'connected to HAProxy',
      { haproxy: '3.2.4', dataplane: '3.2.1' },
    ],
    [{ kind: 'haproxy-lost', failure }, 'error', 'lost connection to HAProxy', failureFields],
    [
      { kind: 'haproxy-moved', what: 'version 5, not 4' },
      'info',
      'HAProxy changed by somebody else',
      { what: 'version 5, not 4' },
    ],
    [
      { kind: 'drift-found', service, where: 'web/nomad01', what: 'state', differs: 'drain', repair: 'planned' },
      'warn',
      'HAProxy was not as it should be',
      { service, where: 'web/nomad01', what: 'drain', repair: 'planned' },
    ],
    [
      { kind: 'health-seen', backend: 'web', services: [service], servers: { nomad01: 'down' } },
      'debug',
      "saw what HAProxy's checks say",
      { backend: 'web', servers: { nomad01: 'down' } },
    ],
    [
      { kind: 'haproxy-warning', text: 'no frontend http', hint: 'write one' },
      'warn',
      'HAProxy needs attention',
      { what: 'no frontend http', hint: 'write one' },
    ],
  ];
  for (const [notice, level, message, fields] of cases) {
    it(`says ${notice.kind} as "${message}"`, () => {
      expect(noticeToLog(notice)).to.deep.equal({ level, message, fields });
    });
  }

  it('says of the twin what would be changed', () => {
    const notice: Notice = { kind: 'applied', lane: 'commit', steps, version: 4, reloaded: true, tookMs: 35 };
    expect(noticeToLog(notice, { dryRun: true, haproxySeen: false })).to.deep.equal({
      ...noticeToLog(notice),
      message: 'would change HAProxy',
    });
  });

  it('says of a HAProxy that never was there that it cannot be worked with', () => {
    const line = noticeToLog({ kind: 'haproxy-lost', failure }, { dryRun: false, haproxySeen: false });
    expect(line).to.deep.equal({ level: 'error', message: 'cannot work with HAProxy', fields: failureFields });
  });

  it('says so of one that is too old, also when that was greeted before', () => {
    const line = noticeToLog({ kind: 'haproxy-lost', failure: { ...failure, kind: 'unsupported' } });
    expect(line).to.include({ level: 'error', message: 'cannot work with HAProxy' });
  });

  it('names only the first services of a cold start', () => {
    const many = Array.from({ length: 500 }, (_, index): Step => ({ ...steps[2]!, service: `default/s${index}` }));
    const { fields } = noticeToLog({ kind: 'applied', lane: 'commit', steps: many, reloaded: true, tookMs: 1 });
    expect(fields).to.deep.include({ steps: { 'drain-slot': 500 }, servicesInAll: 500 });
    expect(fields.services).to.have.length(20);
  });
});
