import type { Catalog } from './catalog.ts';
import type { Event } from './events.ts';

/** Sees what the catalog is made of: every event in order, admissions among them, each before the catalog takes it in. */
export interface Witness {
  /** Called once, before the first event. The catalog changes in place; it is for reading only. */
  readonly catalog: (catalog: Catalog) => void;
  readonly event: (event: Event) => void;
}

/** Shows each of them what one sees. */
export function together(...witnesses: readonly Witness[]): Witness {
  return {
    catalog: (catalog) => {
      for (const witness of witnesses) witness.catalog(catalog);
    },
    event: (event) => {
      for (const witness of witnesses) witness.event(event);
    },
  };
}
