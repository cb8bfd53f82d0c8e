import { catchError, defer, exhaustMap, from, mergeMap, of, tap, timer, type Observable } from 'rxjs';
import { FailureError } from '../model/failure.ts';
import type { Notice } from '../model/notice.ts';
import type { DataplaneClient, RuntimeInfo } from './client.ts';
import { useMaster } from './client-failures.ts';
import type { Versions } from './versions.ts';

/** What the writer knows of its own doing, so that it is not taken for somebody else's. */
export interface Generation {
  /** Moves when a turn of the writer begins and when it ends. */
  writes: number;
  writing: boolean;
  /** Of HAProxy and the API, as last greeted. */
  versions?: Versions;
  /** Nobody answered when HAProxy was last asked for. */
  lost?: boolean;
  /** The process after the last reload of ours, or as last seen. */
  pid?: number | undefined;
  /** The configuration version after the last read or write of ours, or as last seen; unset when a write of ours failed. */
  version?: number | undefined;
  /** The process that a reload of ours has to replace; unset once another one was seen. */
  outdated?: number | undefined;
  /** The API calls reloads a success that leave the process as it is. */
  reloadsNothing?: boolean;
  /** The file after the last read or write of ours; unset where a change of it is known already. */
  text?: string | undefined;
}

const everyMs = 1000;
/** How often the process may be seen as it was after a reload: a command may return before HAProxy has loaded all. */
const patience = 5;

const notLoaded =
  'HAProxy has not loaded what was written: the Data Plane API calls its reload a success, but the process is the one from before';

function isOther(one: Versions | undefined, other: Versions): boolean {
  return one !== undefined && (one.haproxy !== other.haproxy || one.dataplane !== other.dataplane);
}

/**
 * Looks once a second, by one request, whether HAProxy is there, and whether it is the process and the configuration
 * version that our own writes left; calls `forget` when it is not. Nothing is judged while a write is under way. A reload
 * that brings no other process is told of once, until one does.
 */
export function watchHaproxy(client: DataplaneClient, generation: Generation, forget: () => void): Observable<Notice> {
  return defer(() => {
    let connected: boolean | undefined;
    let outdated: number | undefined;
    let seen = 0;

    function look(): Observable<Notice> {
      const before = generation.writes;
      return client.getRuntimeInfo().pipe(
        tap(() => {
          generation.lost = false;
        }),
        mergeMap((info) => (connected ? from([...judge(info, before), ...prove(info)]) : greet(info))),
        catchError((error: unknown) => {
          if (!(error instanceof FailureError)) throw error;
          const wasLost = connected === false;
          connected = false;
          generation.lost = true;
          return wasLost ? [] : of<Notice>({ kind: 'haproxy-lost', failure: error.failure });
        }),
      );
    }

    function greet(info: RuntimeInfo): Observable<Notice> {
      return client.getInfo().pipe(
        mergeMap(({ dataplane }) => {
          const found = { haproxy: info.haproxyVersion, dataplane };
          // Another one may have come back than went.
          if (isOther(generation.versions, found)) forget();
          generation.versions = found;
          connected = true;
          const greeting: Notice = { kind: 'haproxy-connected', haproxy: info.haproxyVersion, dataplane };
          return from([greeting, ...judge(info, generation.writes)]);
        }),
      );
    }

    function judge(info: RuntimeInfo, before: number): readonly Notice[] {
      if (generation.writing || generation.writes !== before) return [];
      const { pid, version } = generation;
      const what =
        pid !== undefined && pid !== info.pid
          ? 'HAProxy was reloaded or restarted'
          : version !== undefined && version !== info.configurationVersion
            ? 'the configuration was changed'
            : undefined;
      generation.pid = info.pid;
      generation.version = info.configurationVersion;
      if (what === undefined) return [];
      generation.text = undefined;
      forget();
      return [{ kind: 'haproxy-moved', what }];
    }

    function prove({ pid }: RuntimeInfo): readonly Notice[] {
      if (generation.outdated !== pid) {
        generation.outdated = undefined;
        generation.reloadsNothing = false;
        return [];
      }
      seen = outdated === pid ? seen + 1 : 1;
      outdated = pid;
      if (seen < patience || generation.reloadsNothing) return [];
      generation.reloadsNothing = true;
      return [{ kind: 'haproxy-warning', text: notLoaded, hint: useMaster }];
    }

    return timer(0, everyMs).pipe(exhaustMap(look));
  });
}
