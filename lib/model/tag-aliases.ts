import type { AliasConcern, AliasSet, AliasTag } from './alias-set.ts';
import type { Registration } from './events.ts';
import type { Problem } from './problem.ts';
import { quoted } from './quoted.ts';
import { splitTag, tags } from './tags.ts';
import { traefik } from './traefik-tags.ts';

/** Every product whose tags can be read as ours, by the name that `tags.aliases` gives it. */
export const aliasSets = { traefik } as const satisfies Readonly<Record<string, AliasSet>>;

export type AliasName = keyof typeof aliasSets;

export function isAliasName(name: string): name is AliasName {
  return Object.hasOwn(aliasSets, name);
}

/** Generous on purpose: a misspelt `haproxy.enable`, or one with blanks, is for those who read it to judge. */
export function concernUs(list: readonly string[], prefix: string, aliases: readonly AliasName[]): boolean {
  const prefixes = [prefix, ...aliases.map((name) => aliasSets[name].prefix)];
  return list.some((text) => prefixes.some((one) => text.trimStart().startsWith(`${one}.`)));
}

/**
 * Adds to a registration's tags those of ours that the tags of others stand for, and to its problems what they could not be
 * followed in. What is said by a tag of ours already, be it refused or not, is not asked of the others.
 */
export function followAliases(registration: Registration, prefix: string, aliases: readonly AliasName[]): Registration {
  return aliases.reduce((read, name) => readAlias(read, prefix, aliasSets[name]), registration);
}

function readAlias(registration: Registration, prefix: string, set: AliasSet): Registration {
  const theirs = tagsOf(registration.tags, set.prefix);
  if (theirs.length === 0) return registration;
  const ours = tagsOf(registration.tags, prefix);
  const { enable, tags: enabling, problems: refused } = readEnable(theirs, ours, set.prefix);
  const others = theirs.filter(({ name }) => !isEnable(name));
  const read = enable ? set.read(others, concernsLeft(ours), prefix) : { tags: [], problems: [] };
  const added = [...enabling, ...read.tags].map(({ name, value }) => `${prefix}.${name}=${value}`);
  const problems = [...(registration.problems ?? []), ...refused, ...read.problems];
  return {
    ...registration,
    ...(added.length > 0 && { tags: [...registration.tags, ...added] }),
    ...(problems.length > 0 && { problems }),
  };
}

function tagsOf(list: readonly string[], prefix: string): readonly AliasTag[] {
  return list
    .filter((text) => text.trimStart().startsWith(`${prefix}.`))
    .map(splitTag)
    .map(({ name, value }) => ({ name: name.slice(prefix.length + 1), value }));
}

function isEnable(name: string): boolean {
  return name.toLowerCase() === tags.enable.name;
}

interface Enabling {
  readonly enable: boolean;
  readonly tags: readonly AliasTag[];
  readonly problems: readonly Problem[];
}

/** The last of several values counts, as it does among our own. */
function readEnable(theirs: readonly AliasTag[], ours: readonly AliasTag[], prefix: string): Enabling {
  const own = ours.findLast(({ name }) => name === tags.enable.name);
  const given = own ?? theirs.findLast(({ name }) => isEnable(name));
  if (given === undefined) return { enable: false, tags: [], problems: [] };
  const parsed = tags.enable.parse(given.value);
  if (own !== undefined) return { enable: 'value' in parsed && parsed.value, tags: [], problems: [] };
  if ('refused' in parsed) {
    const problem = { subject: `${prefix}.${tags.enable.name}`, text: `${quoted(given.value)} ${parsed.refused}` };
    return { enable: false, tags: [], problems: [problem] };
  }
  return { enable: parsed.value, tags: [{ name: tags.enable.name, value: String(parsed.value) }], problems: [] };
}

function concernsLeft(ours: readonly AliasTag[]): ReadonlySet<AliasConcern> {
  const says = (begin: string) => ours.some(({ name }) => name === begin || name.startsWith(`${begin}.`));
  return new Set<AliasConcern>([
    ...(says('domain') ? [] : ['routing' as const]),
    ...(says('check') ? [] : ['check' as const]),
  ]);
}
