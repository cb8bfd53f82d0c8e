import { hash } from 'node:crypto';
import { anyDomain, refuseRoute, type AllowedDomains } from './allowed-domains.ts';
import { chooseCheck, serviceBlock } from './check.ts';
import { parseDomains } from './domains.ts';
import type { Job, JobService, Route } from './events.ts';
import { oncePer } from './once-per.ts';
import { maxProblems, type Problem } from './problem.ts';
import type { Instance, Wish } from './service.ts';
import { tags, type TagSettings } from './tags.ts';

/**
 * What a service wants of HAProxy. Its settings are those of most instances that serve, so that a broken deployment
 * cannot move a domain or a check under them; in a draw, such as between blue and green, those of who serves longest; while
 * none serves, those of the newest. `job`: the version that counts; `newest`: what it is scaled to by then shows in its size.
 * Returns no wish when no instance is managed.
 */
export function readWish(
  namespace: string,
  name: string,
  instances: readonly Instance[],
  job: Job | undefined,
  allowed: AllowedDomains = anyDomain,
  newest: Job | undefined = job,
): { readonly wish?: Wish; readonly problems: readonly Problem[] } {
  const managed = instances.filter((one) => one.managed);
  const spokesman = speaksForMost(managed);
  const own = instances.flatMap((one) => one.problems);
  if (spokesman === undefined) return { problems: bounded(distinct(own)) };

  const { settings, registration } = spokesman;
  if (managed.some((one) => one.settings !== settings && signature(one.settings) !== signature(settings))) {
    own.push({ subject: 'tags', text: 'differ between instances; those of most instances that serve count' });
  }
  const block = job && serviceBlock(job, registration);
  const coming = newest === job ? block : newest && serviceBlock(newest, registration);
  const { wish, problems } = wishOf(namespace, name, settings, { block, coming }, allowed);
  return { wish, problems: bounded(own.length === 0 ? problems : [...distinct(own), ...problems]) };
}

interface Blocks {
  readonly block: JobService | undefined;
  /** That of the newest version of the job. */
  readonly coming: JobService | undefined;
}

interface Wished extends Blocks {
  readonly namespace: string;
  readonly name: string;
  readonly allowed: AllowedDomains;
  readonly wish: Wish;
  readonly problems: readonly Problem[];
}

/** What was last made of settings: instances come and go, but their service goes on wishing the same. */
const wished = new WeakMap<TagSettings, Wished>();

function wishOf(
  namespace: string,
  name: string,
  settings: TagSettings,
  blocks: Blocks,
  allowed: AllowedDomains,
): Wished {
  const { block, coming } = blocks;
  const known = wished.get(settings);
  const isOfSame = known?.namespace === namespace && known.name === name && known.allowed === allowed;
  if (isOfSame && known.block === block && known.coming === coming) return known;
  const made = { namespace, name, block, coming, allowed, ...makeWish(namespace, name, settings, blocks, allowed) };
  wished.set(settings, made);
  return made;
}

function makeWish(
  namespace: string,
  name: string,
  settings: TagSettings,
  { block, coming }: Blocks,
  allowed: AllowedDomains,
): Pick<Wished, 'wish' | 'problems'> {
  const problems: Problem[] = [];
  const { check, problem } = chooseCheck(settings, block);
  if (problem) problems.push(problem);
  const forbid = (route: Route) => refuseRoute(route, namespace, allowed);
  const domains = parseDomains(settings.domains, settings.domainType ?? 'exact', forbid);
  problems.push(...domains.problems);
  const mode = settings.mode ?? 'http';
  if (mode === 'tcp' && domains.routes.length > 0) {
    problems.push({ subject: 'domain', text: 'is refused: a tcp service has no host names to route by' });
  }
  return {
    wish: {
      kind: settings.backend ?? 'dynamic',
      backend: settings.backendName ?? defaultBackendName(namespace, name),
      mode,
      balance: settings.balance ?? 'roundrobin',
      check,
      slots: settings.slots ?? Math.max(sizeFor(block), sizeFor(coming)),
      backup: settings.backup ?? false,
      maxconn: settings.maxconn ?? 0,
      ...(settings.backendStrategy && { strategy: settings.backendStrategy }),
      routes: mode === 'tcp' ? [] : domains.routes,
    },
    problems,
  };
}

/** The service name with everything HAProxy would not take as `_`; a name too long for one line keeps its beginning. */
export function defaultBackendName(namespace: string, name: string): string {
  const full = (namespace === 'default' ? name : `${namespace}_${name}`).replace(/[^A-Za-z0-9_.:]/g, '_');
  return full.length <= 120 ? full : `${full.slice(0, 111)}_${hash('sha1', full).slice(0, 8)}`;
}

function sizeFor(block: JobService | undefined): number {
  if (block === undefined) return 4;
  return Math.min(256, Math.max(4, 2 * block.count, block.count + block.canaries, block.scalingMax));
}

function speaksForMost(managed: readonly Instance[]): Instance | undefined {
  const serving = managed.filter((one) => one.admitted);
  const [first] = serving;
  if (first === undefined) return newestOf(managed);
  if (serving.every((one) => one.settings === first.settings)) return newestOf(serving);
  const newestFirst = serving.toSorted((a, b) => b.registration.modifyIndex - a.registration.modifyIndex);
  const votes = Map.groupBy(newestFirst, (one) => signature(one.settings));
  return [...votes.values()].reduce((most, group) => (outvotes(group, most) ? group : most))[0];
}

/**
 * In a draw whoever has the oldest instance goes first. Tags that change in place leave instances as old as they are: then the
 * newer ones do, which are first in a list that is newest first.
 */
function outvotes(group: readonly Instance[], other: readonly Instance[]): boolean {
  return group.length === other.length ? oldestIn(group) < oldestIn(other) : group.length > other.length;
}

function oldestIn(group: readonly Instance[]): number {
  return group.reduce((oldest, { registration }) => Math.min(oldest, registration.createIndex), Infinity);
}

function newestOf([first, ...others]: readonly Instance[]): Instance | undefined {
  if (first === undefined) return undefined;
  return others.reduce((a, b) => (b.registration.modifyIndex > a.registration.modifyIndex ? b : a), first);
}

/** All that instances of one service have to agree on, in whatever order their tags come. */
const signature = oncePer((settings: TagSettings) => JSON.stringify(settings, agreed));

const agreed = ['domains', ...Object.keys(tags).filter((key) => key !== 'weight')];

function bounded(problems: readonly Problem[]): readonly Problem[] {
  if (problems.length <= maxProblems) return problems;
  const more = { subject: 'tags', text: `have ${problems.length - maxProblems} more problems` };
  return [...problems.slice(0, maxProblems), more];
}

function distinct(problems: readonly Problem[]): readonly Problem[] {
  if (problems.length === 0) return problems;
  return [...new Map(problems.map((one) => [`${one.subject} ${one.text}`, one])).values()];
}
