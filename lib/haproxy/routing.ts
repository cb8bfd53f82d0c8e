import type { RouteMap } from '../model/events.ts';
import { maxHostLength } from '../model/regex-domain.ts';
import { appendLines, firstWord, readLine, type Section } from './config-text.ts';

export type MapPaths = Readonly<Record<RouteMap, string>>;

/** The three map files with one stem in a directory. */
export function mapPaths(directory: string, stem: string): MapPaths {
  const path = (map: RouteMap) => `${directory}/${stem}-${map}.map`;
  return { exact: path('exact'), prefix: path('prefix'), regex: path('regex') };
}

/**
 * The routing rule of a frontend: exact, then longest prefix, then first regex. Both guards matter. A host that is too long
 * to be one is not looked up: a regex domain may take as long as a host of that length allows. And a dynamic `use_backend`
 * whose backend is missing ends the rule loop and kills every rule after it (measured on API 3.0 to 3.4).
 */
export function routingLines(owner: string, paths: MapPaths): readonly string[] {
  const [host, backend] = [`txn.${owner}_host`, `txn.${owner}_be`];
  const unlessFound = `unless { var(${backend}) -m found }`;
  return [
    `http-request set-var(${host}) req.hdr(host),host_only,lower if { req.hdr(host),host_only,length le ${maxHostLength} }`,
    `http-request set-var(${backend}) var(${host}),map_str(${paths.exact})`,
    `http-request set-var(${backend}) var(${host}),map_beg(${paths.prefix}) ${unlessFound}`,
    `http-request set-var(${backend}) var(${host}),map_reg(${paths.regex}) ${unlessFound}`,
    `use_backend %[var(${backend})] if { var(${backend}),nbsrv ge 0 }`,
  ];
}

/** A line of our rule, also of an older form of it; a hand-written rule that only reads our variables is not one. */
export function isRoutingLine(owner: string, line: string): boolean {
  const keyword = firstWord(line);
  if (keyword !== 'http-request' && keyword !== 'use_backend') return false;
  const [, argument = ''] = readLine(line).words;
  return (
    (keyword === 'http-request' && new RegExp(`^set-var\\(txn\\.${owner}_(host|be)\\)$`).test(argument)) ||
    (keyword === 'use_backend' && argument === `%[var(txn.${owner}_be)]`)
  );
}

export function isRouted(section: Section, owner: string, paths: MapPaths): boolean {
  const ours = section.lines.filter((line) => isRoutingLine(owner, line)).map((line) => readLine(line).words.join(' '));
  const wanted = routingLines(owner, paths);
  return ours.length === wanted.length && ours.every((line, n) => line === wanted[n]);
}

/** Puts the rule behind the hand-written ones, so that those win, and takes an older form of it away. */
export function installRouting(section: Section, owner: string, paths: MapPaths): void {
  section.lines = section.lines.filter((line) => !isRoutingLine(owner, line));
  const lines = routingLines(owner, paths).map((line) => `  ${line}`);
  insertBehind(section, lines.slice(0, -1), ['http-request', 'http-after-response', 'http-response'], ['use_backend']);
  insertBehind(section, lines.slice(-1), ['use_backend'], ['default_backend']);
}

/** Behind the last line of one of `kinds`; where there is none, before the first of `before`; else at the section's end. */
function insertBehind(
  section: Section,
  lines: readonly string[],
  kinds: readonly string[],
  before: readonly string[],
): void {
  const last = section.lines.findLastIndex((line) => kinds.includes(firstWord(line)));
  const first = section.lines.findIndex(
    (line) => before.includes(firstWord(line)) || firstWord(line) === 'default_backend',
  );
  if (last >= 0) section.lines.splice(last + 1, 0, ...lines);
  else if (first >= 0) section.lines.splice(first, 0, ...lines);
  else appendLines(section, lines);
}
