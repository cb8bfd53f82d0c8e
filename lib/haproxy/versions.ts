import { FailureError } from '../model/failure.ts';
import { quoted } from '../model/quoted.ts';

/** What the two versions at HAProxy's end can do. */
export interface Capabilities {
  /** Address, port and weight of a server can be set by a runtime call; before, only its state. */
  readonly runtimeAddress: boolean;
}

export interface Versions {
  readonly haproxy: string;
  readonly dataplane: string;
}

/** The first version of each part with a capability; the one place to add one. */
const oldestSupported = '3.0';
const since = { runtimeAddress: '3.3.1' } as const satisfies Record<keyof Capabilities, string>;

/** Throws a FailureError (`unsupported`) for a HAProxy or Data Plane API before 3.0. */
export function capabilitiesOf({ haproxy, dataplane }: Versions): Capabilities {
  for (const [name, version] of [
    ['HAProxy', haproxy],
    ['Data Plane API', dataplane],
  ] as const) {
    if (isAtLeast(version, oldestSupported)) continue;
    throw new FailureError({
      kind: 'unsupported',
      message: /\d/.test(version)
        ? `${name} ${version} is too old: ${oldestSupported} or later is needed`
        : `${name} does not tell its version, but ${quoted(version)}: ${oldestSupported} or later is needed`,
      where: name,
      hint: 'run HAProxy 3.0 or later with a Data Plane API of 3.0 or later, in builds that know their version',
    });
  }
  return { runtimeAddress: isAtLeast(dataplane, since.runtimeAddress) };
}

/** True for an API of an older line than HAProxy: it does not know what was new in that. */
export function isBehind({ haproxy, dataplane }: Versions): boolean {
  const [line = '0'] = /\d+\.\d+/.exec(haproxy) ?? [];
  return !isAtLeast(dataplane, line);
}

/** Compares `v3.2.15`, `3.0.11-1+deb13u4`, `3.4-dev3` and the like by their numbers. */
function isAtLeast(version: string, least: string): boolean {
  const numbers = (text: string) => (/\d+(\.\d+)*/.exec(text)?.[0] ?? '0').split('.').map(Number);
  const [have, want] = [numbers(version), numbers(least)];
  for (const [at, wanted] of want.entries()) {
    const had = have[at] ?? 0;
    if (had !== wanted) return had > wanted;
  }
  return true;
}
