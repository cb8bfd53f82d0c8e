import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { recordFacts } from '../../streams/record-facts.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { noticeToLog } from '../log.ts';
import { createNomadClient } from '../nomad/client.ts';
import type { Command } from './command.ts';
import { createHeldLosses } from './held-losses.ts';
import { listenForOperator } from './operator.ts';
import { createLineWriter } from './recording-file.ts';

/**
 * Writes what Nomad says to a new file, as a recording that `replay` reads, until the process is asked to stop. Ghosts are in
 * it where they are looked for, and an operator's word, which this process takes by SIGHUP and `POST /release` as `run` does.
 * Jobs are in it as they are, with whatever secrets their authors wrote into them: only its owner may read the file.
 */
export const record: Command = {
  usage: 'record <file>',
  operands: 1,
  flags: [],
  start: async ({ config, operands: [path = ''], log }, { stderr, stopped, onHangup }) => {
    const held = createHeldLosses();
    const facts = recordFacts(createNomadClient(config.nomad), {
      namespaces: config.nomad.namespaces,
      verifyAllocations: config.nomad.verifyAllocations,
      ...config.tags,
      ...config.guard,
      words: held.words,
    });
    const admin = await listenForOperator(config, held, log);
    const file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
    const closed = finished(file);
    const write = createLineWriter(file);
    const code = await new Promise<ExitCode>((resolve) => {
      const subscription = facts.subscribe({
        next: (said) => {
          if (typeof said === 'string') {
            write(said);
            return;
          }
          held.observe(said);
          const { level, message, fields } = noticeToLog(said);
          log[level](fields, message);
        },
        error: (error: unknown) => {
          log.fatal({ err: error }, 'stopped by a bug');
          resolve(exitCodes.bug);
        },
      });
      const stop = (with_: ExitCode) => {
        subscription.unsubscribe();
        resolve(with_);
      };
      closed.catch((error: unknown) => {
        stderr(`cannot write the recording: ${(error as Error).message}\n`);
        stop(exitCodes.data);
      });
      onHangup(() => {
        log.info({ services: held.release().length }, 'asked by SIGHUP to let held services go');
      });
      void stopped.then(() => {
        stop(exitCodes.ok);
      });
    });
    file.end();
    await Promise.all([closed.catch(() => undefined), admin?.close()]);
    return code;
  },
};
