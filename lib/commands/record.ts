import { recordFacts } from '../../streams/record-facts.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { noticeToLog } from '../log.ts';
import { createNomadClient } from '../nomad/client.ts';
import type { Command } from './command.ts';
import { createHeldLosses } from './held-losses.ts';
import { listenForOperator } from './operator.ts';
import { createRecordingFile, type RecordingFile } from './recording-file.ts';

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
    const cannotWrite = (error: unknown) => {
      stderr(`cannot write the recording: ${(error as Error).message}\n`);
      return exitCodes.data;
    };
    let file: RecordingFile;
    try {
      file = createRecordingFile(path);
    } catch (error) {
      return cannotWrite(error);
    }
    const held = createHeldLosses();
    const facts = recordFacts(createNomadClient(config.nomad), {
      namespaces: config.nomad.namespaces,
      verifyAllocations: config.nomad.verifyAllocations,
      ...config.tags,
      ...config.guard,
      words: held.words,
    });
    const admin = await listenForOperator(config, held, log);
    const code = await new Promise<ExitCode>((resolve) => {
      const subscription = facts.subscribe({
        next: (said) => {
          if (typeof said === 'string') {
            file.write(said);
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
      file.closed.catch((error: unknown) => {
        stop(cannotWrite(error));
      });
      onHangup(() => {
        log.info({ services: held.release().length }, 'asked by SIGHUP to let held services go');
      });
      void stopped.then(() => {
        stop(exitCodes.ok);
      });
    });
    file.end();
    await Promise.all([file.closed.catch(() => undefined), admin?.close()]);
    return code;
  },
};
