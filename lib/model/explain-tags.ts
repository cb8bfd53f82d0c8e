import { routeClaim } from './claims.ts';
import { parseDomains } from './domains.ts';
import type { Problem } from './problem.ts';
import { printable } from './quoted.ts';
import type { Denial } from './service.ts';
import { parseTags, tags, type TagSettings } from './tags.ts';

/** What became of one tag with our prefix; `lost`: domains of it that other services hold. */
export type TagVerdict = { readonly tag: string } & (
  | { readonly verdict: 'used'; readonly lost?: readonly Denial[] }
  | { readonly verdict: 'ignored'; readonly why: string }
);

export interface TagsExplained {
  /** In the order in which they are written. */
  readonly given: readonly TagVerdict[];
  /** Without our prefix: nobody reads them. */
  readonly others: readonly string[];
  /** Tags that were not given, or refused, and what holds in their place. */
  readonly defaulted: readonly { readonly tag: string; readonly fallback: string }[];
}

/**
 * The same reading as `parseTags`, tag by tag, for people; texts of strangers are made printable. `denials` are those of the
 * service. Tags that do not enable it are not used, whatever else they say.
 */
export function explainTags(list: readonly string[], prefix: string, denials: readonly Denial[] = []): TagsExplained {
  const ours = list.filter((text) => text.trimStart().startsWith(`${prefix}.`));
  const read = ours.map((text) => ({ text, ...parseTags([text], prefix) }));
  const { settings } = parseTags(list, prefix);
  return {
    given: read.map((one, n) => {
      const verdict = judge(one, read.slice(n + 1));
      if (verdict.verdict === 'ignored') return verdict;
      if (settings.enable !== true && one.settings.enable === undefined) {
        return { tag: verdict.tag, verdict: 'ignored', why: `${prefix}.enable=true is not given` };
      }
      const lost = lostBy(one.settings.domains, settings, denials);
      return lost.length > 0 ? { ...verdict, lost } : verdict;
    }),
    others: list.filter((text) => !ours.includes(text)).map(printable),
    defaulted: Object.entries(tags)
      .filter(([key]) => (key === 'domain' ? settings.domains.length === 0 : !(key in settings)))
      .map(([, { name, fallback }]) => ({ tag: `${prefix}.${name}`, fallback })),
  };
}

function lostBy(
  domains: readonly string[],
  { domainType = 'exact' }: TagSettings,
  denials: readonly Denial[],
): readonly Denial[] {
  const claims = new Set(parseDomains(domains, domainType).routes.map(routeClaim));
  return denials.filter(({ claim }) => claims.has(claim));
}

interface Read {
  readonly text: string;
  readonly settings: TagSettings;
  readonly problems: readonly Problem[];
}

function judge({ text, settings, problems }: Read, later: readonly Read[]): TagVerdict {
  const tag = printable(text);
  const [problem] = problems;
  if (problem !== undefined) return { tag, verdict: 'ignored', why: `${problem.subject} ${problem.text}` };
  const { domains, ...others } = settings;
  const isOverridden =
    domains.length === 0 && later.some((one) => Object.keys(others).some((key) => key in one.settings));
  return isOverridden
    ? { tag, verdict: 'ignored', why: 'is given again, and the last one counts' }
    : { tag, verdict: 'used' };
}
