import { defer, forkJoin, map, mergeMap, type Observable } from 'rxjs';
import { nomadNow } from '../../streams/nomad-now.ts';
import type { Config } from '../config.ts';
import { exitCodes } from '../exit-codes.ts';
import { lookAtHaproxy, type Look } from '../haproxy/look.ts';
import { createNomadClient } from '../nomad/client.ts';
import type { Assumed } from './assume-job.ts';
import type { Command } from './command.ts';
import { factsWith, readDraft } from './draft.ts';
import { nomadOptions, openHaproxy } from './ends.ts';
import { makePlan } from './make-plan.ts';
import { planJson, planText, type Result } from './plan-output.ts';
import { runOnce } from './run-once.ts';
import { withUnrouted } from './unrouted.ts';

/**
 * Says what the connector would change if it ran now, down to the removals that only time brings, and changes nothing:
 * what Nomad and HAProxy say goes through the pipeline into the twin. With `--job` as if that were registered.
 */
export const plan: Command = {
  usage: 'plan [--job <job.json>] [--json]',
  operands: 0,
  flags: ['job', 'json'],
  needsHaproxy: () => true,
  start: async ({ config, flags, log }, surroundings) => {
    const planned = forkJoin([nomadFacts(config, flags.job), haproxyAsItIs(config)]).pipe(
      mergeMap(([{ facts, notes }, look]) =>
        makePlan(facts, look, config).pipe(map((result) => ({ result: withUnrouted(result, config), notes }))),
      ),
    );
    const conclude = ({ result, notes }: { readonly result: Result; readonly notes: Assumed['notes'] }) => {
      surroundings.stdout(flags.json ? planJson(result, notes) : planText(result, notes));
      return result.planned.length > 0 ? exitCodes.changes : exitCodes.ok;
    };
    return runOnce(planned, conclude, log, surroundings);
  },
};

/** What Nomad says, or would say with a job. Throws an InputError. */
function nomadFacts(config: Config, path: string | undefined): Observable<Assumed> {
  const client = createNomadClient(config.nomad);
  if (path !== undefined) return factsWith(client, readDraft(path, config), config);
  return nomadNow(client, nomadOptions(config)).pipe(map((facts) => ({ facts, notes: [] })));
}

function haproxyAsItIs(config: Config): Observable<Look> {
  return defer(() => {
    const { client, files } = openHaproxy(config);
    return lookAtHaproxy(client, files);
  });
}
