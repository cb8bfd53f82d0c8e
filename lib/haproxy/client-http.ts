import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import axios, { isAxiosError } from 'axios';
import type { AxiosError, AxiosInstance, CreateAxiosDefaults } from 'axios';
import axiosRetry from 'axios-retry';
import { Observable, ReplaySubject, defer } from 'rxjs';
import { FailureError, type Failure } from '../model/failure.ts';
import { basicSecrets, hiding, type Hide } from '../secrets.ts';
import { refused, unanswered } from './client-failures.ts';
import type { Ending, ObserveCall } from './exchanges.ts';

/** Where the Data Plane API is and how to get in. */
export interface DataplaneSettings {
  /** `http://host:port`, `https://host:port` or `unix:///path`. */
  readonly address: string;
  readonly username: string;
  readonly password: string;
  /** For each request. Default 30 s, the API's own limit; a forced reload counts. */
  readonly timeoutMs?: number;
  /** Of an answer; longer ones are `malformed`. Default 256 MiB; a service takes a few kB. */
  readonly maxAnswerBytes?: number;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/v3`, its parts percent-encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string goes as text/plain, a form as multipart, anything else as JSON. */
  readonly body?: unknown;
}

export interface Answer {
  readonly text: string;
  /** Configuration version after the request; NaN when the answer does not tell. */
  readonly version: number;
  /** The API's clock as it answered: ms since 1970, NaN where it does not tell. */
  readonly clock: number;
  /** Method and URL without query, for failures. */
  readonly where: string;
}

/**
 * Sends a call on subscription. Emits one answer, then completes; errors with a FailureError.
 * Unsubscribing aborts a GET. A write goes on to its end, because half a write cannot be taken back; its answer is lost.
 */
export type Send = (call: Call) => Observable<Answer>;

/** How requests get there, and what is taken and shown of the answers. */
interface Way {
  readonly http: AxiosInstance;
  readonly address: string;
  readonly maxBytes: number;
  readonly hide: Hide;
  readonly observe: ObserveCall | undefined;
}

export function createSend(settings: DataplaneSettings, observe?: ObserveCall): Send {
  const way = {
    http: createHttp(settings),
    address: settings.address.replace(/\/+$/, ''),
    maxBytes: settings.maxAnswerBytes ?? defaultMaxBytes,
    hide: hiding(basicSecrets(settings.username, settings.password)),
    observe,
  };
  return (call) => (call.method === 'GET' ? abortable(way, call) : defer(() => request(way, call)));
}

/**
 * Runs a sequence of calls to its end even when its subscriber leaves in the middle: some must not stop half way.
 * Emits the last value; an error after the subscriber left is lost.
 */
export function uninterrupted<T>(calls: Observable<T>): Observable<T> {
  return defer(() => {
    const result = new ReplaySubject<T>(1);
    calls.subscribe(result);
    return result;
  });
}

/** Milliseconds. The API closes a connection that was idle for 10 s; ours must go first, or a write meets a closed one. */
export const maxIdleMs = 8000;
/** Milliseconds; the API's own limit. */
export const defaultTimeoutMs = 30_000;
const maxConnections = 8;
export const defaultMaxBytes = 256 * 1024 * 1024;

function createHttp({
  address,
  username,
  password,
  timeoutMs = defaultTimeoutMs,
  maxAnswerBytes = defaultMaxBytes,
}: DataplaneSettings): AxiosInstance {
  const agent = { keepAlive: true, timeout: maxIdleMs, maxSockets: maxConnections };
  const http = axios.create({
    ...locationOf(address),
    auth: { username, password },
    headers: { accept: '*/*' }, // asked for JSON, as axios would, 3.0 and 3.2 answer `{}` in place of a file
    timeout: timeoutMs,
    maxContentLength: maxAnswerBytes,
    httpAgent: new HttpAgent(agent),
    httpsAgent: new HttpsAgent(agent),
    proxy: false, // HTTP_PROXY is for the way out; this is a neighbour
    maxRedirects: 0,
    responseType: 'text',
    transformResponse: (data: unknown) => data, // the content type of an answer is not to be trusted
  });
  // The only retries of this client: a read whose kept connection the API closed at that moment.
  axiosRetry(http, {
    retries: 2,
    retryCondition: ({ config, code }) => config?.method === 'get' && (code === 'ECONNRESET' || code === 'EPIPE'),
  });
  return http;
}

function locationOf(address: string): CreateAxiosDefaults {
  const socketPath = /^unix:(?:\/\/)?(.+)$/.exec(address)?.[1];
  return socketPath === undefined
    ? { baseURL: `${address.replace(/\/+$/, '')}/v3` }
    : { baseURL: 'http://localhost/v3', socketPath };
}

function abortable(way: Way, call: Call): Observable<Answer> {
  return new Observable((subscriber) => {
    const abort = new AbortController();
    request(way, call, abort.signal).then(
      (answer) => {
        subscriber.next(answer);
        subscriber.complete();
      },
      (error: unknown) => {
        if (!abort.signal.aborted) subscriber.error(error);
      },
    );
    return () => {
      abort.abort();
    };
  });
}

async function request(way: Way, call: Call, signal?: AbortSignal): Promise<Answer> {
  const { http, address, observe } = way;
  const startedAt = performance.now();
  const where = `${call.method} ${address}/v3${call.path}`;
  try {
    const response = await http.request<string>({
      method: call.method,
      url: call.path,
      params: call.query,
      headers: { ...contentType(call.body), ...call.headers },
      data: call.body,
      ...(signal && { signal }),
    });
    observe?.(call, { status: response.status, text: response.data }, performance.now() - startedAt);
    return { text: response.data, version: versionOf(response.headers), clock: clockOf(response.headers), where };
  } catch (error) {
    if (!isAxiosError(error)) throw error;
    if (signal?.aborted !== true) observe?.(call, endingOf(error), performance.now() - startedAt);
    throw new FailureError(failureOf(error, where, way));
  }
}

function contentType(body: unknown): Record<string, string> {
  if (body === undefined || body instanceof FormData) return {};
  return { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' };
}

function failureOf(error: AxiosError, where: string, { maxBytes, hide }: Way): Failure {
  const { response } = error;
  return response === undefined
    ? unanswered(error, where, maxBytes)
    : refused(response.status, response.data, where, hide);
}

function endingOf({ response, message, code }: AxiosError): Ending {
  if (response === undefined) return { error: message || (code ?? 'no answer') };
  return { status: response.status, text: String(response.data) };
}

export function clockOf(headers: Readonly<Record<string, unknown>>): number {
  return Date.parse(String(headers['date']));
}

export function versionOf(headers: Readonly<Record<string, unknown>>): number {
  return Number.parseInt(String(headers['configuration-version']), 10);
}
