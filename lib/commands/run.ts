import type { Logger } from 'pino';
import {
  catchError,
  concat,
  defer,
  EMPTY,
  filter,
  firstValueFrom,
  from,
  ignoreElements,
  map,
  merge,
  of,
  tap,
  type Observable,
} from 'rxjs';
import { nomadEvents } from '../../streams/nomad-events.ts';
import type { Probe } from '../../operators/admit-instances.ts';
import { pipeline } from '../../streams/pipeline.ts';
import { probeInstances } from '../../streams/probe.ts';
import { redactConfig, secretsOf, type Config } from '../config.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { createDataplaneClient } from '../haproxy/client.ts';
import { createDataplaneEnd } from '../haproxy/dataplane-end.ts';
import type { HaproxyEnd } from '../haproxy/end.ts';
import { tellExchanges } from '../haproxy/exchanges.ts';
import { noticeToLog, type LogLine } from '../log.ts';
import { createMetrics, type Metrics } from '../metrics.ts';
import type { Notice } from '../model/notice.ts';
import type { Count } from '../model/tally.ts';
import { together } from '../model/witness.ts';
import { createNomadClient } from '../nomad/client.ts';
import { foldReadiness, readiness, startReadiness } from '../readiness.ts';
import { createRecorder, type Recorder } from '../recorder.ts';
import { createRepeats } from '../repeats.ts';
import { hiding } from '../secrets.ts';
import { startServer, type Server, type Shown } from '../server.ts';
import { returnSpare, thisProcess } from '../spare-memory.ts';
import { createStartUp } from '../start-up.ts';
import { createStatusBoard } from '../status-board.ts';
import { createStatusFeed } from '../status-feed.ts';
import { readStatusPage } from '../status-page.ts';
import { version } from '../version.ts';
import type { Command } from './command.ts';
import { createHeldLosses } from './held-losses.ts';
import { cannotServe, listenForOperator } from './operator.ts';
import { debugTap, settingsOf, timingOf } from './settings.ts';
import { startTwin } from './twin.ts';
import { unrouted } from './unrouted.ts';

/** Longest wait (ms) for a write in flight after the process was asked to stop; the promise is 10 s for all of it. */
const lastWriteMs = 8000;

/** Keeps HAProxy in step with Nomad until the process is asked to stop. */
export const run: Command = {
  usage: '[run] [--dry-run [--base <haproxy.cfg>]]',
  operands: 0,
  flags: ['dry-run', 'base'],
  needsHaproxy: (flags) => flags['dry-run'] !== true,
  refuse: (flags) => (flags.base !== undefined && !flags['dry-run'] ? '--base is for dry runs only' : undefined),
  start: async ({ config: given, flags, log }, { env, stopped, onHangup }) => {
    const dryRun = flags['dry-run'] === true;
    const versions = { version: version(), node: process.version };
    log.info({ ...versions, config: redactConfig(given), dryRun }, 'starting');
    const metrics = createMetrics(versions.version);
    const { measure, lag } = metrics;
    const recorder = startRecorder(given, metrics, log);
    const { haproxy, config } = dryRun
      ? dryEnd(given, flags.base)
      : { haproxy: realEnd(given, metrics, recorder), config: given };
    const held = createHeldLosses();
    const nomad = nomadEvents(createNomadClient(config.nomad), {
      namespaces: config.nomad.namespaces,
      ...config.tags,
      verifyAllocations: config.nomad.verifyAllocations,
      confirm: held.confirm,
      measure,
      lag,
    });
    const startUp = createStartUp({
      config,
      versions,
      kept: metrics.kept,
      dryRun,
      now: () => performance.now(),
    });
    const say = (line: LogLine | undefined) => {
      if (line !== undefined) log[line.level](line.fields, line.message);
    };
    const repeats = createRepeats(() => performance.now());
    const status = startStatus(() => {
      say(startUp.progress());
      for (const line of repeats.due()) say(line);
    });
    const hide = hiding(secretsOf(given));
    const board = createStatusBoard({
      version: versions.version,
      dryRun,
      ready: status.ready,
      hide,
      now: Date.now,
      measure,
    });
    const witness = recorder === undefined ? board.witness : together(recorder.witness, board.witness);
    metrics.look(board.glance);
    const shown = { whole: board.whole, feed: createStatusFeed({ ...board, measure }), page: readStatusPage() };
    const server = await listen(config, { status, metrics, shown }, log);
    const admin = await listenForOperator(config, held, log).catch(async (error: unknown) => {
      status.stop();
      await server.close();
      throw error;
    });

    let haproxySeen = false;
    function observe(notice: Notice): void {
      if (notice.kind === 'haproxy-connected') haproxySeen = true;
      const line = noticeToLog(notice, { dryRun, haproxySeen });
      say(repeats.holds(notice) ? { ...line, level: 'debug' } : line);
      say(startUp.observe(notice));
      metrics.observe(notice);
      status.observe(notice);
      board.observe(notice);
      held.observe(notice);
      recorder?.observe(notice);
    }

    const domainsLeadNowhere = unrouted(config);
    if (domainsLeadNowhere !== undefined) observe(domainsLeadNowhere);
    const count: Count = (what) => {
      metrics.count(what);
      board.count(what);
    };
    onHangup(() => {
      log.info({ services: held.release().length }, 'asked by SIGHUP to let held services go');
    });
    const ends = { nomad: merge(nomad, held.words), haproxy, probe: probeOf(config, dryRun) };
    const settings = {
      ...settingsOf(config, debugTap(env['DEBUG_TAP'], log), measure, witness),
      count,
      onlooker: board.onlooker,
    };
    const said = pipeline(ends, settings, timingOf(config));
    const code = await firstValueFrom(merge(follow(said, observe, stopped, log), spareMemory(log)));
    status.stop();
    for (const notice of await Promise.race([haproxy.idle(), delay(lastWriteMs)])) observe(notice);
    await Promise.all([server.close(), admin?.close(), recorder?.close()]);
    log.info({ code }, 'stopped');
    return code;
  },
};

