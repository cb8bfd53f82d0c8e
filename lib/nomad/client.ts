import { catchError, defer, map, type Observable, throwError } from 'rxjs';
import type { Job, Registration } from '../model/events.ts';
import { FailureError } from '../model/failure.ts';
import { hiding, type Hide } from '../secrets.ts';
import {
  parseAllocations,
  parseNamespaces,
  parseRegistrations,
  parseServices,
  type ListedAllocation,
  type ListedService,
} from './answers.ts';
import { malformedFailure } from './failures.ts';
import { parseJob, parseJobVersions } from './job.ts';
import type { Parsed } from './parser.ts';
import { requestBytes, requestDated, requestJson } from './request.ts';
import type { Dated, Indexed, Limits, Request } from './request.ts';
import type { NomadSettings } from './settings.ts';
import { createToken } from './token.ts';
import { transportOf } from './transport.ts';

/**
 * Nomad's HTTP API. Each call is one request per subscription: one value, then completes; unsubscribing aborts it. All
 * error with a FailureError of kind `unreachable`, `unauthorized`, `not-found` or `malformed`.
 */
export interface NomadClient {
  /** Where it talks to, without secrets. */
  readonly address: string;
  /** How often the token file has turned out to hold another token: what was opened before one of them is not of it. */
  readonly tokenChanges: () => number;
  /** For texts that the stream brings: without our secrets, which a server may repeat. */
  readonly hide: Hide;
  /**
   * The raw bytes of the event stream from `index` on, inclusive. Completes when Nomad ends it, whatever the reason; has
   * no time limit of its own.
   */
  readonly openStream: (options: StreamOptions) => Observable<Uint8Array>;
  /**
   * The services of a namespace or of all (`*`). Errors `unauthorized` for what Nomad calls 200 with index 0: not one
   * namespace may be read.
   */
  readonly getServices: (namespace: string) => Observable<Indexed<readonly ListedService[]>>;
  /** All registrations of one name; none when there is no such service. */
  readonly getService: (name: string, namespace: string) => Observable<Indexed<readonly Registration[]>>;
  readonly getJob: (id: string, namespace: string) => Observable<Indexed<Job>>;
  /** The versions of a job that Nomad keeps, six as a rule, newest first. */
  readonly getJobVersions: (id: string, namespace: string) => Observable<Indexed<readonly Job[]>>;
  /**
   * The allocations of a namespace or of all (`*`) that have not ended: one whose client is out of touch (`unknown`) has
   * not. Namespaces that the token may not read are left out without a word.
   */
  readonly getLivingAllocations: (namespace: string) => Observable<Indexed<readonly ListedAllocation[]>>;
  /** The namespaces that the token may see. */
  readonly getNamespaces: () => Observable<readonly string[]>;
  /** The index of the last change to any registration in any namespace, silent ones too. */
  readonly readIndex: (namespace: string) => Observable<number>;
  /** Any GET of `/v1/...` with Nomad's own answer, for recordings. */
  readonly get: (path: string, query: Query) => Observable<Indexed<unknown>>;
  /** Any GET of what is no state of the cluster and has no index. */
  readonly getDated: (path: string) => Observable<Dated<unknown>>;
}

export interface StreamOptions {
  readonly index: number;
  readonly namespace: string;
  readonly topics: readonly string[];
}

type Query = Readonly<Record<string, string>>;
type Parameters = readonly [name: string, value: string][];

const limits: Limits = { silenceMs: 10_000, bytes: 64 * 1024 * 1024 };

/** Throws a FailureError when the settings cannot work or name files that cannot be read. */
export function createNomadClient(settings: NomadSettings): NomadClient {
  const { address, secrets, pooled, single } = transportOf(settings);
  const token = createToken(settings);
  const region: Parameters = settings.region === undefined ? [] : [['region', settings.region]];

  function hide(text: string): string {
    return hiding([...token.known(), ...secrets])(text);
  }

  function request(path: string, parameters: Parameters, namespace: string | undefined): Request {
    const query = new URLSearchParams([...parameters, ...region]).toString();
    const url = query === '' ? path : `${path}?${query}`;
    const secret = token.current();
    return {
      url,
      headers: secret === undefined ? {} : { 'X-Nomad-Token': secret },
      where: `GET ${address}${url}`,
      needs: `capability "read-job" in namespace "${namespace ?? 'default'}"`,
      hide,
    };
  }

  function get(path: string, query: Query): Observable<Indexed<unknown>> {
    return renewed(() => requestJson(pooled, request(path, Object.entries(query), query['namespace']), limits));
  }

  /** A refusal may mean that the token file has moved on: one more attempt, if it says something else now. */
  function renewed<T>(attempt: () => Observable<T>): Observable<T> {
    return defer(attempt).pipe(
      catchError((error: unknown) => {
        if (isRefusal(error) && token.renew()) return attempt();
        return throwError(() => error as Error);
      }),
    );
  }

  function read<T>(path: string, query: Query, parse: (raw: unknown) => Parsed<T>): Observable<Indexed<T>> {
    return get(path, query).pipe(
      map(({ index, value }) => {
        const parsed = parse(value);
        if (parsed.ok) return { index, value: parsed.value };
        throw malformedFailure(`not the answer expected: ${parsed.why}`, { where: `GET ${address}${path}` });
      }),
    );
  }

  return {
    address,
    tokenChanges: token.changes,
    hide,
    openStream({ index, namespace, topics }) {
      const parameters: Parameters = [
        ['index', String(index)],
        ['namespace', namespace],
        ...topics.map((topic): [string, string] => ['topic', topic]),
      ];
      return renewed(() => requestBytes(single, request('/v1/event/stream', parameters, namespace)));
    },
    getServices(namespace) {
      return read('/v1/services', { namespace }, parseServices).pipe(
        map((answer) => {
          if (answer.index > 0) return answer;
          throw new FailureError({
            kind: 'unauthorized',
            message: 'Nomad lists no services because the token may not read a single namespace',
            where: `GET ${address}/v1/services?namespace=${namespace}`,
            hint: `use a valid token with capability "read-job" in namespace "${namespace}"`,
          });
        }),
      );
    },
    getService(name, namespace) {
      return read(`/v1/service/${encodeURIComponent(name)}`, { namespace }, parseRegistrations);
    },
    getJob(id, namespace) {
      return read(jobPath(id), { namespace }, parseJob);
    },
    getJobVersions(id, namespace) {
      return read(`${jobPath(id)}/versions`, { namespace }, parseJobVersions);
    },
    /** Ended ones stay in Nomad for hours, so it filters them itself. */
    getLivingAllocations(namespace) {
      const filter = ['complete', 'failed', 'lost'].map((status) => `ClientStatus != "${status}"`).join(' and ');
      const query = { namespace, filter, resources: 'false', task_states: 'false' };
      return read('/v1/allocations', query, parseAllocations);
    },
    getNamespaces() {
      return read('/v1/namespaces', {}, parseNamespaces).pipe(map(({ value }) => value));
    },
    /** The name does not matter. This endpoint takes `*` literally; whoever may stream `*` may read `default`. */
    readIndex(namespace) {
      const query = { namespace: namespace === '*' ? 'default' : namespace };
      return get('/v1/service/none', query).pipe(map(({ index }) => index));
    },
    get,
    getDated: (path) => renewed(() => requestDated(pooled, request(path, [], undefined), limits)),
  };
}

function jobPath(id: string): string {
  return `/v1/job/${encodeURIComponent(id.toWellFormed())}`;
}

function isRefusal(error: unknown): boolean {
  return error instanceof FailureError && error.failure.kind === 'unauthorized';
}
