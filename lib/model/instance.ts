import type { Registration } from './events.ts';
import { isForbiddenAddress, isPlainIpv4 } from './forbidden-addresses.ts';
import { isSameList } from './looks-same.ts';
import type { Problem } from './problem.ts';
import { printable, quoted } from './quoted.ts';
import { isMarkable, isUsableName } from './service-name.ts';
import { endpoint, type Instance } from './service.ts';
import { isEnabled, parseTags } from './tags.ts';

const defaultWeight = 100;
const none: readonly Problem[] = [];

/**
 * Reads one registration's tags and address; what cannot be used becomes a problem, never an exception. With the tags of
 * one of its `siblings`, as is the rule, it shares that one's tags and settings: they are neither read nor kept twice.
 */
export function readInstance(
  given: Registration,
  admitted: boolean,
  prefix: string,
  siblings: readonly Instance[] = [],
): Instance {
  const like = siblings.find((one) => hasTagsOf(one, given));
  const { settings, problems } = like ?? readTags(given, prefix);
  const tags = like?.registration.tags ?? given.tags;
  const registration = tags === given.tags ? given : { ...given, tags };
  const at = endpoint(registration);
  const enabled = settings.enable === true;
  const unusable = enabled ? refuse(registration, at) : undefined;
  return {
    registration,
    endpoint: at,
    admitted,
    managed: enabled && unusable === undefined,
    weight: settings.weight ?? defaultWeight,
    settings,
    problems:
      unusable === undefined
        ? problems
        : [...problems, { subject: `registration ${printable(registration.id)}`, text: unusable }],
  };
}

/** Whether an instance is managed: what `readInstance` says of it, without reading all its tags. */
export function isServed(registration: Registration, prefix: string): boolean {
  return isEnabled(registration.tags, prefix) && refuse(registration, endpoint(registration)) === undefined;
}

function readTags({ tags: list, problems: found = none }: Registration, prefix: string) {
  const { settings, problems } = parseTags(list, prefix);
  return { settings, problems: found.length === 0 ? problems : [...found, ...problems] };
}

/** Equal tags, and no problem besides what these are. */
function hasTagsOf({ registration: { tags }, settings, managed }: Instance, given: Registration): boolean {
  return managed === (settings.enable === true) && isSameList(tags, given.tags);
}

function refuse(registration: Registration, at: string): string | undefined {
  return refuseName(registration) ?? refuseEndpoint(registration, at);
}

function refuseName({ namespace, service, alloc }: Registration): string | undefined {
  if (!isUsableName(service)) {
    return 'has a name that cannot be used: up to 512 characters without control characters, and no part of a path like ..; it is left out';
  }
  return isMarkable(namespace) && isMarkable(alloc)
    ? undefined
    : 'has a namespace or allocation of more than 512 characters or with control characters; it is left out';
}

function refuseEndpoint({ address, port }: Registration, at: string): string | undefined {
  if (address === '') return 'has no address: give its port label a mapped port; it is left out';
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    return `has port ${port}: give the service a port label; it is left out`;
  }
  if (!isHost(address, at)) {
    return `has an address that is neither an IP nor a host name: ${quoted(address)}; it is left out`;
  }
  if (isForbiddenAddress(address)) {
    return `has a link-local or metadata address, ${quoted(address)}, where HAProxy is not sent; it is left out`;
  }
  return undefined;
}

/** What may stand between `http://` and a port. */
function isHost(address: string, at: string): boolean {
  if (isPlainIpv4(address)) return true;
  return /^[A-Za-z0-9:][A-Za-z0-9.:-]{0,252}$/.test(address) && URL.canParse(`http://${at}`);
}

/** True for an address that HAProxy's runtime can set; a host name has to go through the configuration. */
export function isIpLiteral(address: string): boolean {
  return address.includes(':') || /^\d{1,3}(\.\d{1,3}){3}$/.test(address);
}

/**
 * Of a service's instances, oldest first, those that HAProxy should send requests to, by their `address:port`: the newest
 * registration of each counts.
 */
export function servingInstances(instances: readonly Instance[]): ReadonlyMap<string, Instance> {
  const serving = new Map<string, Instance>();
  for (const one of instances) if (one.managed && one.admitted) serving.set(one.endpoint, one);
  return serving;
}
