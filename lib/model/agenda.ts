/** Keys by the time they are due at (ms), each at one time at most; what is due is found without a look at the others. */
export interface Agenda<K> {
  /** Replaces another time of the key; with the same one it keeps its place. */
  readonly set: (key: K, dueAt: number) => void;
  readonly delete: (key: K) => void;
  /** Takes out what is due by then, earliest first. */
  readonly take: (by: number) => readonly K[];
  /** Infinity when nothing is to come. */
  readonly next: () => number;
}

/** Times are mostly set in their order, so that a sorted list is as good as a heap. */
export function createAgenda<K>(): Agenda<K> {
  const timeOf = new Map<K, number>();
  const dueAt = new Map<number, Set<K>>();
  /** The times in use, ascending. */
  const times: number[] = [];

  /** Where a time is in the list, or belongs. */
  function placeOf(time: number): number {
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((times[middle] ?? Infinity) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function remove(key: K): void {
    const time = timeOf.get(key);
    if (time === undefined) return;
    timeOf.delete(key);
    const keys = dueAt.get(time);
    keys?.delete(key);
    if (keys?.size !== 0) return;
    dueAt.delete(time);
    times.splice(placeOf(time), 1);
  }

  return {
    set: (key, time) => {
      if (timeOf.get(key) === time) return;
      remove(key);
      timeOf.set(key, time);
      const keys = dueAt.get(time);
      if (keys !== undefined) {
        keys.add(key);
        return;
      }
      dueAt.set(time, new Set([key]));
      times.splice(placeOf(time), 0, time);
    },
    delete: remove,
    take: (by) => {
      const due: K[] = [];
      for (const time of times) {
        if (time > by) break;
        for (const key of dueAt.get(time) ?? []) due.push(key);
      }
      for (const key of due) remove(key);
      return due;
    },
    next: () => times[0] ?? Infinity,
  };
}
