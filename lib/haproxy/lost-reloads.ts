import { catchError, defer, map, switchMap, tap, type Observable } from 'rxjs';
import { FailureError } from '../model/failure.ts';
import { ask } from './ask.ts';
import type { DataplaneClient, RawConfiguration, RawWrite } from './client.ts';
import { lostLines } from './config-text.ts';
import type { Generation } from './watch.ts';

/** Reloads whose answer was lost, so that they can be told of once it is known that they have happened. */
export interface LostReloads {
  readonly postRaw: DataplaneClient['postRaw'];
  /** One is being waited for. */
  readonly any: () => boolean;
  /** Emits true when HAProxy was reloaded by the write that had no answer. `file`: as it is now. */
  readonly found: (file: RawConfiguration) => Promise<boolean>;
}

interface Lost {
  readonly write: RawConfiguration;
  /** The process before it. */
  readonly pid: number;
}

/**
 * The API writes the file and has it loaded before it answers. Whether both happened is seen by the file, which says what
 * was written, and by the process, which is another one. Until then a new process is not taken for somebody else's doing.
 */
export function createLostReloads(client: DataplaneClient, generation: Generation): LostReloads {
  let lost: Lost | undefined;

  function force(write: RawWrite): Observable<RawConfiguration> {
    return runningPid().pipe(
      switchMap((pid) =>
        client.postRaw(write).pipe(
          tap(() => {
            lost = undefined;
            generation.outdated = pid;
          }),
          catchError((error: unknown) => {
            if (error instanceof FailureError && ['unreachable', 'malformed'].includes(error.failure.kind)) {
              lost = { write, pid };
              generation.pid = undefined;
            }
            throw error;
          }),
        ),
      ),
    );
  }

  /** As last seen, a second ago at most; asked for where that is not known. */
  function runningPid(): Observable<number> {
    return defer(() =>
      generation.pid === undefined ? client.getRuntimeInfo().pipe(map(({ pid }) => pid)) : [generation.pid],
    );
  }

  return {
    postRaw: (write) => (write.reload === 'force' ? force(write) : client.postRaw(write)),
    any: () => lost !== undefined,
    found: async (file) => {
      if (lost === undefined || file.version === lost.write.version) return false;
      const { pid } = await ask(client.getRuntimeInfo());
      const isWritten = lostLines(lost.write.text, file.text).length === 0;
      if (isWritten && pid === lost.pid) return false;
      lost = undefined;
      return isWritten;
    },
  };
}
