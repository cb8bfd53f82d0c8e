import { catchError, defer, map, of } from 'rxjs';
import type { Observable } from 'rxjs';
import { FailureError } from '../model/failure.ts';
import { serializeActions } from './client-actions.ts';
import type { AdminState, RuntimeAction } from './client-actions.ts';
import { haproxySilent, malformed } from './client-failures.ts';
import { createSend } from './client-http.ts';
import type { Answer, DataplaneSettings, Send } from './client-http.ts';
import { createPipeline } from './client-pipeline.ts';
import { createMapCalls } from './client-maps.ts';
import type { MapCalls } from './client-maps.ts';
import { infoShape, numberShape, runtimeInfoShape, serverShape, serversShape, parseAnswer } from './client-shapes.ts';
import type { WireServer } from './client-shapes.ts';
import { countResult, type CountRequest } from './request-count.ts';
import { createPreviewCalls } from './client-previews.ts';
import type { PreviewCalls } from './client-previews.ts';
import { createReportCalls } from './client-reports.ts';
import type { ReportCalls } from './client-reports.ts';
import { createTransactionCalls } from './client-transactions.ts';
import type { TransactionCalls } from './client-transactions.ts';
import type { ObserveCall } from './exchanges.ts';

/**
 * The Data Plane API, v3.0 to v3.4, call by call; what the calls do to each other is the caller's business (one writer!).
 * Every method is cold, emits one value and completes, or errors with a FailureError. Unsubscribing aborts reads; a write
 * goes on to its end and its answer is lost.
 */
export interface DataplaneClient extends MapCalls, PreviewCalls, ReportCalls, TransactionCalls {
  /** The API's own version, `v3.2.15`. */
  readonly getInfo: () => Observable<{ readonly dataplane: string }>;
  /**
   * The process that runs now. A reload by anybody changes its pid, but no version. `unreachable`: HAProxy is down. It is
   * asked for in line with `setServer`: who asks once a second keeps that way open and its code warm for the first change.
   */
  readonly getRuntimeInfo: () => Observable<RuntimeInfo>;
  /** The version that the next write has to name. After a failed reload it is ahead of the file's. */
  readonly getVersion: () => Observable<number>;
  /** The file as it is on disk, with the version that the next write has to name. */
  readonly getRaw: () => Observable<RawConfiguration>;
  /**
   * Writes the whole configuration, validated before; emits what the file then says, which is never byte for byte what was
   * sent. `conflict`: another version; `rejected`: HAProxy's validation. Both change nothing.
   * `reload-failed`: written and not loadable. HAProxy runs on and the file is back at what was loaded last, but the API
   * keeps the bad text, and any next write would bring it back: post a good text with `skip`, at the version of `getVersion`.
   * `unreachable` with actions: the text may be written and some of the actions not run.
   */
  readonly postRaw: (write: RawWrite) => Observable<RawConfiguration>;
  /** HAProxy's opinion of a configuration, which has to end in a newline; nothing is changed. */
  readonly validate: (text: string) => Observable<Validation>;
  /**
   * The process's servers, in its order. `not-found` also when HAProxy does not answer the API: `getRuntimeInfo` tells.
   */
  readonly getServers: (backend: string) => Observable<readonly RuntimeServer[]>;
  /**
   * Changes a server of the process, not of the file; emits it as it is then. In one call health goes before state, state
   * before weight and address: a server that is made ready so is open at its old address for a moment. What the server
   * already has is not sent to HAProxy. Calls are taken in the order of subscription, so that the next one need not wait for
   * the answer.
   */
  readonly setServer: (backend: string, server: string, change: ServerChange) => Observable<RuntimeServer>;
  /** `setServer` for the state alone. `maint` does nothing to a drained server that the process loaded as disabled. */
  readonly setServerState: (backend: string, server: string, state: AdminState) => Observable<RuntimeServer>;
}

export interface RuntimeInfo {
  readonly haproxyVersion: string;
  readonly pid: number;
  readonly configurationVersion: number;
}

export interface RawConfiguration {
  readonly version: number;
  readonly text: string;
}

/** Actions are run only by a write that does not reload: the API ignores them on any other. */
export type RawWrite = RawConfiguration &
  ({ readonly reload: 'force' } | { readonly reload: 'skip'; readonly actions?: readonly RuntimeAction[] });

export type Validation = { readonly ok: true } | { readonly ok: false; readonly message: string };

/** A server of the running process. */
export interface RuntimeServer {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** `maint` may be a drain: of a server that the process loaded as disabled the API misreads it. */
  readonly adminState: AdminState;
  /** `up`, `down`, `stopping`. */
  readonly operationalState: string;
  /** Successes that its checks still count in its favour: 0 once they took it down, more where its line has it begin so. */
  readonly checkHealth?: number;
  /** The API tells from 3.3.1 on. */
  readonly weight?: number;
}

