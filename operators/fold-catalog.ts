import { Observable, type OperatorFunction, queueScheduler } from 'rxjs';
import type { AllowedDomains } from '../lib/model/allowed-domains.ts';
import { createCatalog, noteEvent, takeChanges } from '../lib/model/catalog.ts';
import type { Event } from '../lib/model/events.ts';
import type { Measure } from '../lib/model/kept.ts';
import type { ServiceChange } from '../lib/model/service.ts';
import type { Witness } from '../lib/model/witness.ts';

/**
 * Folds events into the catalog and emits what they changed; `snapshot-probed` passes, behind what came before it.
 *
 *     source:  -a--S--b--b-|    a: registered, S: first snapshot, b: registered (the second time the same)
 *     result:  ----A--B----|    A: every service of the snapshot
 *
 * Nothing is emitted before the first snapshot, nor for an event that changes nothing visible. All that events of one turn
 * of `queueScheduler` change in a service is one change, emitted when that turn is over; outside such a turn it is emitted
 * at once. `prefix` is that of the tags that concern us; `allowedDomains` absent: every namespace may claim any domain.
 */
export function foldCatalog(
  prefix: string,
  allowedDomains?: AllowedDomains,
  measure?: Measure,
  witness?: Witness,
): OperatorFunction<Event, ServiceChange | { readonly kind: 'snapshot-probed' }> {
  return (source) =>
    new Observable((subscriber) => {
      const catalog = createCatalog(prefix, allowedDomains);
      witness?.catalog(catalog);
      measure?.('services', () => catalog.services.size);
      measure?.('registrations', () => catalog.links.serviceOf.size());
      measure?.('jobs', () => catalog.jobs.size);
      let turnAsked = false;

      function tell(): void {
        for (const change of takeChanges(catalog)) subscriber.next(change);
      }

      function askTurn(): void {
        if (turnAsked) return;
        turnAsked = true;
        queueScheduler.schedule(() => {
          turnAsked = false;
          tell();
        });
      }

      return source.subscribe({
        next: (event) => {
          witness?.event(event);
          noteEvent(catalog, event);
          if (event.kind !== 'snapshot-probed') {
            askTurn();
            return;
          }
          tell();
          subscriber.next(event);
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
        complete: () => {
          tell();
          subscriber.complete();
        },
      });
    });
}
