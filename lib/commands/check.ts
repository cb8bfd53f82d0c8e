import { defer, forkJoin, from, map, mergeMap, of, type Observable } from 'rxjs';
import { nomadNow } from '../../streams/nomad-now.ts';
import type { Config } from '../config.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import type { Look } from '../haproxy/look.ts';
import { createNomadClient, type NomadClient } from '../nomad/client.ts';
import { attempt } from './attempt.ts';
import type { Finding } from './check/finding.ts';
import { checkHaproxy } from './check/haproxy.ts';
import { checkNomad } from './check/nomad.ts';
import { checkJson, checkText } from './check/output.ts';
import { judgeDefaults, judgeFrontends, judgeNames } from './check/routing.ts';
import { judgeSettings } from './check/settings.ts';
import type { Command } from './command.ts';
import { nomadOptions, openHaproxy } from './ends.ts';
import { makePlan } from './make-plan.ts';
import { runOnce } from './run-once.ts';
import type { Planned } from './planned.ts';

/** For each request (ms): somebody waits for the answer. */
const timeoutMs = 10_000;

/** Says of everything that `run` rests on whether it is well, and what to type where it is not; changes nothing. */
export const check: Command = {
  usage: 'check [--json]',
  operands: 0,
  flags: ['json'],
  needsHaproxy: () => true,
  start: async ({ config, flags, log }, surroundings) => {
    const conclude = (findings: readonly Finding[]): ExitCode => {
      surroundings.stdout(flags.json ? checkJson(findings) : checkText(findings));
      return findings.every(({ level }) => level !== 'problem') ? exitCodes.ok : exitCodes.failed;
    };
    return runOnce(findAll(config), conclude, log, surroundings);
  },
};

function findAll(config: Config): Observable<readonly Finding[]> {
  return defer(() => {
    const nomad = createNomadClient(config.nomad);
    const { client, files } = openHaproxy(config, timeoutMs);
    return forkJoin([checkNomad(nomad, config.nomad), checkHaproxy(client, files, config)]).pipe(
      mergeMap(([ofNomad, { findings, seen }]) => {
        const ends = [...judgeSettings(config), ...ofNomad, ...findings];
        if (seen === undefined) return of(ends);
        const { look, view } = seen;
        return planNow(nomad, look, config).pipe(
          map((planned) => [
            ...ends,
            ...judgeNames(look.text),
            ...judgeFrontends(config, view, planned),
            ...judgeDefaults(config, view),
          ]),
        );
      }),
    );
  });
}

/** Nothing where Nomad cannot be read: of that there is a line already. */
function planNow(nomad: NomadClient, look: Look, config: Config): Observable<readonly Planned[] | undefined> {
  return from(attempt(nomadNow(nomad, nomadOptions(config)))).pipe(
    mergeMap((facts) => ('value' in facts ? makePlan(facts.value, look, config) : of(undefined))),
    map((result) => result?.planned),
  );
}
