import {
  asyncScheduler,
  catchError,
  forkJoin,
  from,
  map,
  mergeMap,
  of,
  take,
  throwError,
  toArray,
  type Observable,
} from 'rxjs';
import { nomadLines } from '../../../streams/nomad-lines.ts';
import type { Config } from '../../config.ts';
import { FailureError, type Failure } from '../../model/failure.ts';
import { askAgent, askToken, type Agent, type TokenReport } from '../../nomad/agent.ts';
import type { NomadClient } from '../../nomad/client.ts';
import { ask } from '../../haproxy/ask.ts';
import { attempt } from '../attempt.ts';
import { judgeClock } from './clock.ts';
import { failed, ok, problem, warning, type Finding } from './finding.ts';

type Options = Pick<Config['nomad'], 'namespaces' | 'verifyAllocations' | 'token' | 'tokenFile'>;

/** Nomad sends the first heartbeat at once: what comes later (ms) is held up in between. */
const heartbeatWithinMs = 10_000;
const silenceMs = 45_000;
const requestsAtOnce = 8;
/** A token that ends within this is worth a word. */
const soonMs = 24 * 3_600_000;

/** Everything that `run` asks of Nomad, by the same requests. Rejects with bugs only. */
export async function checkNomad(
  client: NomadClient,
  options: Options,
  firstHeartbeatMs = heartbeatWithinMs,
): Promise<readonly Finding[]> {
  const askedAt = Date.now();
  const agent = await attempt(askAgent(client));
  if ('failure' in agent) return [failed('nomad', agent.failure)];
  const { clock } = agent.value;
  const clocks = judgeClock({ whose: 'Nomad', clock, askedAt, answeredAt: Date.now() });
  const token = await attempt(askToken(client));
  const isGiven = (options.token ?? options.tokenFile) !== undefined;
  const kind = 'value' in token ? token.value.kind : undefined;
  const grant = kind === 'acl-disabled' || (kind === 'known' && isGiven) ? addToPolicy : useToken;
  const [reads, streams] = await Promise.all([
    checkReads(client, options, grant),
    ask(forkJoin(options.namespaces.map((namespace) => checkStream(client, namespace, firstHeartbeatMs, grant)))),
  ]);
  return [
    sayAgent(client, agent.value),
    'failure' in token ? failed('token', token.failure) : judgeToken(token.value, clock, isGiven, reads.isRefused),
    ...reads.findings,
    ...streams,
    clocks,
  ];
}

function sayAgent({ address }: NomadClient, { version, leader }: Agent): Finding {
  const known = version === undefined ? 'of a version that this token may not ask for (agent:read)' : version;
  return ok('nomad', `${known} at ${address}, leader ${leader}`);
}

function judgeToken(token: TokenReport, now: number, isGiven: boolean, readsNothing: boolean): Finding {
  if (token.kind === 'acl-disabled') return ok('token', 'none is needed: ACLs are off');
  const create = 'set NOMAD_TOKEN or NOMAD_TOKEN_FILE to one of: nomad acl token create -policy <policy>';
  if (!isGiven && readsNothing) return problem('token', 'none is given, and ACLs are on', create);
  switch (token.kind) {
    case 'unknown':
      if (readsNothing) {
        const what = 'ended, misspelt, or a workload identity without a policy';
        return problem('token', `not one of the ACL tokens, and it may read nothing: ${what}`, create);
      }
      return ok(
        'token',
        'not one of the ACL tokens: a workload identity, or ended or misspelt; what it may do is below',
      );
    case 'known': {
      const { name, type, policies, expires } = token;
      const said = `"${name}", ${type}${policies.length > 0 ? `, policies ${policies.join(', ')}` : ''}`;
      if (expires === undefined || Date.parse(expires) - now > soonMs) return ok('token', said);
      return warning(
        'token',
        `${said}, ends at ${expires}`,
        'make another (nomad acl token create), or use a workload identity with NOMAD_TOKEN_FILE, which Nomad renews',
      );
    }
    default:
      return token satisfies never;
  }
}

