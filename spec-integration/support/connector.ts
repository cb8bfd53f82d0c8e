import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { main } from '../../lib/main.ts';
import { eventually } from './eventually.ts';

export type Env = Readonly<Record<string, string>>;
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

/** A connector that runs as `npm start` would. */
export interface Connector {
  /** Its log, a line each, oldest first. */
  readonly log: readonly LogLine[];
  /** What it wrote besides. */
  readonly words: () => string;
  /** Resolves to the first line with this message, and these fields, once it has been logged. */
  readonly logged: (message: string, fields?: Readonly<Record<string, unknown>>) => Promise<LogLine>;
  /** How often a message was logged. */
  readonly count: (message: string, fields?: Readonly<Record<string, unknown>>) => number;
  readonly ready: () => Promise<{ readonly status: number; readonly body: string }>;
  /** Asks it to stop as SIGTERM does; resolves to its exit code. */
  readonly stop: () => Promise<number>;
  readonly exited: Promise<number>;
}

/** A connector that can be ended without mercy. */
export interface SpawnedConnector extends Connector {
  readonly kill: () => Promise<unknown>;
  /** SIGHUP. */
  readonly hangUp: () => void;
  /** SIGUSR2, which ends it unless something was preloaded that listens. */
  readonly ask: () => void;
}

/** Starts one in this process; `flags` are those of `run`. */
export function startConnector(env: Env, flags: readonly string[] = []): Connector {
  const output = createOutput();
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const exited = main(['run', ...flags], {
    env,
    stdout: output.write,
    stderr: output.write,
    stopped,
    onHangup: () => undefined,
    stdin: () => process.stdin,
  });
  return connectorOf(output, exited, stop);
}

/** Starts one in a process of its own, which is stopped by a true SIGTERM. */
export function spawnConnector(env: Env): SpawnedConnector {
  const output = createOutput();
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../lib/main.ts', import.meta.url)), 'run'], { env });
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', output.write);
  const exited = once(child, 'exit').then(([code]) => code as number);
  return {
    ...connectorOf(output, exited, () => child.kill('SIGTERM')),
    hangUp: () => {
      child.kill('SIGHUP');
    },
    ask: () => {
      child.kill('SIGUSR2');
    },
    kill: () => {
      child.kill('SIGKILL');
      return exited;
    },
  };
}

type Output = ReturnType<typeof createOutput>;

function createOutput() {
  const log: LogLine[] = [];
  const words: string[] = [];
  let partial = '';
  return {
    log,
    words,
    write: (text: string) => {
      const lines = (partial + text).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith('{')) log.push(JSON.parse(line) as LogLine);
        else words.push(line);
      }
    },
  };
}

function connectorOf({ log, words }: Output, exited: Promise<number>, stop: () => void): Connector {
  function matching(message: string, fields: Readonly<Record<string, unknown>>): readonly LogLine[] {
    const agrees = (line: LogLine) =>
      Object.entries(fields).every(([key, value]) => JSON.stringify(line[key]) === JSON.stringify(value));
    return log.filter((line) => line.msg === message && agrees(line));
  }

  async function logged(message: string, fields: Readonly<Record<string, unknown>> = {}): Promise<LogLine> {
    await eventually(() => {
      if (matching(message, fields).length > 0) return;
      throw new Error(`not logged: ${message} ${JSON.stringify(fields)}; last: ${JSON.stringify(log.at(-1))}`);
    });
    return matching(message, fields)[0]!;
  }

  return {
    log,
    words: () => words.join('\n'),
    logged,
    count: (message, fields = {}) => matching(message, fields).length,
    ready: async () => {
      const { port } = await logged('serving health, readiness and metrics');
      const answer = await fetch(`http://127.0.0.1:${String(port)}/ready`);
      return { status: answer.status, body: await answer.text() };
    },
    exited,
    stop: () => {
      stop();
      return exited;
    },
  };
}
