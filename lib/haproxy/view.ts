import type { Mark, Route, RouteMap, ServiceKey } from '../model/events.ts';
import type { BackendView, FrontendView, SlotView, View } from '../model/view.ts';
import { firstWord, nameSections, parseConfig, readLine, type Section } from './config-text.ts';
import { isOthersMark, readBackendMark, readSlot, type BackendMark } from './marks.ts';
import { isRouted, isRoutingLine, type MapPaths } from './routing.ts';

/** Rows of the three maps, key -> backend, in the file's order. */
export type MapRows = Readonly<Record<RouteMap, ReadonlyMap<string, string>>>;

/** Reads from a configuration text all that a plan needs to know. */
export function readView(
  text: string,
  version: number,
  maps: MapRows,
  owner: string,
  paths: MapPaths,
  runtime: View['runtime'] = 'nothing',
): View {
  const sections = nameSections(parseConfig(text));
  const defaults = new Map<string, Inherited>();
  const named = namedBackends(sections, owner);
  const backends = new Map<string, BackendView>();
  const frontends = new Map<string, FrontendView>();
  const backendsOf = new Map<ServiceKey, readonly string[]>();
  const keepOnce = createPool();
  let latest = builtIn;

  for (const section of sections) {
    const implied = section.kind === 'defaults' ? builtIn : latest;
    const own = readInherited(section, section.from === '' ? implied : (defaults.get(section.from) ?? implied));
    if (section.kind === 'defaults') {
      latest = own;
      defaults.set(section.name, own);
    } else if (section.kind === 'frontend') {
      const { name, from } = section;
      frontends.set(name, { name, from, mode: own.mode, routed: isRouted(section, owner, paths) });
    } else if (section.kind === 'backend') {
      const backend = readBackend(section, own, owner, named.has(section.name), keepOnce);
      backends.set(backend.name, backend);
      const services = new Set(backend.mark ? [backend.mark.service] : backend.slots.map((slot) => slot.service));
      for (const service of services) {
        backendsOf.set(service, (backendsOf.get(service) ?? []).concat(backend.name));
      }
    }
  }
  return {
    version,
    runtime,
    backends,
    frontends,
    defaults: [...defaults.keys()],
    backendsOf,
    maps,
    rowsOf: rowsByBackend(maps),
  };
}

/** The same view with other map rows. */
export function withRows(view: View, maps: MapRows): View {
  return { ...view, maps, rowsOf: rowsByBackend(maps) };
}

/** What our marks say of an earlier run; map rows go to the service whose backend they name. */
export function marksOf(view: View): readonly Mark[] {
  return [...view.backendsOf].flatMap(([service, names]) =>
    names.map((backend) => ({
      service,
      backend,
      owned: view.backends.get(backend)?.mark !== undefined,
      routes: view.rowsOf.get(backend) ?? [],
    })),
  );
}

function rowsByBackend(maps: MapRows): ReadonlyMap<string, readonly Route[]> {
  const rows = new Map<string, Route[]>();
  for (const map of ['exact', 'prefix', 'regex'] as const) {
    for (const [key, backend] of maps[map]) {
      const routes = rows.get(backend);
      if (routes === undefined) rows.set(backend, [{ map, key }]);
      else routes.push({ map, key });
    }
  }
  return rows;
}

interface Inherited {
  readonly mode: 'http' | 'tcp';
  readonly balance: string;
  readonly consistent: boolean;
}

/** What holds where nothing is said (HAProxy manual, 4.2: mode, balance). */
const builtIn: Inherited = { mode: 'tcp', balance: 'roundrobin', consistent: false };

function readInherited(section: Section, base: Inherited): Inherited {
  let { mode, balance, consistent } = base;
  for (const line of section.lines) {
    const keyword = firstWord(line);
    if (keyword !== 'mode' && keyword !== 'balance' && keyword !== 'hash-type') continue;
    const [, value = ''] = readLine(line).words;
    if (keyword === 'mode') mode = value === 'http' ? 'http' : 'tcp';
    if (keyword === 'balance') balance = value;
    if (keyword === 'hash-type') consistent = value === 'consistent';
  }
  return { mode, balance, consistent };
}

function readBackend(
  section: Section,
  { mode, balance, consistent }: Inherited,
  owner: string,
  referenced: boolean,
  keepOnce: Pool,
): BackendView {
  const slots: SlotView[] = [];
  const foreignServers: string[] = [];
  let mark: BackendMark | undefined;
  let isOthers = false;
  for (const line of section.lines) {
    const keyword = firstWord(line);
    if (keyword === 'description') {
      mark ??= readBackendMark(owner, readLine(line).words);
      isOthers ||= isOthersMark(owner, readLine(line).words);
    }
    if (keyword !== 'server') continue;
    const slot = readSlot(owner, line);
    if (slot === undefined) foreignServers.push(readLine(line).words[1] ?? '');
    else slots.push(inPool(slot, keepOnce));
  }
  return {
    name: section.name,
    ...(mark && { mark }),
    ...(isOthers && { isOthers }),
    mode,
    dynamic: isDynamic(balance.replace(/\(.*/, ''), consistent),
    slots: [...slots], // as long as it has to be: what grew by `push` has room for more
    foreignServers,
    referenced,
  };
}

/** The same text for the same words. */
type Pool = <T extends string>(text: T) => T;

function createPool(): Pool {
  const known = new Map<string, string>();
  return <T extends string>(text: T) => {
    if (!known.has(text)) known.set(text, text);
    return known.get(text) as T;
  };
}

/** Slots are many, and say nearly all in the same words: of those each is kept once, not in every line. */
function inPool(slot: SlotView, keepOnce: Pool): SlotView {
  const { name, service, address, options } = slot;
  return {
    ...slot,
    name: keepOnce(name),
    service: keepOnce(service),
    address: keepOnce(address),
    options: keepOnce(options),
  };
}

/** Servers of the hash algorithms are part of the hash, unless it is consistent (HAProxy manual, 4.2: balance). */
function isDynamic(algorithm: string, consistent: boolean): boolean {
  if (['roundrobin', 'leastconn', 'random', 'first'].includes(algorithm)) return true;
  return consistent && algorithm !== 'static-rr';
}

/** Backends that hand-written sections name: as a target, in a fetch such as `nbsrv(web)`, as a table, or to track a server. */
function namedBackends(sections: readonly Section[], owner: string): ReadonlySet<string> {
  const names = new Set<string>();
  const byHand = sections.filter(({ lines }) => !lines.some((line) => line.includes(`description ${owner} `)));
  for (const line of byHand.flatMap((section) => section.lines)) {
    if (isRoutingLine(owner, line)) continue;
    const text = readLine(line).words.join(' ');
    for (const [, name = ''] of text.matchAll(reference)) names.add(name);
  }
  return names;
}

const reference = /(?:^use_backend |^default_backend | table | track |\()([\w.:-]+)(?=[ ,/)]|$)/g;
