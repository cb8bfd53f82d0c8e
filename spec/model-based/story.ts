import fc from 'fast-check';
import { emptyState } from './cluster.ts';
import type { Command } from './commands.ts';
import { expectQuiet } from './quiet.ts';
import { createWorld, type Circumstances } from './world.ts';

/** Lets one thing after the other happen to a running connector, and expects of the end what a fresh start would make. */
export function tell(circumstances: Circumstances, story: Iterable<Command>): void {
  const world = createWorld(circumstances, emptyState());
  try {
    world.time.advance(100);
    fc.modelRun(() => ({ model: world.nomad.cluster, real: world }), story);
    expectQuiet(world);
  } finally {
    world.stop();
  }
}
