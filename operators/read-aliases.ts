import { identity, map, type MonoTypeOperatorFunction } from 'rxjs';
import type { Event } from '../lib/model/events.ts';
import { isNotice, type Notice } from '../lib/model/notice.ts';
import { followAliases, type AliasName } from '../lib/model/tag-aliases.ts';

type Fact = Event | Notice;

/**
 * Adds to every registration what its tags of other products say in ours, so that nothing behind has to know of them.
 *
 *     source:  -r-d-S--|    r: registration, d: deregistration, S: snapshot
 *     result:  -R-d-S'-|    R and those of S': with our tags added
 */
export function readAliases(prefix: string, aliases: readonly AliasName[]): MonoTypeOperatorFunction<Fact> {
  if (aliases.length === 0) return identity;

  function read(event: Event): Event {
    switch (event.kind) {
      case 'snapshot-taken':
        return { ...event, registrations: event.registrations.map((one) => followAliases(one, prefix, aliases)) };
      case 'service-registered':
        return { ...event, registration: followAliases(event.registration, prefix, aliases) };
      case 'ghosts-seen':
      case 'marks-found':
      case 'losses-accepted':
      case 'service-deregistered':
      case 'job-registered':
      case 'job-deregistered':
      case 'instance-admitted':
      case 'snapshot-probed':
        return event;
      default:
        return event satisfies never;
    }
  }

  return map((fact) => (isNotice(fact) ? fact : read(fact)));
}
