import type { Config } from './config.ts';
import { capabilitiesOf, type Versions } from './haproxy/versions.ts';
import type { LogLine } from './log.ts';
import type { Kept } from './model/kept.ts';
import type { Notice } from './model/notice.ts';

export interface StartUpOptions {
  readonly config: Config;
  /** Of the connector and of Node, for the log. */
  readonly versions: { readonly version: string; readonly node: string };
  readonly kept: (what: Kept) => number;
  /** HAProxy is the twin, which has no version to tell. */
  readonly dryRun: boolean;
  /** ms. */
  readonly now: () => number;
}

/**
 * What the log says of the time until every service of the first snapshot has been tried: `progress` how far it is, nothing
 * where that has not changed, and `observe` once, of the notice that ends it, what the connector works with and has done.
 */
export function createStartUp({ config, versions, kept, dryRun, now }: StartUpOptions) {
  const startedAt = now();
  let haproxy: Versions | undefined;
  let read: { readonly services: number; readonly registrations: number } | undefined;
  let said = '';
  let reloads = 0;
  let passed = false;
  let over = false;
  const failed = new Set<string>();
  const faulty = new Set<string>();

  function observe(notice: Notice): LogLine | undefined {
    if (over) return undefined;
    if (notice.kind === 'haproxy-connected') haproxy = { haproxy: notice.haproxy, dataplane: notice.dataplane };
    if (notice.kind === 'snapshot-read') read = { services: notice.services, registrations: notice.registrations };
    if (notice.kind === 'applied' && notice.reloaded) reloads += 1;
    if (notice.kind === 'service-failed') failed.add(notice.service);
    if (notice.kind === 'settled') failed.delete(notice.service);
    if (notice.kind === 'service-problems' && notice.problems.length > 0) faulty.add(notice.service);
    if (notice.kind === 'first-pass-done') passed = true;
    // In any order: HAProxy may be read by one call before it greets by another, and the twin is done before the reading is told.
    if (!passed || read === undefined || (haproxy === undefined && !dryRun)) return undefined;
    over = true;
    return { level: 'info', message: 'started', fields: summary() };
  }

  function summary(): LogLine['fields'] {
    const { nomad, tags } = config;
    return {
      ...versions,
      dryRun,
      ...haproxy,
      capabilities: haproxy && namesOf(capabilitiesOf(haproxy)),
      nomad: nomad.address,
      namespaces: nomad.namespaces,
      frontends: config.haproxy.frontends,
      owner: config.haproxy.owner,
      tags: [tags.prefix, ...tags.aliases],
      ...read,
      failed: failed.size,
      withProblems: faulty.size,
      reloads,
      tookMs: Math.round(now() - startedAt),
    };
  }

  function progress(): LogLine | undefined {
    if (over || read === undefined) return undefined;
    const waiting = kept('runtime_lane') + kept('writer_lane');
    const fields = { waiting, of: read.services, probing: kept('probes') };
    if (JSON.stringify(fields) === said) return undefined;
    said = JSON.stringify(fields);
    return { level: 'info', message: 'bringing services to HAProxy', fields };
  }

  return { observe, progress };
}

function namesOf(capabilities: object): readonly string[] {
  return Object.entries(capabilities).flatMap(([name, can]) => (can === true ? [name] : []));
}
