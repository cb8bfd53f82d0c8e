import { Observable } from 'rxjs';

/** Places that attempts share. */
export interface Places {
  /** Runs an attempt when a place is free, urgent ones first; the place is held from then to its teardown. */
  readonly hold: <T>(attempt: Observable<T>, urgent: boolean) => Observable<T>;
  /** Emits one item after the other, each when a place is free that nothing urgent waits for; all that are left when `hurry` does. */
  readonly inTurn: <T>(items: readonly T[], hurry: Observable<unknown>) => Observable<T>;
}

/**
 * Lets `places` attempts run at a time. What is to become an attempt later waits as a plain item (`inTurn`), so that a
 * hundred thousand of them are a list and not as many subscriptions:
 *
 *     inTurn([a, b, c]), each held for a while, 2 places
 *     items:  (ab)--c|
 *     a:       ---|
 *     b:       -----|
 *     c:          --|
 *
 * Once `closed` none is started any more: the end of one would start the next in the middle of the teardown of all.
 */
export function sharePlaces(places: number, closed: () => boolean): Places {
  const urgentOnes = new Set<() => void>();
  const lists = new Set<() => void>();
  const others = new Set<() => void>();
  let free = places;
  let serving = false;

  /** A loop, because attempts that end at once would exhaust the stack otherwise. */
  function serve(): void {
    if (serving) return;
    serving = true;
    while (free > 0 && !closed()) {
      const [next] = urgentOnes.size > 0 ? urgentOnes : lists.size > 0 ? lists : others;
      if (next === undefined) break;
      next();
    }
    serving = false;
  }

  return {
    hold: (attempt, urgent) =>
      new Observable((subscriber) => {
        const waiting = urgent ? urgentOnes : others;
        const start = () => {
          waiting.delete(start);
          free -= 1;
          subscriber.add(() => {
            free += 1;
            serve();
          });
          attempt.subscribe(subscriber);
        };
        subscriber.add(() => waiting.delete(start));
        waiting.add(start);
        serve();
      }),
    inTurn: (items, hurry) =>
      new Observable((subscriber) => {
        const left = items.toReversed();
        const emitNext = () => {
          const item = left.pop();
          if (item !== undefined) subscriber.next(item);
          if (left.length === 0) subscriber.complete();
        };
        subscriber.add(() => lists.delete(emitNext));
        const hurried = hurry.subscribe({
          next: () => {
            while (!subscriber.closed) emitNext();
          },
          error: (error: unknown) => {
            subscriber.error(error);
          },
        });
        subscriber.add(hurried);
        lists.add(emitNext);
        serve();
      }),
  };
}
