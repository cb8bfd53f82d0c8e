import { Observable } from 'rxjs';

/**
 * Lets `places` attempts run at a time, urgent ones first; a place is held from subscription to teardown. Once `closed`
 * none is started any more: the end of one would start the next in the middle of the teardown of all.
 */
export function sharePlaces(
  places: number,
  closed: () => boolean,
): <T>(attempt: Observable<T>, urgent: boolean) => Observable<T> {
  const urgentOnes = new Set<() => void>();
  const others = new Set<() => void>();
  let free = places;
  let serving = false;

  /** A loop, because attempts that end at once would exhaust the stack otherwise. */
  function serve(): void {
    if (serving) return;
    serving = true;
    while (free > 0 && !closed()) {
      const waiting = urgentOnes.size > 0 ? urgentOnes : others;
      const [start] = waiting;
      if (start === undefined) break;
      waiting.delete(start);
      free -= 1;
      start();
    }
    serving = false;
  }

  return (attempt, urgent) =>
    new Observable((subscriber) => {
      const waiting = urgent ? urgentOnes : others;
      const start = () => {
        subscriber.add(() => {
          free += 1;
          serve();
        });
        attempt.subscribe(subscriber);
      };
      subscriber.add(() => waiting.delete(start));
      waiting.add(start);
      serve();
    });
}
