import { concatMap, defaultIfEmpty, forkJoin, from, map, toArray, type Observable } from 'rxjs';
import { ignoreGhosts } from '../../../operators/ignore-ghosts.ts';
import { readAliases } from '../../../operators/read-aliases.ts';
import { nomadNow } from '../../../streams/nomad-now.ts';
import type { Config } from '../../config.ts';
import { createCatalog, foldEvent, type Catalog } from '../../model/catalog.ts';
import { serviceKey, splitKey, type Registration, type ServiceKey } from '../../model/events.ts';
import { isNotice } from '../../model/notice.ts';
import { isUsableName } from '../../model/service-name.ts';
import type { NomadClient } from '../../nomad/client.ts';
import { nomadOptions } from '../ends.ts';
import { addRegistrations, type Facts } from '../facts.ts';

/** What Nomad says, with the services that are asked for even where none of their tags is ours. */
export function factsFor(asked: string, client: NomadClient, config: Config): Observable<Facts> {
  const options = nomadOptions(config);
  return forkJoin([nomadNow(client, options), readNamed(asked, client, options.namespaces)]).pipe(
    map(([facts, named]) => addRegistrations(facts, named)),
  );
}

/** A name of a service, or its key. */
export function isAsked(asked: string, key: ServiceKey): boolean {
  return key === asked || splitKey(key).name === asked;
}

function readNamed(
  asked: string,
  client: NomadClient,
  namespaces: readonly string[],
): Observable<readonly Registration[]> {
  return forkJoin(namespaces.map((namespace) => client.getServices(namespace))).pipe(
    map((lists) => lists.flatMap(({ value }) => value)),
    map((listed) => listed.filter(({ namespace, name }) => isAsked(asked, serviceKey(namespace, name)))),
    concatMap((named) =>
      forkJoin(
        named.filter(({ name }) => isUsableName(name)).map(({ name, namespace }) => client.getService(name, namespace)),
      ).pipe(defaultIfEmpty([])),
    ),
    map((answers) => answers.flatMap(({ value }) => value)),
  );
}

/** The services as the pipeline folds them once every instance has answered its probe. */
export function foldFacts(facts: Facts, { tags, haproxy }: Config): Observable<Catalog> {
  return from(facts).pipe(
    ignoreGhosts(),
    readAliases(tags.prefix, tags.aliases),
    toArray(),
    map((told) => {
      const catalog = createCatalog(tags.prefix, haproxy.allowedDomains);
      const events = told.filter((fact) => !isNotice(fact));
      for (const event of events) foldEvent(catalog, event);
      for (const { registrations } of events.filter((event) => event.kind === 'snapshot-taken')) {
        for (const { namespace, id, address, port } of registrations) {
          foldEvent(catalog, { kind: 'instance-admitted', namespace, id, address, port });
        }
      }
      return catalog;
    }),
  );
}
