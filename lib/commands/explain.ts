import { catchError, concatMap, defer, forkJoin, from, map, of, throwError, toArray, type Observable } from 'rxjs';
import type { Config } from '../config.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import type { DataplaneClient } from '../haproxy/client.ts';
import { lookAtHaproxy, type Look } from '../haproxy/look.ts';
import { readView } from '../haproxy/view.ts';
import type { Catalog } from '../model/catalog.ts';
import type { ServiceKey } from '../model/events.ts';
import { FailureError, type Failure } from '../model/failure.ts';
import type { Notice } from '../model/notice.ts';
import { createNomadClient } from '../nomad/client.ts';
import type { Command } from './command.ts';
import { attempt } from './attempt.ts';
import { openHaproxy } from './ends.ts';
import { askConnector, explainConnector, type ConnectorAsked } from './explain/connector.ts';
import { factsFor, foldFacts, isAsked } from './explain/find.ts';
import { explainHaproxy } from './explain/haproxy.ts';
import { explainJson, explainText, type Explanation } from './explain/output.ts';
import { explainService } from './explain/service.ts';
import type { Facts } from './facts.ts';
import { makePlan } from './make-plan.ts';
import { runOnce } from './run-once.ts';

/** Says of a service what its tags mean, what Nomad and HAProxy have of it, and what would be done next for it. */
export const explain: Command = {
  usage: 'explain <service>|<namespace>/<service> [--json]',
  operands: 1,
  flags: ['json'],
  needsHaproxy: () => true,
  start: async ({ config, flags, operands: [asked = ''], log }, surroundings) => {
    const { stdout, stderr } = surroundings;
    const conclude = ([{ explanations, failure }, { at }]: readonly [Explained, ConnectorAsked]): ExitCode => {
      for (const one of explanations) stdout(flags.json ? explainJson(one) : explainText(one, at));
      if (failure !== undefined) stderr(`${new FailureError(failure).message}\n`);
      if (explanations.length === 0) stderr(`${nobody(asked, config)}\n`);
      return explanations.length > 0 && failure === undefined ? exitCodes.ok : exitCodes.failed;
    };
    return runOnce(explainAll(asked, config), conclude, log, surroundings);
  },
};

interface Explained {
  readonly explanations: readonly Explanation[];
  /** Why HAProxy's half is missing. */
  readonly failure?: Failure;
}

function nobody(asked: string, { nomad }: Config): string {
  return `neither Nomad, in namespaces ${nomad.namespaces.join(', ')}, nor HAProxy has a service ${asked}`;
}

/** Errors with a FailureError where Nomad cannot be read. */
function explainAll(asked: string, config: Config): Observable<readonly [Explained, ConnectorAsked]> {
  return defer(() => {
    const facts = factsFor(asked, createNomadClient(config.nomad), config);
    const { client, files } = openHaproxy(config);
    return forkJoin([facts, from(attempt(lookAtHaproxy(client, files))), from(askConnector(config.server))]).pipe(
      concatMap(([told, look, connector]) =>
        foldFacts(told, config).pipe(
          concatMap((catalog) =>
            'failure' in look
              ? of({ explanations: explainNomad(asked, catalog), failure: look.failure })
              : explainBoth(asked, catalog, told, look.value, client, config),
          ),
          map((explained) => [withConnector(explained, connector), connector] as const),
        ),
      ),
    );
  });
}

function withConnector({ explanations, ...failed }: Explained, asked: ConnectorAsked): Explained {
  const added = explanations.map((one) => {
    const connector = explainConnector(asked, one.service);
    return connector === undefined ? one : { ...one, connector };
  });
  return { explanations: added, ...failed };
}

function explainNomad(asked: string, catalog: Catalog): readonly Explanation[] {
  return [...catalog.services.values()]
    .filter(({ key }) => isAsked(asked, key))
    .map((service) => ({ service: service.key, nomad: explainService(catalog, service) }));
}

function explainBoth(
  asked: string,
  catalog: Catalog,
  facts: Facts,
  look: Look,
  client: DataplaneClient,
  config: Config,
): Observable<Explained> {
  const { owner } = config.haproxy;
  const view = readView(look.text, 0, look.rows, owner, look.paths);
  const keys = [...new Set([...catalog.services.keys(), ...view.backendsOf.keys()])].filter((key) =>
    isAsked(asked, key),
  );
  return makePlan(facts, look, config).pipe(
    concatMap(({ planned, problems }) =>
      from(keys.toSorted()).pipe(
        concatMap(async (key): Promise<Explanation> => {
          const service = catalog.services.get(key);
          return {
            service: key,
            ...(service && { nomad: explainService(catalog, service) }),
            haproxy: await explainHaproxy(client, view, config.haproxy, key, service),
            next: {
              planned: planned.filter((step) => step.service === key),
              problems: problems.filter((notice) => concerns(notice, key)),
            },
          };
        }),
        toArray(),
      ),
    ),
    map((explanations) => ({ explanations })),
    catchError((error: unknown) => {
      if (!(error instanceof FailureError)) return throwError(() => error as Error);
      return of({ explanations: explainNomad(asked, catalog), failure: error.failure });
    }),
  );
}

/** What tags and claims say is said already. */
function concerns(notice: Notice, key: ServiceKey): boolean {
  if (notice.kind === 'service-problems') return false;
  if (notice.kind === 'losses-held') return notice.services.includes(key);
  return 'service' in notice && notice.service === key;
}
