import type { World } from '../../spec-integration/support/world.ts';
import { clockMs, pause } from '../support/clock.ts';
import type { LoadReport } from '../support/load.ts';
import { claimNothing, type Claim } from './claims.ts';
import type { Cluster } from './cluster.ts';
import type { Life } from './connectors.ts';
import { differences } from './differences.ts';
import { reloadByHand } from './faults.ts';
import type { Scene } from './scene.ts';

/** Until the last change has come to rest: backoff, drains, retention, and the budget of reloads. */
const mostRestMs = 120_000;
/** From a runtime step to the write that makes the file say it, and that write; 5 s by the connector's own limit. */
const mostLagMs = 7000;
/** What README promises of SIGTERM. */
const mostStopMs = 10_000;

/** Waits until HAProxy is as Nomad wants it, or gives up. */
export async function claimSame(world: World, cluster: Cluster): Promise<Claim> {
  const startedAt = clockMs();
  let wrong = await differences(world, cluster.wanted());
  while (wrong.length > 0 && clockMs() - startedAt < mostRestMs) {
    await pause(1000);
    wrong = await differences(world, cluster.wanted());
  }
  const after = ((clockMs() - startedAt) / 1000).toFixed(1);
  return claimNothing('HAProxy serves what Nomad has', `${cluster.wanted().size} services, after ${after} s`, wrong);
}

/** What HAProxy would load is what it runs, once the file has had the time that it may lag behind. */
export async function claimWritten(scene: Scene): Promise<Claim> {
  await pause(mostLagMs);
  await reloadByHand(scene);
  const wrong = await differences(scene.world, scene.cluster.wanted());
  return claimNothing('the same after one more reload', `${wrong.length} differences`, wrong);
}

export async function claimHandWritten(world: World): Promise<Claim> {
  const wrong = await world.assertHandWritten().then(
    () => [],
    (error: unknown) => [(error as Error).message.slice(0, 2000)],
  );
  return claimNothing('hand-written lines are as they were', `${wrong.length} differences`, wrong);
}

/** `since`: when the soak began, by the machine's clock. */
export function claimNoFailedRequest({ sent, failed, failures, firstFailures }: LoadReport, since: number): Claim {
  const reasons = Object.entries(failures).map(([why, count]) => `, ${why}: ${count}`);
  return claimNothing(
    'no request to a stable service fails',
    `${failed} of ${sent}${reasons.join('')}`,
    firstFailures.map(({ host, why, at }) => `${((at - since) / 1000).toFixed(1)} s: ${host}: ${why}`),
  );
}

/** Asked to stop it stops in time, with exit code 0; and it never ends by itself. */
export function claimLives(lives: readonly Life[]): Claim {
  const wrong = lives.flatMap(({ ended, connector }) => {
    if (ended === undefined) return ['one still runs'];
    const { code, tookMs } = ended;
    if (tookMs === undefined) return [`one ended by itself with code ${code}: ${connector.words().slice(-500)}`];
    if (code !== undefined && code !== 0) return [`one ended with code ${code}`];
    return tookMs < mostStopMs ? [] : [`one took ${Math.round(tookMs)} ms to end`];
  });
  const slowest = Math.round(Math.max(0, ...lives.map(({ ended }) => ended?.tookMs ?? 0)));
  const measured = `${lives.length} processes, ${slowest} ms to end at most`;
  return claimNothing('no process ends but when it is asked to', measured, wrong);
}
