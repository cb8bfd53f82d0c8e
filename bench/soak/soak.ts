import { clockMs, pause } from '../support/clock.ts';
import { describeMachine } from '../support/machine.ts';
import type { Claim } from './claims.ts';
import { keepLogs } from './logs.ts';
import { claimHeap, claimMemory } from './memory.ts';
import { claimSaneMetrics } from './metrics.ts';
import { showProgress } from './progress.ts';
import { createRandom } from './random.ts';
import { claimHandWritten, claimLives, claimNoFailedRequest, claimSame, claimWritten } from './reckoning.ts';
import { claimReloads } from './reloads.ts';
import type { SoakResult } from './report.ts';
import { setScene, type Scene } from './scene.ts';
import { befall, stirAt } from './schedule.ts';
import { claimNoTransactions } from './transactions.ts';

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Events a second. */
  readonly rate: number;
  readonly services: number;
  /** Faults whose names begin so; absent: all that are to be healed. */
  readonly only?: readonly string[];
  /** Where the connectors' logs and the calls to the API go, to find out what was wrong. */
  readonly keepLogsIn?: string;
}

const requestsPerSecond = 150;
/** Ms; requests and the connector's look at HAProxy go on so long after everything is at rest. */
const lastLookMs = 3000;

/** Rejects when it is interrupted, with nothing left running. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const scene = await setScene(options);
  try {
    return await Promise.race([play(scene, options), interrupted()]);
  } finally {
    await scene.close();
    const { keepLogsIn } = options;
    if (keepLogsIn !== undefined) keepLogs(keepLogsIn, scene.connectors.lives, scene.calls);
  }
}

async function play(scene: Scene, { seconds, seed, rate, only }: SoakOptions): Promise<SoakResult> {
  const { world, cluster, connectors, load } = scene;
  const startedAt = clockMs();
  const progress = showProgress(seconds, scene);
  await scene.open(requestsPerSecond);
  const churn = stirAt(rate, cluster);
  const faults = await befall(scene, { random: createRandom(seed + 1), seconds, only, tell: progress.say });
  churn.stop();
  // At rest the process gives memory back, which says nothing of its growth.
  const longest = [...connectors.lives.map(({ memory }) => memory).reduce((a, b) => (b.length > a.length ? b : a))];
  cluster.bury();

  progress.say('rest');
  const claims: Claim[] = [await claimSame(world, cluster), await claimWritten(scene)];
  await pause(lastLookMs);
  claims.unshift(claimNoFailedRequest(await load.stop(), startedAt));
  claims.push(await claimSaneMetrics(connectors.lives.at(-1)!.connector));
  const lived = await connectors.liveHeap();
  await connectors.restart('stop');
  claims.push(claimHeap(lived, await connectors.liveHeap()));
  await connectors.stop();
  const reloads = await scene.reloads();
  claims.push(
    await claimHandWritten(world),
    await claimNoTransactions(world, scene.calls, connectors.lives),
    claimReloads(reloads, scene.calls, connectors.lives),
    claimMemory(longest),
    claimLives(connectors.lives),
  );
  progress.stop();
  return { seed, seconds, machine: describeMachine(), events: cluster.events(), faults, claims };
}

function interrupted(): Promise<never> {
  return new Promise((_, reject) => {
    process.once('SIGINT', () => {
      reject(new Error('interrupted'));
    });
  });
}
