import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Bench } from 'tinybench';
import type { Memory } from './pipeline/memory.ts';
import { decode, fold, jsonParse, pipeline, plan, type Stage } from './pipeline/stages.ts';
import { createCluster, type Cluster, type Mix } from './pipeline/wire.ts';
import { describeMachine } from './support/machine.ts';
import { renderTable } from './support/table.ts';

/**
 * What an event costs without I/O: `npm run bench [-- --json] [-- --quick]`. Each stage is measured beside `JSON.parse` of
 * the same bytes, in seconds of a core: those of all threads of this process, so that garbage collection counts and what
 * else the machine does counts as little as can be. `--quick` shows that it runs, not what it costs.
 */
interface Figure {
  readonly stage: string;
  readonly services: number;
  readonly eventsPerSecond: number;
  readonly mbPerSecond: number;
  /** Its time by that of `JSON.parse` on the same bytes, in the same run. */
  readonly timesJsonParse: number;
}

interface Target {
  readonly what: string;
  readonly measured: number;
  readonly target: string;
  readonly met: boolean;
}

interface Speed {
  readonly eventsPerSecond: number;
  readonly mbPerSecond: number;
}

function coreMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Of one call of a stage, so that neither the clock's resolution nor garbage collection shows; ms. */
const callMs = 20;
const maxEvents = 500;
/** Times as long as it measures: V8 compiles the whole pipeline for tens of thousands of events before it is as fast as it gets. */
const warmUp = 4;

function measure(stage: Stage, cluster: Cluster, timeMs: number): Speed {
  const events = calibrate(stage, cluster);
  let bytes = 0;
  const bench = new Bench({
    now: coreMs,
    time: timeMs,
    iterations: 3,
    warmupTime: timeMs * warmUp,
    warmupIterations: 1,
    throws: true,
  });
  bench.add('stage', stage.run, {
    async: false,
    beforeEach: () => {
      const chunk = cluster.next(events);
      bytes = chunk.bytes.length;
      stage.prepare(chunk);
    },
  });
  const [result] = bench.runSync().map((task) => task.result);
  stage.stop?.();
  if (result?.state !== 'completed') throw new Error(`a stage is ${result?.state ?? 'missing'}`);
  const seconds = result.latency.mean / 1000;
  return { eventsPerSecond: events / seconds, mbPerSecond: bytes / 1e6 / seconds };
}

/** So many events that a call takes long enough. */
function calibrate(stage: Stage, cluster: Cluster): number {
  for (let events = 8; ; events *= 2) {
    stage.prepare(cluster.next(events));
    const startedAt = coreMs();
    stage.run();
    if (coreMs() - startedAt > callMs || events >= maxEvents) return events;
  }
}

type Stages = Readonly<Record<string, (cluster: Cluster) => Stage>>;

/** The worst case: every event takes an instance of a managed service in or out. */
const stages: Stages = { 'JSON.parse': jsonParse, decode, fold, plan, 'whole pipeline': pipeline };

/** Nomad tells of jobs as well, at length; most of it is no news. */
const withJobs: Stages = { 'JSON.parse, job events too': jsonParse, 'pipeline, job events too': pipeline };

/** And of services that are none of our business: here every other one, so that a third of the events means work. */
const mixed: Stages = { 'JSON.parse, mixed': jsonParse, 'pipeline, mixed': pipeline };

/** The first stage is what the others are compared with. */
function measureAll(chosen: Stages, services: number, timeMs: number, mix: Mix = {}): readonly Figure[] {
  const speeds = Object.entries(chosen).map(([stage, create]) => {
    const cluster = createCluster(services, mix);
    return { stage, ...measure(create(cluster), cluster, timeMs) };
  });
  const alone = speeds[0]!;
  return speeds.map(({ stage, eventsPerSecond, mbPerSecond }) => ({
    stage,
    services,
    eventsPerSecond,
    mbPerSecond,
    timesJsonParse: alone.eventsPerSecond / eventsPerSecond,
  }));
}

function measureMemory(registrations: number): Memory {
  const script = fileURLToPath(new URL('./pipeline/memory.ts', import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [script, String(registrations)], { encoding: 'utf8' })) as Memory;
}

function judge(figures: readonly Figure[], largest: Memory): readonly Target[] {
  const speeds = speedsOf(figures, 'whole pipeline');
  const spread = Math.max(...speeds) / Math.min(...speeds);
  const rss = largest.rss / 1e6;
  return [
    ...['whole pipeline', 'pipeline, mixed'].flatMap((stage) => judgeSpeed(figures, stage)),
    { what: 'fastest by slowest size', measured: spread, target: 'flat: at most 1.5', met: spread <= 1.5 },
    {
      what: `RSS with ${largest.registrations.toLocaleString('en')} registrations, MB`,
      measured: rss,
      target: 'under 400',
      met: rss < 400,
    },
  ];
}

/** By the slowest size. */
function judgeSpeed(figures: readonly Figure[], stage: string): readonly Target[] {
  const slowest = Math.min(...speedsOf(figures, stage));
  const ratio = Math.max(...figures.filter((one) => one.stage === stage).map((one) => one.timesJsonParse));
  return [
    { what: `${stage}, events/s`, measured: slowest, target: 'at least 100,000', met: slowest >= 100_000 },
    { what: `${stage}, by JSON.parse`, measured: ratio, target: 'at most 3', met: ratio <= 3 },
  ];
}

function speedsOf(figures: readonly Figure[], stage: string): readonly number[] {
  return figures.filter((one) => one.stage === stage).map(({ eventsPerSecond }) => eventsPerSecond);
}

const { values: flags } = parseArgs({ options: { json: { type: 'boolean' }, quick: { type: 'boolean' } } });
const sizes = flags.quick ? [10] : [100, 1000, 10_000];
const middle = sizes[1] ?? sizes[0]!;
const machine = describeMachine();
const timeMs = flags.quick ? 20 : 1000;
const figures = [
  ...sizes.flatMap((size) => measureAll(stages, size, timeMs)),
  ...measureAll(withJobs, middle, timeMs, { jobEvents: true }),
  ...measureAll(mixed, middle, timeMs, { jobEvents: true, bystanders: true }),
];
const memory = (flags.quick ? [300, 3000] : [10_000, 100_000]).map(measureMemory);
const targets = judge(figures, memory.at(-1)!);

if (flags.json) {
  process.stdout.write(`${JSON.stringify({ machine, figures, memory, targets })}\n`);
} else {
  const { cpu, cores, memoryGiB, node } = machine;
  process.stdout.write(
    [
      `${cpu}, ${cores} cores, ${memoryGiB} GiB, node ${node}`,
      renderTable(
        figures.map(({ stage, services, eventsPerSecond, mbPerSecond, timesJsonParse }) => ({
          stage,
          services,
          'events/s': eventsPerSecond,
          'MB/s': mbPerSecond,
          'x JSON.parse': timesJsonParse,
        })),
      ),
      renderTable(
        memory.map(({ registrations, heap, rss, peak }) => ({
          registrations,
          'heap MB': heap / 1e6,
          'per 10,000 MB': (heap / 1e6 / registrations) * 10_000,
          'RSS MB': rss / 1e6,
          'peak RSS MB': peak / 1e6,
        })),
      ),
      renderTable(targets.map((target) => ({ ...target }))),
      '',
    ].join('\n\n'),
  );
}
