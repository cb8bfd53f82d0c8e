import type { Problem } from './problem.ts';

/** A tag without its prefix: `check.path` of `haproxy.check.path`, and what follows the `=`. */
export interface AliasTag {
  readonly name: string;
  readonly value: string;
}

/** What our own tags leave to those of others: routing is `domain` and `domain.type`, check all of `check.*`. */
export type AliasConcern = 'routing' | 'check';

/** Tags of ours by name, such as `check.path`, that say what the others say, and what could not be said. */
export interface AliasReading {
  readonly tags: readonly AliasTag[];
  readonly problems: readonly Problem[];
}

/** How the tags of another product are read as ours. */
export interface AliasSet {
  /** Its tags begin with this and a dot. */
  readonly prefix: string;
  /**
   * Reads the tags of a service that HAProxy serves, `enable` aside, for these concerns alone. A concern that cannot be said
   * as a whole is not said at all, and `problems` tells why. `ours` is the prefix of our tags, for messages.
   */
  readonly read: (tags: readonly AliasTag[], concerns: ReadonlySet<AliasConcern>, ours: string) => AliasReading;
  /** The reference: forms of tags, and what they are read as. */
  readonly rows: readonly { readonly tag: string; readonly reading: string }[];
}
