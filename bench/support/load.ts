import { Agent, request } from 'node:http';
import { clockMs } from './clock.ts';
import { quantile } from './samples.ts';
import { serveCalls, startWorker, type Worker } from './worker.ts';

/** Requests at a fixed rate through connections that are kept alive, whether or not answers come (an open loop). */
export type Load = Worker<typeof calls>;

export function startLoad(): Load {
  return startWorker<typeof calls>(new URL(import.meta.url));
}

export interface LoadReport {
  readonly sent: number;
  /** Answered by anything but 200, or not at all. */
  readonly failed: number;
  /** Why, by how often. */
  readonly failures: Readonly<Record<string, number>>;
  /** Answers by their body. */
  readonly bodies: Readonly<Record<string, number>>;
  /** When a body was seen first, by the machine's clock. */
  readonly firstSeen: Readonly<Record<string, number>>;
  /** The first that failed: whose, why, and when they were sent, by the machine's clock. */
  readonly firstFailures: readonly FailedRequest[];
  /** Ms. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface FailedRequest {
  readonly host: string;
  readonly why: string;
  readonly at: number;
}

export interface LoadOptions {
  /** Requests; then no more. */
  readonly total?: number;
  /** False: each request has a connection of its own, so that after a reload it is the new process that answers. */
  readonly keepAlive?: boolean;
}

const answerWithinMs = 5000;
const maxFirstFailures = 20;

interface Run {
  readonly timer: NodeJS.Timeout;
  /** When it rests, by the machine's clock; requests are due for the time that it did not. */
  restingSince: number | undefined;
  rested: number;
  readonly open: Set<Promise<void>>;
  readonly agent: Agent;
  readonly failures: Record<string, number>;
  readonly bodies: Record<string, number>;
  readonly firstSeen: Record<string, number>;
  readonly firstFailures: FailedRequest[];
  readonly times: number[];
  sent: number;
  failed: number;
}

let run: Run | undefined;

const calls = {
  /** To `address` (`host:port`) with these host names in turn, so many a second. */
  start(
    address: string,
    hosts: readonly string[],
    perSecond: number,
    { total = Infinity, keepAlive = true }: LoadOptions = {},
  ): void {
    const startedAt = clockMs();
    const timer = setInterval(() => {
      if (current.restingSince !== undefined) return;
      const due = Math.min(total, Math.floor(((clockMs() - startedAt - current.rested) * perSecond) / 1000));
      while (current.sent < due) send(current, address, hosts[current.sent % hosts.length]!);
    }, 1);
    const current: Run = {
      timer,
      restingSince: undefined,
      rested: 0,
      open: new Set(),
      agent: new Agent({ keepAlive }),
      failures: {},
      bodies: {},
      firstSeen: {},
      firstFailures: [],
      times: [],
      sent: 0,
      failed: 0,
    };
    run = current;
  },

  /** Resolves when all that were sent have been answered. */
  async rest(): Promise<void> {
    run!.restingSince = clockMs();
    await Promise.all(run!.open);
  },

  goOn(): void {
    run!.rested += clockMs() - run!.restingSince!;
    run!.restingSince = undefined;
  },

  sent(): number {
    return run?.sent ?? 0;
  },

  failed(): number {
    return run?.failed ?? 0;
  },

  firstSeen(body: string): number | undefined {
    return run?.firstSeen[body];
  },

  async stop(): Promise<LoadReport> {
    const { timer, open, agent, sent, failures, bodies, firstSeen, firstFailures, times } = run!;
    clearInterval(timer);
    await Promise.all(open);
    agent.destroy();
    return {
      sent,
      failed: run!.failed,
      failures,
      bodies,
      firstSeen,
      firstFailures,
      p50: quantile(times, 0.5),
      p99: quantile(times, 0.99),
      max: quantile(times, 1),
    };
  },
};

function send(current: Run, address: string, host: string): void {
  current.sent += 1;
  const sentAt = clockMs();
  const failed = (why: string) => {
    fail(current, { host, why, at: sentAt });
  };
  const done = ask(current.agent, address, host).then(
    ({ status, body }) => {
      current.times.push(clockMs() - sentAt);
      if (status === 200) {
        current.bodies[body] = (current.bodies[body] ?? 0) + 1;
        current.firstSeen[body] ??= clockMs();
      } else failed(String(status));
    },
    (error: unknown) => {
      failed((error as NodeJS.ErrnoException).code ?? (error as Error).message);
    },
  );
  current.open.add(done);
  void done.finally(() => current.open.delete(done));
}

function fail(current: Run, request: FailedRequest): void {
  current.failed += 1;
  current.failures[request.why] = (current.failures[request.why] ?? 0) + 1;
  if (current.firstFailures.length < maxFirstFailures) current.firstFailures.push(request);
}

function ask(agent: Agent, address: string, host: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(`http://${address}/`, { agent, headers: { host } }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => (body += part));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body });
      });
      response.on('error', reject);
    });
    sent.setTimeout(answerWithinMs, () => sent.destroy(new Error(`no answer in ${answerWithinMs} ms`)));
    sent.on('error', reject).end();
  });
}

if (import.meta.main) serveCalls(calls);
