import type { Exchange } from '../model/exchange.ts';
import { hidePasswords, type Hide } from '../secrets.ts';
import type { Call } from './client-http.ts';

/** How a call ended; `text` is the answer's. */
export type Ending = { readonly status: number; readonly text: string } | { readonly error: string };

/** Is told of every call that ends. Absent, nothing is looked at. */
export type ObserveCall = (call: Call, ending: Ending, ms: number) => void;

/** Characters of a text that are kept. */
const maxText = 2000;

/** Characters beyond that in which a secret is looked for that begins before it. */
const margin = 4096;

/**
 * Tells of calls as exchanges: texts cut, and without secrets. Of a configuration only slots are told, and only those that
 * are not as in the one before: what others wrote there may be anything. Of a read that succeeded nothing is told.
 */
export function tellExchanges(hide: Hide, tell: (exchange: Exchange) => void): ObserveCall {
  let slots: ReadonlySet<string> = new Set();

  /** What of a whole configuration is new. */
  function changedSlots(text: string): string {
    const found = slotLines(text);
    const changed = found.filter((line) => !slots.has(line));
    slots = new Set(found);
    return bounded([`(${text.length} characters)`, ...changed].join('\n'), hide);
  }

  return (call, ending, ms) => {
    const { method, path, query = {}, headers = {} } = call;
    const asked = new URLSearchParams(
      Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
    ).toString();
    const failed = 'error' in ending || ending.status >= 300;
    const sent = [headers['x-runtime-actions'] ?? '', isConfiguration(call) ? changedSlots(call.body) : textOf(call)];
    if (!failed && method === 'GET' && isRaw(path)) changedSlots(ending.text);

    tell({
      method,
      path: asked === '' ? path : `${path}?${asked}`,
      ms: Math.round(ms * 10) / 10,
      ...('error' in ending ? { error: bounded(ending.error, hide) } : { status: ending.status }),
      ...(sent.some((text) => text !== '') && {
        sent: bounded(sent.filter((text) => text !== '').join('\n'), hide),
      }),
      ...('text' in ending &&
        ending.text !== '' &&
        (failed || (method !== 'GET' && !isRaw(path))) && { got: bounded(ending.text, hide) }),
    });
  };
}

function isRaw(path: string): boolean {
  return path === '/services/haproxy/configuration/raw';
}

function isConfiguration(call: Call): call is Call & { readonly body: string } {
  return isRaw(call.path) && typeof call.body === 'string';
}

function textOf({ body }: Call): string {
  if (body === undefined || typeof body === 'string') return body ?? '';
  return body instanceof FormData ? '(a file)' : JSON.stringify(body);
}

function bounded(text: string, hide: Hide): string {
  const shown = hide(text.slice(0, maxText + margin))
    .split('\n')
    .map(hidePasswords)
    .join('\n');
  return text.length <= maxText + margin && shown.length <= maxText ? shown : `${shown.slice(0, maxText)}...`;
}

/** Server lines that carry the mark of an owner, each behind the header of its section. */
function slotLines(text: string): readonly string[] {
  const found: string[] = [];
  let section = '';
  for (const line of text.split('\n')) {
    if (/^\S/.test(line)) section = line;
    else if (/^ +server .* # \{.*"owner":/.test(line)) found.push(`${section}:${line}`);
  }
  return found;
}
