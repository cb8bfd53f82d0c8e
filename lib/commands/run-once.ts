import type { Logger } from 'pino';
import type { Observable } from 'rxjs';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { FailureError } from '../model/failure.ts';
import type { Surroundings } from './command.ts';

/**
 * The end of a command that ends by itself: the exit code that is made of what `work` emits, 1 where it fails or where the
 * process is asked to stop before. A failure is told on stderr, anything else is a bug.
 */
export function runOnce<T>(
  work: Observable<T>,
  conclude: (result: T) => ExitCode,
  log: Logger,
  { stderr, stopped }: Pick<Surroundings, 'stderr' | 'stopped'>,
): Promise<ExitCode> {
  return new Promise((resolve) => {
    const subscription = work.subscribe({
      next: (result) => {
        resolve(conclude(result));
      },
      error: (error: unknown) => {
        if (error instanceof FailureError) stderr(`${error.message}\n`);
        else log.fatal({ err: error }, 'stopped by a bug');
        resolve(exitCodes.failed);
      },
    });
    void stopped.then(() => {
      subscription.unsubscribe();
      resolve(exitCodes.failed);
    });
  });
}
