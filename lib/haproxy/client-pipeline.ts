import { Observable } from 'rxjs';
import { Client } from 'undici';
import { FailureError } from '../model/failure.ts';
import { basicSecrets, hiding } from '../secrets.ts';
import { refused, unanswered } from './client-failures.ts';
import { clockOf, defaultMaxBytes, defaultTimeoutMs, maxIdleMs, versionOf } from './client-http.ts';
import type { Answer, Call, DataplaneSettings, Send } from './client-http.ts';
import type { ObserveCall } from './exchanges.ts';

/** Calls without an answer that the API is sent at most; others wait here. */
const depth = 32;

/**
 * Sends idempotent calls on one connection, none waiting for the answers to those before it. The API takes them one by
 * one in the order of subscription, because calls that change something may not overtake each other (RFC 9112, 9.3.2). One
 * that is refused does not stop those behind it; when the connection breaks, all without an answer fail, and none is sent
 * twice. Unsubscribing aborts a GET that is alone on its way, so that an API that hangs does not keep the process; it
 * stops nothing else.
 *
 * Each emits one answer, then completes; errors with a FailureError.
 */
export function createPipeline(settings: DataplaneSettings, observe?: ObserveCall): Send {
  const { address, username, password, maxAnswerBytes = defaultMaxBytes } = settings;
  const { basePath } = locationOf(address);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const hide = hiding(basicSecrets(username, password));
  let connection = connect(settings);
  let underWay = 0;

  async function request(call: Call): Promise<Answer> {
    const { method, path, body } = call;
    const startedAt = performance.now();
    const where = `${method} ${address.replace(/\/+$/, '')}/v3${path}`;
    const used = connection;
    const answer = await used
      .request({
        method,
        path: `${basePath}/v3${path}`,
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        idempotent: true, // both or the next one would wait
        blocking: false,
      })
      .then(async ({ statusCode, headers, body: content }) => ({ statusCode, headers, text: await content.text() }))
      .catch((error: unknown) => {
        abandon(used, error as Error);
        observe?.(call, { error: (error as Error).message }, performance.now() - startedAt);
        throw new FailureError(unanswered(error as Error, where, maxAnswerBytes));
      });
    const { statusCode, headers, text } = answer;
    observe?.(call, { status: statusCode, text }, performance.now() - startedAt);
    if (statusCode >= 300) throw new FailureError(refused(statusCode, text, where, hide));
    return { text, version: versionOf(headers), clock: clockOf(headers), where };
  }

  /** What went on to a new connection by itself would be a second call without the first. All fail for the same reason. */
  function abandon(broken: Client, reason: Error | null = null): void {
    if (connection !== broken) return;
    connection = connect(settings);
    void broken.destroy(reason);
  }

  return (call) =>
    new Observable((subscriber) => {
      const used = connection;
      let answered = false;
      underWay += 1;
      request(call)
        .finally(() => {
          answered = true;
          underWay -= 1;
        })
        .then(
          (answer) => {
            subscriber.next(answer);
            subscriber.complete();
          },
          (error: unknown) => {
            subscriber.error(error);
          },
        );
      return () => {
        if (call.method === 'GET' && !answered && underWay === 1) abandon(used);
      };
    });
}

function connect({ address, timeoutMs = defaultTimeoutMs, maxAnswerBytes }: DataplaneSettings): Client {
  const { origin, socketPath } = locationOf(address);
  return new Client(origin, {
    pipelining: depth,
    allowH2: false, // it has no order
    keepAliveTimeout: maxIdleMs,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connectTimeout: timeoutMs,
    maxResponseSize: maxAnswerBytes ?? defaultMaxBytes,
    ...(socketPath !== undefined && { socketPath }),
  });
}

interface Location {
  readonly origin: string;
  /** Before `/v3`; no slash at its end. */
  readonly basePath: string;
  readonly socketPath?: string;
}

function locationOf(address: string): Location {
  const socketPath = /^unix:(?:\/\/)?(.+)$/.exec(address)?.[1];
  if (socketPath !== undefined) return { origin: 'http://localhost', basePath: '', socketPath };
  const { origin, pathname } = new URL(address);
  return { origin, basePath: pathname.replace(/\/+$/, '') };
}
