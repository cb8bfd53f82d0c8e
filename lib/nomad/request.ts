import type { IncomingMessage } from 'node:http';
import { concatMap, map, Observable, of, timer } from 'rxjs';
import { malformedFailure, requestFailure, statusFailure, type Ask } from './failures.ts';
import type { Open } from './transport.ts';

/** A value, and Nomad's index at which it was read. */
export interface Indexed<T> {
  readonly index: number;
  readonly value: T;
}

/** A value, and the server's clock as it answered: ms since 1970, NaN where the answer does not tell. */
export interface Dated<T> {
  readonly clock: number;
  readonly value: T;
}

export interface Request extends Ask {
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Limits {
  /** Ms without a byte, the time to connect included. */
  readonly silenceMs: number;
  /** Of an answer's body. */
  readonly bytes: number;
}

/** What became of a request: an answer of any status, or none. */
type Outcome = Answer | Broken;
interface Answer {
  readonly status: number;
  readonly index: string | string[] | undefined;
  readonly date: string | undefined;
  readonly text: string;
}
type Broken = NodeJS.ErrnoException;

const retryMs = 100;
const maxErrorBytes = 1024;

/**
 * One GET per subscription, its answer parsed as JSON; unsubscribing aborts it. Errors with a FailureError. Here is the
 * one layer of retries: a pooled connection may be closed under our feet, a server may be starting, so it is tried twice.
 */
export function requestJson(open: Open, request: Request, limits: Limits): Observable<Indexed<unknown>> {
  return ask(open, request, limits).pipe(map((answer) => read(answer, request)));
}

/** The same for answers that have no index, such as an agent's. */
export function requestDated(open: Open, request: Request, limits: Limits): Observable<Dated<unknown>> {
  return ask(open, request, limits).pipe(
    map(({ date = '', text }) => ({ clock: Date.parse(date), value: parseJson(text, request) })),
  );
}

function ask(open: Open, request: Request, limits: Limits): Observable<Answer> {
  const attempt = exchange(open, request, limits);
  return attempt.pipe(
    concatMap((outcome) => (isWorthAnotherTry(outcome) ? timer(retryMs).pipe(concatMap(() => attempt)) : of(outcome))),
    map((outcome) => answerOf(outcome, request)),
  );
}

function isWorthAnotherTry(outcome: Outcome): boolean {
  if (outcome instanceof Error) return ['ECONNRESET', 'EPIPE', 'ECONNREFUSED'].includes(outcome.code ?? '');
  return outcome.status >= 500;
}

/** One attempt; it does not error. */
function exchange(open: Open, { url, headers }: Request, { silenceMs, bytes }: Limits): Observable<Outcome> {
  return new Observable((subscriber) => {
    const sent = open(url, { headers, timeout: silenceMs });

    function conclude(outcome: Outcome): void {
      subscriber.next(outcome);
      subscriber.complete();
    }

    function collect(answer: IncomingMessage): void {
      const chunks: Buffer[] = [];
      let length = 0;
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > bytes) conclude(withCode(`the answer has more than ${bytes} bytes`, 'ERR_BAD_RESPONSE'));
      });
      answer.on('error', conclude);
      answer.on('end', () => {
        const { statusCode = 0, headers: said } = answer;
        const text = Buffer.concat(chunks).toString();
        conclude({ status: statusCode, index: said['x-nomad-index'], date: said.date, text });
      });
    }

    sent.on('response', collect);
    sent.on('timeout', () => {
      conclude(withCode(`nothing came for ${silenceMs} ms`, 'ETIMEDOUT'));
    });
    sent.on('error', conclude);
    sent.end();
    // One that is through is left alone by Node: its connection may serve another request by now.
    return () => {
      sent.destroy();
    };
  });
}

function withCode(message: string, code: string): Broken {
  return Object.assign(new Error(message), { code });
}

function answerOf(outcome: Outcome, ask: Ask): Answer {
  if (outcome instanceof Error) throw requestFailure(outcome, ask);
  const { status, text } = outcome;
  if (status < 200 || status >= 300) throw statusFailure(status, text, ask);
  return outcome;
}

function read({ index, text }: Answer, ask: Ask): Indexed<unknown> {
  if (typeof index !== 'string' || !/^\d+$/.test(index)) throw malformedFailure('the answer has no X-Nomad-Index', ask);
  return { index: Number(index), value: parseJson(text, ask) };
}

/** V8's own message quotes the text, which may repeat what was sent. */
function parseJson(text: string, ask: Ask): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformedFailure(`the answer is not JSON but ${text.length} characters of something else`, ask);
  }
}

/**
 * The bytes of one GET's answer as they come; completes at its end, errors with a FailureError when it is not 200 or
 * breaks off. Unsubscribing closes the connection. Has no limit of its own, and no second try.
 */
export function requestBytes(open: Open, { url, headers, ...ask }: Request): Observable<Uint8Array> {
  return new Observable((subscriber) => {
    // Nomad 1.11.2 says `HTTP/0.0`.
    const sent = open(url, { headers, insecureHTTPParser: true });

    function fail(error: Broken): void {
      subscriber.error(requestFailure(error, ask));
    }

    function pass(body: IncomingMessage): void {
      body.on('data', (chunk: Buffer) => {
        subscriber.next(chunk);
      });
      body.on('end', () => {
        subscriber.complete();
      });
    }

    function refuse(status: number, body: IncomingMessage): void {
      let said = '';
      body.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(0, maxErrorBytes);
      });
      body.on('end', () => {
        subscriber.error(statusFailure(status, said, ask));
      });
    }

    sent.on('response', (answer) => {
      answer.on('error', fail);
      if (answer.statusCode === 200) pass(answer);
      else refuse(answer.statusCode ?? 0, answer);
    });
    sent.on('error', fail);
    sent.end();
    return () => {
      sent.destroy();
    };
  });
}
