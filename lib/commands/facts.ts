import type { Event, Registration } from '../model/events.ts';
import type { Notice } from '../model/notice.ts';

/** What Nomad says, in its order. */
export type Facts = readonly (Event | Notice)[];

/** The same with registrations that the snapshot left out, because no tag of their service is ours. */
export function addRegistrations(facts: Facts, others: readonly Registration[]): Facts {
  return facts.map((fact) => {
    if (fact.kind !== 'snapshot-taken') return fact;
    const ids = new Set(fact.registrations.map(nameOf));
    return { ...fact, registrations: [...fact.registrations, ...others.filter((one) => !ids.has(nameOf(one)))] };
  });
}

function nameOf({ namespace, id }: Registration): string {
  return `${namespace}/${id}`;
}
