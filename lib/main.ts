import { parseArgs } from 'node:util';
import type { DestinationStream } from 'pino';
import { check } from './commands/check.ts';
import type { Command, CommandFlags, Surroundings } from './commands/command.ts';
import { explain } from './commands/explain.ts';
import { InputError } from './commands/input.ts';
import { plan } from './commands/plan.ts';
import { record } from './commands/record.ts';
import { replay } from './commands/replay.ts';
import { run } from './commands/run.ts';
import { didYouMean } from './config-errors.ts';
import { configFlags, envOfSecret } from './config-schema.ts';
import { loadConfig, readConfigFile, secretsOf } from './config.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { createLogger } from './log.ts';
import { terminalLine } from './log-terminal.ts';
import { FailureError } from './model/failure.ts';
import { hiding } from './secrets.ts';
import { version } from './version.ts';

const commands: ReadonlyMap<string, Command> = new Map(Object.entries({ run, check, explain, plan, replay, record }));

const usage = `${[...commands.values()]
  .map((command, n) => `${n === 0 ? 'usage:' : '      '} haproxy-nomad-connector ${command.usage}\n`)
  .join('')}every command: [--config <file.json>] [settings]
--help and --version say this and the version, and end
settings: every configuration path but secrets as a flag, for instance --haproxy-frontend www; docs/configuration.md lists them
`;

const flagOptions = {
  'dry-run': { type: 'boolean' },
  json: { type: 'boolean' },
  pace: { type: 'string' },
  base: { type: 'string' },
  until: { type: 'string' },
  service: { type: 'string' },
  step: { type: 'boolean' },
  job: { type: 'string' },
} as const satisfies Record<keyof CommandFlags, object>;

/** Runs one command line to its end. Never rejects: what no command explains is reported as a bug. */
export async function main(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const { stdout, stderr, env } = surroundings;
  const line = parseCommandLine(args);
  if ('help' in line) {
    stdout(usage);
    return exitCodes.ok;
  }
  if ('version' in line) {
    stdout(`${version()}\n`);
    return exitCodes.ok;
  }
  if ('problem' in line) {
    stderr(`${line.problem}\n${usage}`);
    return exitCodes.usage;
  }
  const { command, flags, operands } = line;
  const read = flags.config === undefined ? { file: undefined } : readConfigFile(flags.config);
  const needsHaproxy = command.needsHaproxy?.(flags) ?? false;
  const loaded =
    'errors' in read ? read : loadConfig({ ...(read.file && { file: read.file }), env, flags, needsHaproxy });
  if ('errors' in loaded) {
    for (const { message } of loaded.errors) stderr(`${message}\n`);
    return exitCodes.config;
  }
  const { config } = loaded;
  const log = createLogger({
    level: config.log.level,
    destination: logInto(command === run ? 'stdout' : 'stderr', surroundings),
    hide: hiding(secretsOf(config)),
  });
  try {
    return await command.start({ config, flags, operands, log }, surroundings);
  } catch (error) {
    if (error instanceof FailureError || error instanceof InputError) {
      stderr(`${error.message}\n`);
      return error instanceof InputError ? exitCodes.data : exitCodes.config;
    }
    log.fatal({ err: error }, 'stopped by a bug');
    return exitCodes.bug;
  }
}

/** JSON for programs, readable lines for people; NO_COLOR as https://no-color.org has it. */
function logInto(name: 'stdout' | 'stderr', { terminal, env, ...streams }: Surroundings): DestinationStream {
  const write = streams[name];
  const colors = !env['NO_COLOR'];
  return terminal?.[name] === true
    ? {
        write: (line) => {
          write(terminalLine(line, colors));
        },
      }
    : { write };
}

type Flags = CommandFlags & Readonly<Record<string, unknown>> & { readonly config?: string };

type Line =
  | { readonly help: true }
  | { readonly version: true }
  | { readonly problem: string }
  | { readonly command: Command; readonly flags: Flags; readonly operands: readonly string[] };

/** Reads a command line as far as it can be judged without its configuration. */
export function parseCommandLine(args: readonly string[]): Line {
  const parsed = parseFlags(args);
  if ('problem' in parsed) return parsed;
  const { help, version: asked, ...flags } = parsed.values;
  if (help === true) return { help };
  if (asked === true) return { version: asked };
  const [name = 'run', ...operands] = parsed.positionals;
  const command = commands.get(name);
  if (command === undefined) return { problem: `there is no command ${name}` };
  const problem = refuse(name, command, flags, operands);
  return problem === undefined ? { command, flags, operands } : { problem };
}

function parseFlags(args: readonly string[]) {
  const options = {
    ...configFlags(),
    ...flagOptions,
    config: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const [, name] = /^Unknown option '(-[^']*)'/.exec(message) ?? [];
    if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION' || name === undefined) return { problem: message };
    return { problem: sayUnknown(name, Object.keys(options)) };
  }
}

function sayUnknown(name: string, known: readonly string[]): string {
  const variable = envOfSecret(name.replace(/^-+/, ''));
  if (variable !== undefined) return `there is no flag ${name}: secrets have no flag, use ${variable}`;
  const flags = known.map((one) => `--${one}`);
  return `there is no flag ${name}${didYouMean(name, flags)}`;
}

function refuse(name: string, command: Command, flags: Flags, operands: readonly string[]): string | undefined {
  if (operands.length !== command.operands) {
    return `${name} takes ${command.operands === 0 ? 'no operand' : 'one operand'}, not ${operands.length}`;
  }
  const strange = Object.keys(flagOptions).find((flag) => flag in flags && !command.flags.some((one) => one === flag));
  return strange === undefined ? command.refuse?.(flags) : `${name} has no flag --${strange}`;
}

/** Runs the command line of this process, which ends when it has ended, or when nobody reads any more what it says. */
export async function runProcess(): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => {
        resolve();
      });
    for (const stream of [process.stdout, process.stderr])
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error;
        process.exitCode = exitCodes.unread;
        resolve();
      });
  });
  const code = await main(process.argv.slice(2), {
    env: process.env,
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    terminal: { stdout: process.stdout.isTTY, stderr: process.stderr.isTTY },
    stopped,
    onHangup: (act) => process.on('SIGHUP', act),
    stdin: () => process.stdin,
  });
  process.exitCode ??= code;
}

if (import.meta.main) await runProcess();
