import { isIpLiteral } from '../model/instance.ts';
import { serviceKey, splitKey, type ServiceKey } from '../model/events.ts';
import { parked } from '../model/section.ts';
import { endpoint } from '../model/service.ts';
import type { SlotView } from '../model/view.ts';
import { readLine } from './config-text.ts';

/**
 * How we know what is ours: `description <owner> <namespace>/<service> <hash>` in a backend, which survives every version
 * of the Data Plane API, and a JSON comment on every slot line (measured on API 3.0 to 3.4).
 */
export interface BackendMark {
  readonly service: ServiceKey;
  readonly hash: string;
}

export function writeBackendMark(owner: string, { service, hash }: BackendMark): string {
  const { namespace, name } = splitKey(service);
  return `description ${owner} ${encode(namespace)}/${encode(name)} ${hash}`;
}

export function readBackendMark(owner: string, words: readonly string[]): BackendMark | undefined {
  const [keyword, by, service = '', hash = ''] = words.flatMap((word) => word.split(' '));
  if (keyword !== 'description' || by !== owner || !/^[^/]+\/[^/]+$/.test(service)) return undefined;
  try {
    const { namespace, name } = splitKey(service as ServiceKey);
    return { service: serviceKey(decodeURIComponent(namespace), decodeURIComponent(name)), hash };
  } catch {
    return undefined;
  }
}

/** True for what a connector with another owner writes of a section that it made. */
export function isOthersMark(owner: string, words: readonly string[]): boolean {
  const [, by = ''] = words.flatMap((word) => word.split(' '));
  const isOwner = by !== owner && /^[a-z][a-z0-9]{0,15}$/.test(by);
  return isOwner && /^[0-9a-f]{8}$/.test(readBackendMark(by, words)?.hash ?? '');
}

/** One word to HAProxy, whatever it holds; `encodeURIComponent` leaves the quote alone. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll("'", '%27');
}

/** What the file says: a serving slot's address; a draining slot's address and `disabled`; a free slot parked and `disabled`. */
export function writeSlot(owner: string, slot: SlotView): string {
  const { name, service, state, options, weight, alloc } = slot;
  const at = state === 'free' ? parked : slot;
  const words = [
    'server',
    name,
    endpoint(at),
    ...(options === '' ? [] : [options]),
    `weight ${weight}`,
    ...(isIpLiteral(at.address) ? [] : [initAddr]),
    ...(state === 'serving' ? [] : ['disabled']),
  ];
  const mark = JSON.stringify({ ...(state !== 'free' && alloc !== '' && { alloc }), owner, service });
  return `  ${words.join(' ')} # ${mark}`;
}

/** A name that does not resolve at start must not keep HAProxy from starting. */
const initAddr = 'init-addr last,libc,none';

/** Reads a server line that carries our mark; anything else is not ours. */
export function readSlot(owner: string, line: string): SlotView | undefined {
  const { words, comment } = readLine(line);
  const [keyword, name = '', at = ''] = words;
  const mark = keyword === 'server' ? readSlotMark(comment) : undefined;
  if (mark === undefined || mark.owner !== owner) return undefined;

  const rest = words.slice(3).join(' ');
  const weight = /(?:^| )weight (\d+)/.exec(rest)?.[1] ?? '100';
  const disabled = /(?:^| )disabled(?= |$)/.test(rest);
  const options = ` ${rest} `
    .replace(/ weight \d+(?= )/, '')
    .replace(/ disabled(?= )/, '')
    .replace(` ${initAddr}`, '')
    .trim();
  const [, host = '', port = ''] = /^(.*?):(\d+)$/.exec(at) ?? [];
  const address = host.replace(/^\[(.*)\]$/, '$1');
  const free = disabled && address === parked.address && Number(port) === parked.port;
  return {
    name,
    service: mark.service,
    state: free ? 'free' : disabled ? 'draining' : 'serving',
    address,
    port: Number(port),
    weight: Number(weight),
    alloc: mark.alloc ?? '',
    options,
  };
}

function readSlotMark(comment: string): { owner: string; service: ServiceKey; alloc?: string } | undefined {
  if (!comment.startsWith('{')) return undefined;
  try {
    const mark: unknown = JSON.parse(comment);
    return isSlotMark(mark) ? mark : undefined;
  } catch {
    return undefined;
  }
}

function isSlotMark(mark: unknown): mark is { owner: string; service: ServiceKey; alloc?: string } {
  if (typeof mark !== 'object' || mark === null) return false;
  const { owner, service, alloc } = mark as Record<string, unknown>;
  return (
    typeof owner === 'string' &&
    typeof service === 'string' &&
    service.includes('/') &&
    (alloc === undefined || typeof alloc === 'string')
  );
}
