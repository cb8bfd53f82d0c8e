import { map, type Observable } from 'rxjs';
import type { Send } from './client-http.ts';
import { parseAnswer, processShape, reloadsShape, type WireReload } from './client-shapes.ts';

/** What an operator asks, and the pipeline does not. */
export interface ReportCalls {
  /** The running process, and by which socket the API talks to it. Absent fields: HAProxy does not answer. */
  readonly getProcess: () => Observable<ProcessReport>;
  /**
   * Reloads that nobody forced: those that failed within a day, and the last that did not, of the API's own life. Forced
   * ones, such as ours, are not among them.
   */
  readonly listReloads: () => Observable<readonly ReloadReport[]>;
}

export interface ProcessReport {
  /** The API's clock, ms since 1970. */
  readonly clock: number;
  /** The master's, or one of those that the configuration binds by `stats socket`. */
  readonly socket?: string;
  readonly uptimeSec?: number;
}

export interface ReloadReport {
  readonly id: string;
  readonly status: 'failed' | 'in_progress' | 'succeeded';
  /** Ms since 1970 by the API's clock, to the second; absent while it is in progress. */
  readonly at?: number;
  /** The words of HAProxy's master, or of the command; empty where there were none. */
  readonly words: string;
}

export function createReportCalls(send: Send): ReportCalls {
  return {
    getProcess: () =>
      send({ method: 'GET', path: '/services/haproxy/runtime/info' }).pipe(
        map((answer) => {
          const { runtimeAPI, info } = parseAnswer(answer, processShape);
          return {
            clock: answer.clock,
            ...(runtimeAPI !== undefined && { socket: runtimeAPI }),
            ...(info?.uptime !== undefined && { uptimeSec: info.uptime }),
          };
        }),
      ),
    listReloads: () =>
      send({ method: 'GET', path: '/services/haproxy/reloads' }).pipe(
        map((answer) => parseAnswer(answer, reloadsShape).map(toReload)),
      ),
  };
}

function toReload({ id, status, reload_timestamp: seconds, response = '' }: WireReload): ReloadReport {
  return { id, status, ...(seconds !== undefined && { at: seconds * 1000 }), words: response };
}
