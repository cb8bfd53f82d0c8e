import { useMaster } from '../../haproxy/client-failures.ts';
import { parseConfig, readLine } from '../../haproxy/config-text.ts';
import type { ProcessReport, ReloadReport } from '../../haproxy/client-reports.ts';
import { excerpt } from '../../model/quoted.ts';
import { ok, problem, warning, type Finding } from './finding.ts';

/** What can be seen of how the API reloads, without a reload. */
export interface ReloadSigns {
  readonly process: ProcessReport;
  readonly reloads: readonly ReloadReport[];
  /** haproxy.cfg. */
  readonly text: string;
  /** What the file says and the process does not have, in words. */
  readonly unloaded: readonly string[];
}

const check = 'reloads';
const reloadNow = `reload HAProxy by hand (systemctl reload haproxy, or kill -USR2 of its master); then ${useMaster}`;
/** The API tells its times by the second. */
const resolutionMs = 2000;

/**
 * Whether a reload that the API calls a success is one. The API does not say how it reloads; it says by which socket it
 * talks to HAProxy, and only by the master's does it learn what became of a reload. By a command, such as `true`, every one
 * that ends with 0 is a success, and the file that could not be loaded is kept as the last good one.
 */
export function judgeReloads(signs: ReloadSigns): readonly Finding[] {
  const { process, reloads, text, unloaded } = signs;
  const done = newest(reloads, 'succeeded');
  const broken = newest(reloads, 'failed');
  const findings: Finding[] = [];
  if (unloaded.length > 0) {
    findings.push(problem(check, `HAProxy has not loaded what the file says: ${unloaded.join(', ')}`, reloadNow));
  }
  const { startedAt } = withStart(process);
  if (done?.at !== undefined && startedAt !== undefined && startedAt + resolutionMs < done.at) {
    const found = `reload ${done.id} is called a success, at ${time(done.at)}, but the process runs since ${time(startedAt)}`;
    findings.push(problem(check, found, reloadNow));
  }
  if (broken?.at !== undefined && broken.at > (done?.at ?? 0)) {
    const found = `the last one that nobody forced failed, at ${time(broken.at)}: ${excerpt(broken.words.trim())}`;
    findings.push(warning(check, found, 'mend what HAProxy names there; the API log has all of it'));
  }
  const { socket } = process;
  if (socket !== undefined && statsSockets(text).includes(bare(socket))) {
    const found = `go by a command, since the API talks to HAProxy by ${socket}, a "stats socket": one that always succeeds would not be noticed, and which it is the API does not tell`;
    findings.push(warning(check, found, useMaster));
  } else if (done !== undefined && done.words.trim() === '') {
    const found = `the last one that nobody forced brought no words of HAProxy: a command did it, not the master's socket`;
    findings.push(warning(check, found, useMaster));
  }
  return findings.length > 0 ? findings : [ok(check, `by the master's socket ${socket ?? ''}, ${sayProof(done)}`)];
}

function sayProof(done: ReloadReport | undefined): string {
  return done?.at === undefined
    ? 'if haproxy.master_worker_mode is true, which the API does not tell; none to judge by, as forced ones are not listed'
    : `and the last one, at ${time(done.at)}, brought HAProxy's own words`;
}

function newest(reloads: readonly ReloadReport[], status: ReloadReport['status']): ReloadReport | undefined {
  return reloads.filter((one) => one.status === status).toSorted((a, b) => (b.at ?? 0) - (a.at ?? 0))[0];
}

function withStart({ clock, uptimeSec }: ProcessReport): { readonly startedAt?: number } {
  return uptimeSec === undefined || Number.isNaN(clock) ? {} : { startedAt: clock - uptimeSec * 1000 };
}

/** Addresses of the file's runtime sockets. */
function statsSockets(text: string): readonly string[] {
  return parseConfig(text)
    .filter(({ kind }) => kind === 'global')
    .flatMap(({ lines }) => lines.map((line) => readLine(line).words))
    .filter(([first, second]) => first === 'stats' && second === 'socket')
    .map(([, , address = '']) => bare(address));
}

function bare(address: string): string {
  return address.replace(/^unix@/, '');
}

function time(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19) + 'Z';
}