/** Address, port and weight are answered with 200 and not applied before API 3.3.1. */
export interface ServerChange {
  readonly state?: AdminState;
  /** Up until its checks have failed as often as they may, whatever they said before. */
  readonly health?: 'up';
  readonly address?: string;
  readonly port?: number;
  readonly weight?: number;
}

const configuration = '/services/haproxy/configuration';
const runtime = '/services/haproxy/runtime';

/** Whoever looks at the calls that go by. */
export interface Watchers {
  readonly count?: CountRequest;
  readonly observe?: ObserveCall;
}

/** Connections are opened on demand and kept for a few seconds. */
export function createDataplaneClient(settings: DataplaneSettings, { count, observe }: Watchers = {}): DataplaneClient {
  const counted =
    (send: Send): Send =>
    (call) =>
      send(call).pipe(countResult(call, count));
  const send = counted(createSend(settings, observe));
  const sendInOrder = counted(createPipeline(settings, observe));
  const transactions = createTransactionCalls(send);

  function postRaw(write: RawWrite): Observable<RawConfiguration> {
    return defer(() => {
      const actions = write.reload === 'skip' ? (write.actions ?? []) : [];
      return send({
        method: 'POST',
        path: `${configuration}/raw`,
        query: { version: write.version, [`${write.reload}_reload`]: true },
        headers: actions.length === 0 ? {} : { 'x-runtime-actions': serializeActions(actions) },
        body: write.text,
      });
    }).pipe(map(rawFrom));
  }

  function validate(text: string): Observable<Validation> {
    return send({ method: 'POST', path: `${configuration}/raw`, query: { only_validate: true }, body: text }).pipe(
      map(() => ({ ok: true as const })),
      catchError((error: unknown) => {
        if (!(error instanceof FailureError && error.failure.kind === 'rejected')) throw error;
        return of({ ok: false as const, message: error.failure.message });
      }),
    );
  }

  function setServer(backend: string, server: string, change: ServerChange): Observable<RuntimeServer> {
    const { state, health, ...others } = change;
    return sendInOrder({
      method: 'PUT',
      path: `${serversOf(backend)}/${encodeURIComponent(server)}`,
      body: { ...others, ...(state && { admin_state: state }), ...(health && { operational_state: health }) },
    }).pipe(map((answer) => serverFrom(parseAnswer(answer, serverShape))));
  }

  return {
    ...createMapCalls(send),
    ...transactions,
    ...createPreviewCalls(transactions),
    ...createReportCalls(send),
    getInfo: () =>
      send({ method: 'GET', path: '/info' }).pipe(
        map((answer) => ({ dataplane: firstWord(parseAnswer(answer, infoShape).api.version) })),
      ),
    getRuntimeInfo: () => sendInOrder({ method: 'GET', path: `${runtime}/info` }).pipe(map(runtimeInfoFrom)),
    getVersion: () =>
      send({ method: 'GET', path: `${configuration}/version` }).pipe(map((answer) => parseAnswer(answer, numberShape))),
    getRaw: () => send({ method: 'GET', path: `${configuration}/raw` }).pipe(map(rawFrom)),
    postRaw,
    validate,
    getServers: (backend) =>
      send({ method: 'GET', path: serversOf(backend) }).pipe(
        map((answer) => parseAnswer(answer, serversShape).map(serverFrom)),
      ),
    setServer,
    setServerState: (backend, server, state) => setServer(backend, server, { state }),
  };
}

function serversOf(backend: string): string {
  return `${runtime}/backends/${encodeURIComponent(backend)}/servers`;
}

/** The version comes from the header: after a failed reload the file's own line is behind. */
function rawFrom({ text, version, where }: Answer): RawConfiguration {
  if (Number.isNaN(version)) throw new FailureError(malformed(where, 'the answer has no configuration version'));
  return { version, text };
}

function runtimeInfoFrom(answer: Answer): RuntimeInfo {
  const { error = 'HAProxy did not answer', info } = parseAnswer(answer, runtimeInfoShape);
  if (info?.version === undefined || info.pid === undefined) throw new FailureError(haproxySilent(answer.where, error));
  return { haproxyVersion: info.version, pid: info.pid, configurationVersion: answer.version };
}

function serverFrom(wire: WireServer): RuntimeServer {
  return {
    name: wire.name,
    address: wire.address ?? '',
    port: wire.port ?? 0,
    adminState: wire.admin_state,
    operationalState: wire.operational_state,
    ...(wire.check_health !== undefined && { checkHealth: wire.check_health }),
    ...(wire.weight !== undefined && { weight: wire.weight }),
  };
}

/** The API's version is followed by its commit. */
function firstWord(words: string): string {
  return words.split(' ', 1)[0] ?? words;
}
