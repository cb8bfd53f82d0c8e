import type { View } from '../model/view.ts';

/** What is due to be compared with the running process, and when. */
export interface DriftRotation {
  /** One tick on: what its share of a round adds to what is due. True when a round begins. */
  readonly tick: (view: View) => boolean;
  /** Makes everything due. */
  readonly all: (view: View) => void;
  /** Names of backends; what was compared is taken out by whoever did it. */
  readonly due: Set<string>;
}

/** Spreads the backends that have slots of ours evenly over rounds of so many ticks. */
export function createDriftRotation(ticks: number): DriftRotation {
  const due = new Set<string>();
  let names: readonly string[] = [];
  let at = 0;

  function add(added: readonly string[]): void {
    for (const name of added) due.add(name);
  }

  return {
    due,
    tick: (view) => {
      const isFirst = at === 0;
      if (isFirst) names = namesOf(view);
      const share = (tick: number) => Math.floor((tick * names.length) / ticks);
      add(names.slice(share(at), share(at + 1)));
      at = (at + 1) % ticks;
      return isFirst;
    },
    all: (view) => {
      add(namesOf(view));
    },
  };
}

function namesOf(view: View): readonly string[] {
  return [...view.backends.values()].filter(({ slots }) => slots.length > 0).map(({ name }) => name);
}
