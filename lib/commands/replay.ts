import { asyncScheduler, VirtualTimeScheduler } from 'rxjs';
import { isOfRun, parseRecording, recordedLines, type RecordedLine } from '../../streams/recorded-events.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { FailureError } from '../model/failure.ts';
import type { Command, CommandFlags } from './command.ts';
import { InputError, readInput } from './input.ts';
import { openKeys } from './keys.ts';
import { jsonOutput, timelineOutput } from './replay-output.ts';
import { createReplay } from './replay-pipeline.ts';
import { concernOf, type Concern } from './replay-service.ts';
import { playInSteps } from './replay-step.ts';
import { cutRecording, parseUntil } from './replay-until.ts';
import { debugTap } from './settings.ts';

/**
 * Runs a recording through the pipeline into the in-memory twin and shows what is done to HAProxy. At `--pace max` time
 * is virtual: the same recording gives the same bytes on every machine. What `run` recorded ends with its last line, for all
 * that time brought until then is in it; any other goes on until nothing is left to do, unless `--until` says where.
 */
export const replay: Command = {
  usage:
    'replay <recording> --dry-run [--pace max|<n>x] [--base <haproxy.cfg>] [--until <ms>|index:<n>]\n' +
    '                                      [--service [<namespace>/]<name>] [--json | --step]',
  operands: 1,
  flags: ['dry-run', 'pace', 'base', 'json', 'until', 'service', 'step'],
  refuse,
  start: async ({ config, flags, operands: [file = ''], log }, { env, stdout, stderr, stopped, stdin }) => {
    const { lines, endMs } = readRecording(file, flags.until);
    const concern = readConcern(file, flags.service, lines);
    const keys = flags.step ? openKeys(stdin()) : undefined;
    if (flags.step && keys === undefined) {
      stderr('--step waits for keys, and the standard input is no terminal\n');
      return exitCodes.usage;
    }
    const pace = keys === undefined ? (parsePace(flags.pace) ?? 1) : 'max';
    const virtual = pace === 'max' ? new VirtualTimeScheduler() : undefined;
    const scheduler = virtual ?? asyncScheduler;
    const startedAt = scheduler.now();
    const replaying = createReplay({
      ...{ given: config, base: flags.base, lines, endMs, concern, pace, scheduler },
      output: flags.json ? jsonOutput(stdout) : timelineOutput(stdout, () => scheduler.now() - startedAt),
      debug: debugTap(env['DEBUG_TAP'], log),
    });

    if (keys !== undefined && virtual !== undefined) {
      return playInSteps({ lines, endMs, concern, replaying, scheduler: virtual, keys, stopped, stdout }).finally(
        keys.close,
      );
    }
    return new Promise<ExitCode>((resolve) => {
      const subscription = replaying.notices(recordedLines(lines, pace, scheduler)).subscribe({
        error: (error: unknown) => {
          log.fatal({ err: error }, 'stopped by a bug');
          resolve(exitCodes.bug);
        },
        complete: () => {
          replaying.end();
          resolve(exitCodes.ok);
        },
      });
      void stopped.then(() => {
        subscription.unsubscribe();
        resolve(exitCodes.ok);
      });
      virtual?.flush();
    });
  },
};

function refuse(flags: CommandFlags): string | undefined {
  if (flags['dry-run'] !== true) return 'replay is for dry runs only: add --dry-run';
  if (parsePace(flags.pace) === undefined) return `--pace ${flags.pace ?? ''}: give max, or a factor such as 10x`;
  if (flags.until !== undefined && parseUntil(flags.until) === undefined)
    return `--until ${flags.until}: give ms, or Nomad's index such as index:812`;
  if (flags.step && (flags.json || flags.pace !== undefined)) return '--step goes with neither --json nor --pace';
  return undefined;
}

function parsePace(text = '1x'): 'max' | number | undefined {
  if (text === 'max') return 'max';
  const [, factor] = /^(\d+(?:\.\d+)?)x$/.exec(text) ?? [];
  return Number(factor) > 0 ? Number(factor) : undefined;
}

/** `endMs` is counted from the first line; absent where the recording says nothing of an end. */
function readRecording(path: string, given: string | undefined) {
  try {
    const lines = parseRecording(readInput(path));
    const until = given === undefined ? undefined : parseUntil(given);
    if (until !== undefined) return cutRecording(lines, until);
    const startedAt = lines[0]?.t ?? 0;
    const lastMs = lines.reduce((last, { t }) => Math.max(last, t - startedAt), 0);
    return { lines, endMs: isOfRun(lines) ? lastMs : undefined };
  } catch (error) {
    if (error instanceof FailureError) throw new InputError(`${path}: ${error.message}`);
    throw error;
  }
}

function readConcern(path: string, service: string | undefined, lines: readonly RecordedLine[]): Concern | undefined {
  if (service === undefined) return undefined;
  const concern = concernOf(service, lines);
  if (concern === undefined) throw new InputError(`${path}: there is nothing of a service ${service} in it`);
  return concern;
}