/** A line for all namespaces that can be read, and one for each that cannot; `isRefused`: the token may read none. */
async function checkReads(
  client: NomadClient,
  { namespaces, verifyAllocations }: Options,
  grant: Grant,
): Promise<{ readonly findings: readonly Finding[]; readonly isRefused: boolean }> {
  const listed = await attempt(client.getNamespaces());
  const visible = 'value' in listed ? listed.value : [];
  const everywhere = namespaces.includes('*');
  const asked = everywhere ? ['*', ...visible] : namespaces;
  const refusals = await ask(
    from(asked).pipe(
      mergeMap((namespace) => firstRefusal(client, namespace, verifyAllocations), requestsAtOnce),
      toArray(),
    ),
  );
  const refused = refusals.filter((one) => one !== undefined);
  const bad = new Set(refused.map(({ namespace }) => namespace));
  const good = asked.filter((namespace) => namespace !== '*' && !bad.has(namespace));
  const missing = visible.length === 0 ? [] : good.filter((namespace) => !visible.includes(namespace));
  const what = verifyAllocations ? 'services, jobs and allocations' : 'services and jobs';
  const findings = [
    ...(good.length > 0 ? [ok('reads', `${what} of namespaces ${good.join(', ')}`)] : []),
    ...refused.map(({ namespace, what: part, failure }) => refusedIn(namespace, part, failure, grant)),
    ...missing.map((namespace) =>
      warning(
        `namespace ${namespace}`,
        `there is none of that name, or the token may not see it; there are ${visible.join(', ')}`,
        'correct NOMAD_NAMESPACE, or: nomad namespace apply ' + namespace,
      ),
    ),
  ];
  return { findings, isRefused: good.length === 0 && refused.every(({ failure }) => failure.kind === 'unauthorized') };
}

interface Refusal {
  readonly namespace: string;
  readonly what: string;
  readonly failure: Failure;
}

function refusedIn(namespace: string, what: string, failure: Failure, grant: Grant): Finding {
  const check = `namespace ${namespace}`;
  const found = `cannot read ${what}: ${failure.message}`;
  if (failure.kind !== 'unauthorized') return problem(check, found, failure.hint);
  return problem(check, found, grant(namespace));
}

/** What to do where a namespace is refused. */
type Grant = (namespace: string) => string;

function addToPolicy(namespace: string): string {
  return `put ${ruleOf(namespace)} into the token's policy: nomad acl policy apply <policy> <file>`;
}

function useToken(namespace: string): string {
  return `use a token (NOMAD_TOKEN, NOMAD_TOKEN_FILE) that Nomad knows and whose policy has ${ruleOf(namespace)}`;
}

function ruleOf(namespace: string): string {
  return `namespace "${namespace}" { capabilities = ["read-job"] }`;
}

/** The first of the reads that fails; a job that is not there answers as one that is. */
function firstRefusal(client: NomadClient, namespace: string, allocations: boolean): Observable<Refusal | undefined> {
  const reads: readonly (readonly [what: string, call: Observable<unknown>])[] = [
    ['services', client.getServices(namespace)],
    ['registrations', client.readIndex(namespace)],
    // `*` is no namespace of a job.
    ...(namespace === '*' ? [] : [['jobs', readNoJob(client, namespace)] as const]),
    ...(allocations ? [['allocations', client.getLivingAllocations(namespace)] as const] : []),
  ];
  return forkJoin(reads.map(([what, call]) => refusalOf(namespace, what, call))).pipe(
    map((answers) => answers.find((one) => one !== undefined)),
  );
}

function refusalOf(namespace: string, what: string, call: Observable<unknown>): Observable<Refusal | undefined> {
  return call.pipe(
    map(() => undefined),
    catchError((error: unknown) => {
      if (!(error instanceof FailureError)) return throwError(() => error as Error);
      return of({ namespace, what, failure: error.failure });
    }),
  );
}

function readNoJob(client: NomadClient, namespace: string): Observable<unknown> {
  return client.getJob('haproxy-nomad-connector-check', namespace).pipe(
    catchError((error: unknown) => {
      const isAbsent = error instanceof FailureError && error.failure.kind === 'not-found';
      return isAbsent ? of(undefined) : throwError(() => error as Error);
    }),
  );
}

/** Proven by its first line, a heartbeat, as a subscription is. */
function checkStream(
  client: NomadClient,
  namespace: string,
  firstHeartbeatMs: number,
  grant: Grant,
): Observable<Finding> {
  const check = namespace === '*' ? 'event stream' : `event stream of ${namespace}`;
  const openedAt = performance.now();
  return nomadLines(client, { namespace, index: 0, firstHeartbeatMs, silenceMs, scheduler: asyncScheduler }).pipe(
    take(1),
    map(() => ok(check, `delivers: its first line came after ${Math.ceil(performance.now() - openedAt)} ms`)),
    catchError((error: unknown) => {
      if (!(error instanceof FailureError)) return throwError(() => error as Error);
      const { kind, message, hint } = error.failure;
      return of(problem(check, message, kind === 'unauthorized' ? grant(namespace) : hint));
    }),
  );
}
