import type { Failure, FailureKind } from '../model/failure.ts';
import type { Hide } from '../secrets.ts';

/** What axios and undici call an answer that is longer than we take. */
const tooLong = new Set(['ERR_BAD_RESPONSE', 'UND_ERR_RES_EXCEEDED_MAX_SIZE']);

/**
 * No answer came, or none that can be taken. `where` is method and URL without query, which may be long; the address has no
 * credentials in it.
 */
export function unanswered(
  error: { readonly message: string; readonly code?: string },
  where: string,
  maxBytes: number,
): Failure {
  if (tooLong.has(error.code ?? '')) return malformed(where, `the answer is longer than ${maxBytes} bytes`);
  const message = error.message.trim() || (error.code ?? 'no answer');
  const code = error.code ?? '';
  const check = code === 'EPROTO' || code.startsWith('ERR_SSL') ? otherProtocol : hints.unreachable;
  const hint = where.startsWith('GET ') ? check : `${check} ${perhapsDone}`;
  return { kind: 'unreachable', message, where, hint };
}

/** Of OpenSSL, whose words for it are no help. */
const otherProtocol = 'Check http or https in haproxy.address / HAPROXY_DATAPLANE_URL.';
const perhapsDone = 'What was asked for may have been done all the same.';

/** What an answer that is not 2xx means. What it says back is told without secrets. */
export function refused(status: number, body: unknown, where: string, hide: Hide): Failure {
  const { said, isOwn } = messageOf(body);
  if (status === 404 && (isInfo(where) || (isRunning(where) && (!isOwn || noSuchPath.test(said))))) {
    return { kind: 'malformed', message: `HTTP status ${status}`, where, hint: notTheApi };
  }
  const kind = kindOf(status, said);
  const answered = status >= 500 && isOwn && kind === 'unreachable';
  const message = hide(wordsFor(kind, status, said));
  const byCommand = kind === 'reload-failed' && message.startsWith('executing ');
  const hint = status === 429 ? tooMany : answered ? hintOfError(where) : byCommand ? commandFails : hints[kind];
  return { kind, message, where, hint };
}

function isInfo(where: string): boolean {
  return where.endsWith('/v3/info');
}

function isRunning(where: string): boolean {
  return where.endsWith('/v3/services/haproxy/runtime/info');
}

/** Where an address has a path that the API does not know. */
const noSuchPath = /^path \S+ was not found/;

/** Every Data Plane API of version 3 has `/v3/info`; other servers say 404 with a page of their own. */
const notTheApi =
  'No Data Plane API v3 answers there: check haproxy.address / HAPROXY_DATAPLANE_URL (host and port, without /v3).';

/** A reload of which the API learns what became of it. */
export const useMaster =
  "in dataplaneapi.yml set haproxy.master_runtime to the socket of HAProxy's -S and haproxy.master_worker_mode to true, and restart the API";

/** The words that follow are those of `reload_cmd`, and say nothing of the configuration. */
const commandFails = `The command by which the API reloads HAProxy fails: ${useMaster}.`;

export function isOfCommand({ hint }: Failure): boolean {
  return hint === commandFails;
}

/** The API is there and says why it could not: of the runtime because of HAProxy, otherwise mostly because of its files. */
function hintOfError(where: string): string {
  const why = where.includes('/services/haproxy/runtime/')
    ? silent
    : 'It must be able to replace haproxy.cfg and to write its maps directory: mount the directory, not the file.';
  return `The API answered with this error. ${why} See the log of the API.`;
}

/**
 * A runtime command is refused, whenever it is sent: the API passes HAProxy's words on behind their severity, or answers that
 * there is no such server. Any other failure says nothing of what HAProxy thinks of it.
 */
export function isRefusal({ kind, message }: Failure): boolean {
  return kind === 'not-found' || kind === 'rejected' || /(^| )\[[0-3]\] /.test(message);
}

/** The API answers, but HAProxy does not answer the API. */
export function haproxySilent(where: string, message: string): Failure {
  return { kind: 'unreachable', message, where, hint: silent };
}

const silent = 'Check that HAProxy runs and master_runtime of dataplaneapi.yml.';

