import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A relay between a connector and the Data Plane API, to watch what goes by and to do something at the right moment. */
export interface ApiProxy {
  readonly address: string;
  /** `POST /v3/...` with its query, oldest first. */
  readonly calls: readonly string[];
  /** Calls that have come, whether or not it was their turn yet. */
  readonly arrived: () => number;
  /** Runs before each call is passed on, until it is replaced. */
  readonly before: (hook: (call: string) => Promise<void> | void) => void;
  /** What becomes of calls instead of their answer, until it is replaced: nothing unless it says otherwise. */
  readonly disturb: (fault: (call: string) => Fault | undefined) => void;
  /** Told of each call that was passed on, until it is replaced. */
  readonly after: (hook: (passed: Passed) => void) => void;
  readonly close: () => Promise<void>;
}

export interface Passed {
  readonly call: string;
  /** The API's answer; absent when it ended in the middle. */
  readonly answer?: { readonly status: number; readonly body: string };
  /** Whether the answer was passed back. */
  readonly told: boolean;
}

/** `cut`: never passed on. `lost`: passed on, and its answer cut off. `500`: never passed on, and answered so. */
export type Fault = 'cut' | 'lost' | '500';

/** A call to the running process that changes a server. */
export function isRuntimeCall(call: string): boolean {
  return /^PUT .*\/runtime\/backends\//.test(call);
}

/** A configuration write: the one call after which HAProxy may differ from what was read before. */
export function isRawWrite(call: string): boolean {
  return /^POST .*\/configuration\/raw\?(?!only_validate)/.test(call);
}

interface RelayedAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export async function startApiProxy(target: string): Promise<ApiProxy> {
  const calls: string[] = [];
  let hook: (call: string) => Promise<void> | void = () => undefined;
  let arrived = 0;
  let faultOf: (call: string) => Fault | undefined = () => undefined;
  let after: (passed: Passed) => void = () => undefined;
  /** By connection: the call it is at. Calls of one connection are taken one after the other, as by every server. */
  const turns = new WeakMap<Socket, Promise<unknown>>();
  const server = createServer({ maxHeaderSize: 1024 * 1024 }, (request, response) => {
    const { socket } = request;
    arrived += 1;
    const turn = Promise.resolve(turns.get(socket)).then(() => relay(request));
    turns.set(
      socket,
      turn.catch(() => undefined),
    );
    void turn.then(
      (answer) => {
        response.writeHead(answer?.status ?? 500, answer?.headers);
        response.end(answer?.body);
      },
      () => {
        response.destroy();
      },
    );
  });

  /** Without an answer it is a 500; rejects when the connection is to be cut. */
  async function relay(request: IncomingMessage): Promise<RelayedAnswer | undefined> {
    const { method = '', url = '' } = request;
    const call = `${method} ${url}`;
    const body = await buffer(request);
    calls.push(call);
    await hook(call);
    const fault = faultOf(call);
    if (fault === 'cut') throw new Error('cut');
    if (fault === '500') return undefined;
    const told = fault !== 'lost';
    const answer = await pass(request, body).catch((error: unknown) => {
      after({ call, told });
      throw error;
    });
    after({ call, answer: { status: answer.status, body: answer.body.toString() }, told });
    if (!told) throw new Error('lost');
    return answer;
  }

  async function pass({ method, url = '', headers }: IncomingMessage, body: Buffer): Promise<RelayedAnswer> {
    const passed = httpRequest(target + url, { method, headers, agent: false }).end(body);
    const [answer] = (await once(passed, 'response')) as [IncomingMessage];
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: await buffer(answer) };
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    arrived: () => arrived,
    before: (next) => {
      hook = next;
    },
    disturb: (next) => {
      faultOf = next;
    },
    after: (next) => {
      after = next;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
