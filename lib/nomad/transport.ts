import { readdirSync, readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as requestHttp, type ClientRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps, type AgentOptions } from 'node:https';
import { join } from 'node:path';
import { urlToHttpOptions } from 'node:url';
import { FailureError } from '../model/failure.ts';
import { basicSecrets } from '../secrets.ts';
import type { NomadSettings } from './settings.ts';

/** Makes a GET of a path with its query; nothing is sent before its `end`. No compression is offered. */
export type Open = (url: string, options: RequestOptions) => ClientRequest;

/** Where requests go, and how they get there. */
export interface Transport {
  /** The address without user information, to show. */
  readonly address: string;
  /** What it sends that nobody else may see. */
  readonly secrets: readonly string[];
  /** Requests share connections that are kept alive. */
  readonly pooled: Open;
  /** A connection of its own that ends with the answer. */
  readonly single: Open;
}

/**
 * Reads the files that the settings name, once. Throws a FailureError: `rejected` for an address or a pair of files that
 * cannot work, `not-found` for a file that cannot be read. Environment proxies are not used: Nomad is a neighbour.
 */
export function transportOf(settings: NomadSettings): Transport {
  const url = parseAddress(settings.address);
  const user = url.username === '' ? settings.httpAuth : `${url.username}:${url.password}`;
  const tls = tlsOptions(settings);
  const unix = url.protocol === 'unix:';
  const address = unix ? `unix://${url.pathname}` : `${url.protocol}//${url.host}${url.pathname.replace(/\/$/, '')}`;
  const auth = user === undefined ? undefined : parseUser(user, url.username !== '');
  const way = {
    secure: url.protocol === 'https:',
    tls,
    basePath: unix ? '' : url.pathname.replace(/\/$/, ''),
    target: {
      ...(unix ? { socketPath: url.pathname } : targetOf(url)),
      ...(auth && { auth: `${auth.username}:${auth.password}` }),
    },
  };
  return {
    address,
    secrets: auth === undefined ? [] : basicSecrets(auth.username, auth.password),
    pooled: opener(way, { keepAlive: true }),
    single: opener(way, { keepAlive: false }),
  };
}

interface Way {
  readonly secure: boolean;
  readonly tls: AgentOptions;
  /** Before `/v1`; no slash at its end. */
  readonly basePath: string;
  readonly target: RequestOptions;
}

function targetOf(url: URL): RequestOptions {
  const { hostname, port } = urlToHttpOptions(url);
  return { hostname, port };
}

function opener({ secure, tls, basePath, target }: Way, pool: { readonly keepAlive: boolean }): Open {
  const agent = secure ? new HttpsAgent({ ...tls, ...pool }) : new HttpAgent(pool);
  const request = secure ? requestHttps : requestHttp;
  return (url, options) => request({ ...target, ...options, agent, path: `${basePath}${url}` });
}

function parseAddress(address: string): URL {
  const url = URL.parse(address);
  if (url !== null && ['http:', 'https:', 'unix:'].includes(url.protocol)) return url;
  throw new FailureError({
    kind: 'rejected',
    message: 'not an address of Nomad',
    where: withoutUser(address),
    hint: 'write http://host:port, https://host:port or unix:///path/to/api.sock',
  });
}

/** A text that is no URL may still hold a password. */
function withoutUser(address: string): string {
  return address.replace(/[^/]*@/, '');
}

function parseUser(text: string, encoded: boolean): { username: string; password: string } {
  const colon = text.indexOf(':');
  const [username, password] = colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
  return encoded
    ? { username: decodeURIComponent(username), password: decodeURIComponent(password) }
    : { username, password };
}

function tlsOptions(settings: NomadSettings): AgentOptions {
  const { caCert, caPath, clientCert, clientKey, tlsServerName, skipVerify } = settings;
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    throw new FailureError({
      kind: 'rejected',
      message: 'a client certificate needs its key, and a key its certificate',
      where: clientCert ?? clientKey ?? '',
      hint: 'set both NOMAD_CLIENT_CERT and NOMAD_CLIENT_KEY',
    });
  }
  const authorities = [
    ...(caCert === undefined ? [] : [readOrFail(() => readFileSync(caCert), caCert)]),
    ...(caPath === undefined ? [] : readOrFail(() => filesIn(caPath), caPath)),
  ];
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: !skipVerify,
    ...(authorities.length > 0 && { ca: authorities }),
    ...(clientCert !== undefined && { cert: readOrFail(() => readFileSync(clientCert), clientCert) }),
    ...(clientKey !== undefined && { key: readOrFail(() => readFileSync(clientKey), clientKey) }),
    ...(tlsServerName !== undefined && { servername: tlsServerName }),
  };
}

function filesIn(folder: string): readonly Buffer[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => readFileSync(join(folder, entry.name)));
}

function readOrFail<T>(read: () => T, path: string): T {
  try {
    return read();
  } catch (error) {
    throw new FailureError({
      kind: 'not-found',
      message: `cannot read a file for TLS: ${(error as Error).message}`,
      where: path,
      hint: 'check the path, and that the connector may read it',
    });
  }
}
