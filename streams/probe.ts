import { lookup } from 'node:dns/promises';
import { request } from 'node:http';
import { connect, isIP } from 'node:net';
import { catchError, concatMap, defer, map, merge, mergeMap, Observable, of, take, timer } from 'rxjs';
import { checkReader } from '../lib/model/check.ts';
import { isForbiddenAddress } from '../lib/model/forbidden-addresses.ts';
import type { Check } from '../lib/model/service.ts';
import type { Probe } from '../operators/admit-instances.ts';
import type { ProbeResult } from '../operators/try-until-admitted.ts';
import { lookUpNames } from './look-up.ts';

/** Ms until there is a connection, name look-up included. */
const connectMs = 1000;

/** Bytes of headers an app may answer; the body is never read. */
const maxHeaderSize = 8192;

/**
 * Asks an instance as its check says: an HTTP GET or HEAD answered with 2xx or 3xx, as HAProxy's own check takes it, or a
 * TCP connection. The answer may take as long as the job gives its check, up to 10 s; a slower app is asked again. Redirects
 * are not followed. `unreachable` when there is no connection in time; a refused one is an answer. A name is looked up once, and
 * it is that address which is judged and asked. Forbidden ones, link-local for instance, are not asked; loopback is asked like
 * any other. A name is `forbidden` while nobody says where it leads: HAProxy would stand still for as long at every reload.
 */
export function probeInstances(prefix: string, find = addressOf): Probe {
  const checkOf = checkReader(prefix);
  const lookUp = lookUpNames(find, { patienceMs: connectMs });
  return (registration, job) => {
    const { address, port } = registration;
    const { check, answerMs } = checkOf(registration, job);
    if (check.kind !== 'http' && isIP(address) !== 0) return askTcp(address, port);
    return defer(() => {
      let found: string | undefined;
      let connected = false;
      const onConnect = () => {
        connected = true;
      };
      const answer = (isIP(address) === 0 ? lookUp(address) : of(address)).pipe(
        mergeMap((at) => {
          found = at;
          return check.kind === 'http' ? askHttp(at, port, check, onConnect) : askTcp(at, port);
        }),
        catchError((error: unknown) => of(connected ? ('refuse' as const) : resultOf(error))),
      );
      const nobody = () => of(found === undefined ? ('forbidden' as const) : ('unreachable' as const));
      const tooLate = timer(connectMs).pipe(
        concatMap(() => (connected ? timer(answerMs - connectMs).pipe(map(() => 'refuse' as const)) : nobody())),
      );
      return merge(answer, tooLate).pipe(take(1));
    });
  };
}

function addressOf(name: string): Promise<string> {
  return lookup(name).then(({ address }) => address);
}

/** An error that is a word of somebody at that address, who says no, of nobody, or of no name server. */
function resultOf(error: unknown): ProbeResult {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EAI_AGAIN') return 'forbidden';
  return code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'EPIPE' ? 'refuse' : 'unreachable';
}

/** A start asks thousands of addresses so: the socket keeps the time itself, and no operator is needed. */
function askTcp(host: string, port: number): Observable<ProbeResult> {
  if (isForbiddenAddress(host)) return of('forbidden');
  return new Observable((subscriber) => {
    function conclude(result: ProbeResult): void {
      subscriber.next(result);
      subscriber.complete();
    }

    const socket = connect({ host, port, timeout: connectMs });
    socket.on('connect', () => {
      conclude('admit');
    });
    socket.on('timeout', () => {
      conclude('unreachable');
    });
    socket.on('error', (error) => {
      conclude(resultOf(error));
    });
    return () => {
      socket.destroy();
    };
  });
}

function askHttp(
  host: string,
  port: number,
  check: Extract<Check, { kind: 'http' }>,
  onConnect: () => void,
): Observable<ProbeResult> {
  if (isForbiddenAddress(host)) return of('forbidden');
  return new Observable((subscriber) => {
    const { method, path } = check;
    const headers = check.host === undefined ? {} : { host: check.host };
    const sent = request({ host, port, method, path, headers, agent: false, maxHeaderSize }, ({ statusCode = 0 }) => {
      subscriber.next(statusCode >= 200 && statusCode < 400 ? 'admit' : 'refuse');
      subscriber.complete();
    });
    sent.on('socket', (socket) => socket.once('connect', onConnect));
    sent.on('error', (error) => {
      subscriber.error(error);
    });
    sent.end();
    return () => {
      sent.destroy();
    };
  });
}