/** An answer that is not of the form the interface promises. */
export function malformed(where: string, message: string): Failure {
  return { kind: 'malformed', message, where, hint: hints.malformed };
}

/** The API has as many open transactions as it takes, and has opened none. */
export function isCrowded({ hint }: Failure): boolean {
  return hint === tooMany;
}

const tooMany =
  'Somebody left transactions open, also over restarts of the API: see GET /v3/services/haproxy/transactions, and delete them.';

const hints: Readonly<Record<FailureKind, string>> = {
  unreachable: 'Check haproxy.address / HAPROXY_DATAPLANE_URL and that the Data Plane API runs.',
  unauthorized: 'Check haproxy.username / HAPROXY_USERNAME and haproxy.password / HAPROXY_PASSWORD.',
  conflict: 'Read again and plan again.',
  rejected: 'Nothing was changed; correct what HAProxy names.',
  'not-found': 'Check that it exists in the configuration and that HAProxy has loaded it.',
  'reload-failed': 'HAProxy runs on with its last good configuration; repair the configuration before any other write.',
  unsupported: 'HAProxy 3.0 and Data Plane API 3.0 or later are needed.',
  malformed: 'Check that haproxy.address / HAPROXY_DATAPLANE_URL is a Data Plane API v3.',
};

/**
 * By HTTP status; the code in the body differs between the lines. Where one status has two meanings the words decide:
 * 3.0 answers 500 for an unknown server, every line 400 for a map that is not loaded, a failed reload and a transaction that has
 * ended.
 */
function kindOf(status: number, said: string): FailureKind {
  if (/: not found$|Unknown map identifier/.test(said)) return 'not-found';
  if (said.startsWith(failedReload)) return 'reload-failed';
  if (status === 400 && said.startsWith('transaction does not exist')) return 'conflict';
  switch (status) {
    case 400:
    case 431:
      return 'rejected';
    case 401:
    case 403:
      return 'unauthorized';
    case 404:
      return 'not-found';
    case 406:
    case 409:
      return 'conflict';
    case 429:
      return 'unreachable';
    default:
      return status >= 500 ? 'unreachable' : 'malformed';
  }
}

const failedReload = 'Reload failed: ';

/**
 * The message of an error body, which 3.0 and 3.2 label as whatever the endpoint answers otherwise. `isOwn`: the API's own
 * words, and not for instance the page of a proxy before it.
 */
function messageOf(body: unknown): { readonly said: string; readonly isOwn: boolean } {
  if (typeof body !== 'string') return { said: '', isOwn: false };
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null && 'message' in parsed && typeof parsed.message === 'string') {
      return { said: parsed.message, isOwn: true };
    }
  } catch {
    // Not the API's own words.
  }
  return { said: body.trim(), isOwn: false };
}

function wordsFor(kind: FailureKind, status: number, said: string): string {
  switch (kind) {
    case 'unauthorized':
      return 'user name or password refused'; // 3.0 repeats the password in its message
    case 'rejected':
      return validationWords(said);
    case 'reload-failed':
      return reloadWords(said.slice(failedReload.length));
    default:
      return said === '' ? `HTTP status ${status}` : said;
  }
}

/**
 * HAProxy's own lines out of the API's wrapping, without the path of a temporary file; its summary lines say nothing.
 * Line numbers are those of the text that was validated: as sent for a validation, as re-serialised for a write.
 */
function validationWords(said: string): string {
  const lines = [...said.matchAll(/msg="(.*)"$/gm)]
    .map(([, line = '']) => line.replace(/^(config )?(parsing (?=\[))?/i, ''))
    .map((line) => line.replaceAll(/\[[^\]\s]*:(\d+)\]:?/g, 'line $1:').replaceAll(/(?<= )\/\S+:(\d+)\b/g, 'line $1'))
    .filter((line) => !/^(Error\(s\)|Fatal errors) found/.test(line));
  return lines.length === 0 ? said : lines.join('\n');
}

/** The alerts of a failed start, which say why; all of its log when there is none. */
function reloadWords(said: string): string {
  const alerts = [...said.matchAll(/^\[ALERT\]\s*\(\d+\) : (.*)$/gm)].map(([, line = '']) => line);
  return alerts.length === 0 ? said : alerts.join('\n');
}
