import type { Event, Ghost, Registration } from '../model/events.ts';
import type { Notice } from '../model/notice.ts';
import type { ListedAllocation } from './answers.ts';
import type { Indexed } from './request.ts';

/** Keeps of Nomad's registrations what it takes to find those that outlived their allocation. Bounded by registrations. */
export interface GhostBook {
  /** Everything that is told of Nomad, in that order. */
  readonly note: (told: Event | Notice) => void;
  /**
   * All registrations of no living allocation; undefined if they are those of the last time. Not judged: what was
   * registered after the lists were read, and namespaces of which they have nothing, because Nomad leaves out without a
   * word what a token may not read. `returned`: one that was a ghost the last time is alive.
   */
  readonly judge: (
    living: readonly Indexed<readonly ListedAllocation[]>[],
  ) => { readonly ghosts: readonly Ghost[]; readonly returned: boolean } | undefined;
}

interface Entry extends Ghost {
  readonly alloc: string;
}

export function createGhostBook(): GhostBook {
  const entries = new Map<string, Entry>();
  let last: readonly Ghost[] = [];

  function enter({ namespace, id, service, createIndex, alloc }: Registration): void {
    entries.set(nameOf({ namespace, id }), { namespace, id, service, createIndex, alloc });
  }

  return {
    note(told) {
      switch (told.kind) {
        case 'snapshot-taken':
          entries.clear();
          told.registrations.forEach(enter);
          return;
        case 'service-registered':
          enter(told.registration);
          return;
        case 'service-deregistered':
          entries.delete(nameOf(told));
          return;
        default:
      }
    },
    judge(living) {
      const index = Math.min(...living.map((list) => list.index));
      const listed = living.flatMap((list) => list.value);
      const namespaces = new Set(listed.map(({ namespace }) => namespace));
      const allocations = new Set(listed.map(({ id }) => id));
      const ghosts = [...entries.values()].flatMap(({ alloc, ...ghost }) =>
        allocations.has(alloc) || !namespaces.has(ghost.namespace) || ghost.createIndex > index ? [] : [ghost],
      );
      const before = last;
      last = ghosts;
      const now = new Map(ghosts.map((ghost) => [nameOf(ghost), ghost.createIndex]));
      const gone = before.filter((ghost) => now.get(nameOf(ghost)) !== ghost.createIndex);
      if (gone.length === 0 && before.length === ghosts.length) return undefined;
      const returned = gone.some((ghost) => entries.get(nameOf(ghost))?.createIndex === ghost.createIndex);
      return { ghosts, returned };
    },
  };
}

function nameOf({ namespace, id }: { readonly namespace: string; readonly id: string }): string {
  return `${namespace}/${id}`;
}
