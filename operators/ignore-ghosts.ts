import { defer, type MonoTypeOperatorFunction } from 'rxjs';
import type { Event, Ghost, Registration } from '../lib/model/events.ts';
import { isNotice, type Notice } from '../lib/model/notice.ts';
import { emitEach } from './emit-each.ts';

type Fact = Event | Notice;

/**
 * Leaves out what `ghosts-seen` names: to all that follows such a registration is deregistered.
 *
 *     source:  -a-b-G-----S-N-T-|    G: ghosts-seen of a, N: of none, S and T: snapshots of a and b
 *     result:  -a-b-d-----s---T-|    d: deregistration of a, s: S without a
 *
 * A later registration of the same id is another instance, and passes. One that is alive again comes back with the next
 * snapshot. Only ghosts are kept.
 */
export function ignoreGhosts(): MonoTypeOperatorFunction<Fact> {
  return (source) =>
    defer(() => {
      let ghosts: ReadonlyMap<string, Ghost> = new Map<string, Ghost>();

      function isGhost(registration: Registration): boolean {
        return ghosts.get(nameOf(registration))?.createIndex === registration.createIndex;
      }

      function follow(event: Event): readonly Fact[] {
        switch (event.kind) {
          case 'ghosts-seen': {
            const known = ghosts;
            ghosts = new Map(event.ghosts.map((ghost) => [nameOf(ghost), ghost]));
            return event.ghosts
              .filter((ghost) => known.get(nameOf(ghost))?.createIndex !== ghost.createIndex)
              .map(({ namespace, id, service, createIndex }) => {
                return { kind: 'service-deregistered', index: createIndex, namespace, id, service };
              });
          }
          case 'snapshot-taken':
            return ghosts.size === 0
              ? [event]
              : [{ ...event, registrations: event.registrations.filter((one) => !isGhost(one)) }];
          case 'service-registered':
            return isGhost(event.registration) ? [] : [event];
          case 'marks-found':
          case 'losses-accepted':
          case 'service-deregistered':
          case 'job-registered':
          case 'job-deregistered':
          case 'instance-admitted':
          case 'snapshot-probed':
            return [event];
          default:
            return event satisfies never;
        }
      }

      return source.pipe(emitEach((fact) => (isNotice(fact) ? [fact] : follow(fact))));
    });
}

function nameOf({ namespace, id }: { readonly namespace: string; readonly id: string }): string {
  return `${namespace}/${id}`;
}
