import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Surroundings } from '../../lib/commands/command.ts';
import type { KeyInput } from '../../lib/commands/keys.ts';
import type { ExitCode } from '../../lib/exit-codes.ts';
import { main } from '../../lib/main.ts';
import { until } from './nomad-server.ts';

/** A line of the log, as pino writes it. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A command line that runs within this process. */
export interface CommandRun {
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** What it has logged, wherever the log goes. */
  readonly log: () => readonly LogLine[];
  /** The first line with this message, once it is there. */
  readonly logged: (msg: string, withinMs?: number) => Promise<LogLine>;
  /** As SIGTERM does. */
  readonly stop: () => void;
  /** As SIGHUP does. */
  readonly hangUp: () => void;
  readonly code: Promise<ExitCode>;
}

type Env = Readonly<Record<string, string>>;

/** What a person sits at; nobody does if not given. */
interface Seat {
  /** Where keys are pressed. */
  readonly stdin?: KeyInput;
  readonly terminal?: Surroundings['terminal'];
}

export function startCommand(
  args: readonly string[],
  env: Env = {},
  { stdin = new PassThrough(), terminal = { stdout: false, stderr: false } }: Seat = {},
): CommandRun {
  let out = '';
  let err = '';
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let hangUp: () => void = () => undefined;
  const log = () => [...linesOf(out), ...linesOf(err)].filter((line) => line.startsWith('{"level":')).map(toLogLine);
  const code = main(args, {
    env,
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    terminal,
    stopped,
    onHangup: (act) => {
      hangUp = act;
    },
    stdin: () => stdin,
  });
  return {
    stdout: () => out,
    stderr: () => err,
    log,
    async logged(msg, withinMs = 5000) {
      await until(() => log().some((line) => line.msg === msg), withinMs);
      return log().find((line) => line.msg === msg)!;
    },
    stop,
    hangUp: () => {
      hangUp();
    },
    code,
  };
}

/** Runs a command that ends by itself. */
export async function runCommand(args: readonly string[], env: Env = {}) {
  const { stdout, stderr, code } = startCommand(args, env);
  return { code: await code, stdout: stdout(), stderr: stderr() };
}

export function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

function toLogLine(line: string): LogLine {
  return JSON.parse(line) as LogLine;
}

/** A directory for the files of one spec. */
export function createScratch() {
  const path = mkdtempSync(join(tmpdir(), 'connector-'));
  return {
    path: (name: string) => join(path, name),
    write(name: string, text: string): string {
      writeFileSync(join(path, name), text);
      return join(path, name);
    },
    remove: () => {
      rmSync(path, { recursive: true });
    },
  };
}
