import { startDryRun } from './dry-run.ts';
import { createCluster, instancesEach } from './wire.ts';

/**
 * A process of its own (`node --expose-gc memory.ts <registrations>`), because what a process has once taken from the
 * system it may keep: holds a cluster of that size as the connector does, and writes what that takes as JSON.
 */
export interface Memory {
  readonly registrations: number;
  /** Bytes on the heap more than before there was a cluster. */
  readonly heap: number;
  /** Bytes of the whole process; `peak` while it took the first snapshot. */
  readonly rss: number;
  readonly peak: number;
}

function usedHeap(): number {
  if (gc === undefined) throw new Error('run it with --expose-gc');
  gc();
  return process.memoryUsage().heapUsed;
}

if (import.meta.main) {
  const before = usedHeap();
  const cluster = createCluster(Math.ceil(Number(process.argv[2]) / instancesEach));
  const { take, stop } = startDryRun(cluster);
  take(cluster.next(2).bytes);
  const memory: Memory = {
    registrations: cluster.services.length * instancesEach,
    heap: usedHeap() - before,
    rss: process.memoryUsage.rss(),
    peak: process.resourceUsage().maxRSS * 1024,
  };
  stop();
  process.stdout.write(JSON.stringify(memory));
}
