import { splitKey, type ServiceKey } from './events.ts';
import type { Notice } from './notice.ts';
import { plural } from './plural.ts';

/** Services whose removal waits, and why; `namespaces` are those that are missing whole. */
export interface Losses {
  readonly services: readonly ServiceKey[];
  readonly namespaces: readonly string[];
  readonly why: string;
}

/** Fewer at once are ordinary, whatever their share. */
const fewestLost = 3;
const namedNamespaces = 5;

/**
 * Which of the managed services that a snapshot misses are to be held: all of them when they are at least 3 and more
 * than `maxLossPercent` of all; else those of namespaces in which it has no service at all, however small, because Nomad
 * leaves out without a word what a token may not read. `managed`: how many there were before.
 */
export function judgeLosses(
  lost: readonly ServiceKey[],
  managed: number,
  found: Iterable<ServiceKey>,
  maxLossPercent: number,
): Losses {
  const isMass = lost.length >= fewestLost && lost.length * 100 > maxLossPercent * managed;
  const shown = namespacesOf(found);
  const namespaces = [...namespacesOf(lost)].filter((name) => !shown.has(name));
  const reasons = [
    ...(isMass ? [`${lost.length} of ${managed} managed services are missing at once`] : []),
    ...namespaces.slice(0, namedNamespaces).map((name) => `namespace ${name} is missing whole`),
    ...(namespaces.length > namedNamespaces
      ? [`and ${plural(namespaces.length - namedNamespaces, 'namespace')} more`]
      : []),
  ];
  return {
    services: isMass ? lost : lost.filter((key) => !shown.has(splitKey(key).namespace)),
    namespaces,
    why: reasons.join('; '),
  };
}

function namespacesOf(keys: Iterable<ServiceKey>): Set<string> {
  const names = new Set<string>();
  for (const key of keys) names.add(splitKey(key).namespace);
  return names;
}

/** What is held after this notice, from what was before; undefined: nothing. */
export function foldHeld(
  held: Losses | undefined,
  notice: Extract<Notice, { kind: 'losses-held' | 'losses-released' }>,
): Losses | undefined {
  if (notice.kind === 'losses-held') return notice;
  const released = new Set(notice.services);
  const services = held?.services.filter((key) => !released.has(key)) ?? [];
  return held === undefined || services.length === 0 ? undefined : { ...held, services };
}
