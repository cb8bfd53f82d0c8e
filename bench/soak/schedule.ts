import { clockMs, pause } from '../support/clock.ts';
import type { Cluster } from './cluster.ts';
import { faults, restarts, slowlyHealed, type Fault } from './faults.ts';
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';

export interface Befallen {
  readonly name: string;
  /** Seconds from the start. */
  readonly at: number;
}

export interface BefallOptions {
  readonly random: Random;
  readonly seconds: number;
  /** What the names of faults begin with; absent: all but what heals slowly. */
  readonly only?: readonly string[] | undefined;
  readonly tell: (fault: string) => void;
}

/** Between the end of a fault and the next one; ms. */
const restMs = [500, 2500] as const;
/** In this part of the time the connector is restarted between other faults; then it is one process to the end. */
const restless = 1 / 4;

/**
 * Lets one fault follow the other until the time is over. All of them come before one comes again, in an order that the
 * random numbers decide.
 */
export async function befall(
  scene: Scene,
  { random, seconds, only, tell }: BefallOptions,
): Promise<readonly Befallen[]> {
  const nextFault = drawFrom(only === undefined ? faults : chosen({ ...faults, ...slowlyHealed }, only), random);
  const nextRestart = drawFrom(only === undefined ? restarts : chosen(restarts, only), random);
  const startedAt = clockMs();
  const since = () => (clockMs() - startedAt) / 1000;
  const befallen: Befallen[] = [];
  while (since() < seconds) {
    const isRestart = since() < seconds * restless && befallen.length % 2 === 0;
    const drawn = isRestart ? (nextRestart() ?? nextFault()) : nextFault();
    if (drawn !== undefined) {
      const [name, fault] = drawn;
      befallen.push({ name, at: Math.round(since()) });
      tell(name);
      await fault(scene, random);
    }
    await pause(random.between(...restMs));
  }
  return befallen;
}

function chosen(all: Readonly<Record<string, Fault>>, only: readonly string[]): Readonly<Record<string, Fault>> {
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => only.some((beginning) => name.startsWith(beginning))),
  );
}

/** Draws without putting back, until none is left; undefined when there never was one. */
function drawFrom(all: Readonly<Record<string, Fault>>, random: Random): () => readonly [string, Fault] | undefined {
  let left: (readonly [string, Fault])[] = [];
  return () => {
    if (left.length === 0) left = [...random.shuffle(Object.entries(all))];
    return left.pop();
  };
}

/** So many events a second, in small steps. */
export function stirAt(rate: number, cluster: Cluster): { readonly stop: () => void } {
  const startedAt = clockMs();
  const timer = setInterval(() => {
    while (cluster.events() < ((clockMs() - startedAt) * rate) / 1000) cluster.stir();
  }, 10);
  return {
    stop: () => {
      clearInterval(timer);
    },
  };
}
