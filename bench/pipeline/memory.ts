import { thisProcess } from '../../lib/spare-memory.ts';
import { startDryRun } from './dry-run.ts';
import { createCluster, instancesEach } from './wire.ts';

/**
 * A process of its own (`node memory.ts <registrations>`), because what a process has once taken from the system it may
 * keep: holds a cluster of that size as the connector does, gives spare memory back as it does, and writes what that takes
 * as JSON.
 */
export interface Memory {
  readonly registrations: number;
  /** Bytes on the heap more than before there was a cluster. */
  readonly heap: number;
  /** Bytes of the whole process, with what is spare given back; `peak` while it took the first snapshot. */
  readonly rss: number;
  readonly peak: number;
}

const { collect, heap } = thisProcess();

async function usedHeap(): Promise<number> {
  await collect();
  return heap();
}

if (import.meta.main) {
  const before = await usedHeap();
  const cluster = createCluster(Math.ceil(Number(process.argv[2]) / instancesEach));
  const { take, stop } = startDryRun(cluster);
  take(cluster.next(2).bytes);
  const memory: Memory = {
    registrations: cluster.services.length * instancesEach,
    heap: (await usedHeap()) - before,
    rss: process.memoryUsage.rss(),
    peak: process.resourceUsage().maxRSS * 1024,
  };
  stop();
  process.stdout.write(JSON.stringify(memory));
}