/** Observes all that is said until the process has to end, and says by which code; nothing is followed any more by then. */
function follow(
  said: Observable<Notice>,
  observe: (notice: Notice) => void,
  stopped: Promise<void>,
  log: Logger,
): Observable<ExitCode> {
  const gaveUp = said.pipe(
    tap(observe),
    filter((notice) => notice.kind === 'haproxy-lost' && notice.failure.kind === 'unsupported'),
    map(() => exitCodes.unavailable),
    catchError((error: unknown) => {
      log.fatal({ err: error }, 'stopped by a bug');
      return of(exitCodes.bug);
    }),
  );
  const ended = defer(() => {
    log.fatal('stopped because the pipeline ended, which it never should');
    return of(exitCodes.bug);
  });
  const asked = from(stopped).pipe(map(() => exitCodes.ok));
  return merge(concat(gaveUp, ended), asked);
}

/** Beside everything else: where it cannot be done, memory stays with V8. */
function spareMemory(log: Logger): Observable<never> {
  return returnSpare(thisProcess()).pipe(
    tap((spared) => {
      log.debug(spared, 'gave memory back');
    }),
    ignoreElements(),
    catchError((error: unknown) => {
      log.debug({ err: error }, 'cannot give memory back');
      return EMPTY;
    }),
  );
}

/** Longest time (ms) that the configuration file may lag behind the process under constant change. */
const persistMaxMs = 5000;

/** A dry run sends nothing to anybody, and where probes are off HAProxy's own checks decide. */
function probeOf({ admission, tags }: Config, dryRun: boolean): Probe {
  return dryRun || !admission.probe ? () => of('admit') : probeInstances(tags.prefix);
}

type StoppableEnd = HaproxyEnd & { readonly idle: () => Promise<readonly Notice[]> };

function realEnd(config: Config, { measure, countRequest: count }: Metrics, recorder?: Recorder): StoppableEnd {
  const observe = recorder && tellExchanges(hiding(secretsOf(config)), recorder.exchange);
  return createDataplaneEnd(createDataplaneClient(config.haproxy, { count, ...(observe && { observe }) }), {
    owner: config.haproxy.owner,
    stem: config.domainMap.stem,
    domainMap: config.domainMap.enabled,
    ...(config.haproxy.mapsDir !== undefined && { mapsDir: config.haproxy.mapsDir }),
    drift: config.drift,
    persistDelayMs: config.persist.delayMs,
    persistMaxMs,
    reloadIntervalMs: config.reload.intervalMs,
    now: () => performance.now(),
    measure,
  });
}

/** What keeps it from writing is said and counted, and is no reason to do anything else otherwise. */
function startRecorder({ recorder: { file, maxBytes } }: Config, metrics: Metrics, log: Logger): Recorder | undefined {
  if (file === undefined) return undefined;
  return createRecorder({
    path: file,
    maxBytes,
    lost: metrics.recorderLost,
    trouble: (why) => {
      if (why === undefined) log.info({ where: file }, 'writes the recorder file again');
      else log.warn({ what: why, where: file, hint: recorderHint }, 'cannot write the recorder file');
    },
  });
}

const recorderHint = 'see to the directory and its space, or to recorder.max_bytes; it is tried again every 30 s';

function dryEnd(given: Config, base: string | undefined): { haproxy: StoppableEnd; config: Config } {
  const { twin, config } = startTwin(given, base);
  return { haproxy: { ...twin.end, idle: () => Promise.resolve([]) }, config };
}

/** What `/ready` answers: a fold over the notices and the time. */
function startStatus(onTick: () => void) {
  let state = startReadiness(performance.now());
  const clock = setInterval(() => {
    state = foldReadiness(state, { kind: 'tick', now: performance.now() });
    onTick();
  }, 1000);
  return {
    observe: (notice: Notice) => {
      state = foldReadiness(state, notice);
    },
    ready: () => readiness(state),
    stop: () => {
      clearInterval(clock);
    },
  };
}

type Status = ReturnType<typeof startStatus>;

interface Served {
  readonly status: Status;
  readonly metrics: Metrics;
  readonly shown: Shown;
}

/** An address that cannot be taken is the configuration's fault, and the process is of no use without `/health`. */
async function listen({ server: at }: Config, { status, ...served }: Served, log: Logger): Promise<Server> {
  try {
    const server = await startServer({ ...at, ready: status.ready, ...served });
    log.info({ host: at.host, port: server.port }, 'serving health, readiness and metrics');
    return server;
  } catch (error) {
    status.stop();
    throw cannotServe('health, readiness and metrics', 'server', 'HEALTH', error);
  }
}

function delay(ms: number): Promise<readonly Notice[]> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms, []).unref();
  });
}
