import { spawnConnector, type Env, type SpawnedConnector } from '../../spec-integration/support/connector.ts';
import { clockMs, pause, waitUntil } from '../support/clock.ts';
import { readMetrics } from './metrics.ts';

/** One process of the connector, from its start to its end. */
export interface Life {
  readonly connector: SpawnedConnector;
  /** What the system has given the process, in bytes, once a second. */
  readonly memory: readonly number[];
  /** The code is absent when it was killed; `tookMs` is from the request to stop, and absent when nobody asked for its end. */
  ended?: { readonly code?: number; readonly tookMs?: number; readonly killedAt?: number };
}

/** One connector at a time. */
export interface Connectors {
  readonly lives: readonly Life[];
  /** Ends the present one by SIGTERM or SIGKILL and starts the next; resolves when that has tried every service. */
  readonly restart: (how: 'stop' | 'kill') => Promise<void>;
  /** Ends the present one by SIGTERM. */
  readonly stop: () => Promise<void>;
  /** Bytes of the present one's heap that are alive. */
  readonly liveHeap: () => Promise<number>;
}

const firstPassMs = 120_000;

const probe = new URL('live-heap.ts', import.meta.url).href;
const probed: Env = { NODE_OPTIONS: `--expose-gc --import ${probe}` };
const heapMsg = 'live heap';
const heapSamples = 5;
const heapPauseMs = 500;

/** Starts the first one; resolves when it has tried every service. */
export async function startConnectors(env: Env): Promise<Connectors> {
  const lives: Life[] = [];
  let asked = false;

  async function start(): Promise<void> {
    const connector = spawnConnector({ ...env, ...probed });
    const memory: number[] = [];
    const life: Life = { connector, memory };
    lives.push(life);
    asked = false;
    const sampling = setInterval(() => {
      void readMetrics(connector).then(
        (metrics) => memory.push(metrics.get('process_resident_memory_bytes') ?? NaN),
        () => undefined,
      );
    }, 1000);
    void connector.exited.then((code) => {
      clearInterval(sampling);
      if (!asked) life.ended = { code };
    });
    await waitUntil(
      'the connector has tried every service',
      () => life.ended !== undefined || connector.count('tried every service of the first snapshot') > 0,
      { withinMs: firstPassMs },
    );
  }

  async function end(how: 'stop' | 'kill'): Promise<void> {
    const life = lives.at(-1);
    if (life === undefined || life.ended !== undefined) return;
    asked = true;
    const startedAt = clockMs();
    const killedAt = Date.now();
    await life.connector[how]();
    const tookMs = clockMs() - startedAt;
    life.ended = how === 'kill' ? { tookMs, killedAt } : { tookMs, code: await life.connector.exited };
  }

  /** Of a process at rest: what a turn that is under way holds is alive, too. */
  async function liveHeap(): Promise<number> {
    const { connector } = lives.at(-1)!;
    const first = connector.count(heapMsg);
    for (let asked = 1; asked <= heapSamples; asked += 1) {
      await pause(heapPauseMs);
      connector.ask();
      await waitUntil('the heap has been measured', () => connector.count(heapMsg) === first + asked, {
        withinMs: 30_000,
      });
    }
    const bytes = connector.log.filter(({ msg }) => msg === heapMsg).map((line) => Number(line['bytes']));
    return Math.min(...bytes.slice(-heapSamples));
  }

  await start();
  return {
    liveHeap,
    lives,
    restart: async (how) => {
      await end(how);
      await start();
    },
    stop: () => end('stop'),
  };
}
