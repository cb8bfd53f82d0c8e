import { asyncScheduler, Observable, type SchedulerLike, type Subscriber } from 'rxjs';

export interface LookUpOptions {
  /** Look-ups at a time. */
  readonly maxConcurrent?: number;
  /** A look-up that took longer (ms) is not repeated for `pauseMs`. */
  readonly patienceMs?: number;
  readonly pauseMs?: number;
  readonly scheduler?: SchedulerLike;
}

interface Query {
  readonly waiting: Set<Subscriber<string>>;
  startedAt?: number;
  /** Set once it is over and was slow. */
  pausedUntil?: number;
}

/**
 * Makes what finds the address of a name: one value a subscription, or the resolver's error. The system's resolver holds one
 * of the few threads of the process until it gives up, 20 s and more where a name server says nothing, and cannot be stopped.
 * So whoever asks for a name that is being looked up waits for that one, few are looked up at a time, and what nobody
 * waits for any more is not begun. A name that was slow says nothing at all for a while: others are to have their turn.
 */
export function lookUpNames(
  find: (name: string) => Promise<string>,
  { maxConcurrent = 2, patienceMs = 1000, pauseMs = 30_000, scheduler = asyncScheduler }: LookUpOptions = {},
): (name: string) => Observable<string> {
  /** In the order of their turns. */
  const queries = new Map<string, Query>();
  let running = 0;

  function startNext(): void {
    for (const [name, query] of queries) {
      if (running >= maxConcurrent) return;
      if (query.startedAt === undefined) start(name, query);
    }
  }

  function start(name: string, query: Query): void {
    const startedAt = scheduler.now();
    query.startedAt = startedAt;
    running += 1;
    const conclude = (tell: (one: Subscriber<string>) => void) => {
      running -= 1;
      if (scheduler.now() - startedAt > patienceMs) query.pausedUntil = scheduler.now() + pauseMs;
      else queries.delete(name);
      for (const one of [...query.waiting]) tell(one);
      startNext();
    };
    find(name).then(
      (address) => {
        conclude((one) => {
          one.next(address);
          one.complete();
        });
      },
      (error: unknown) => {
        conclude((one) => {
          one.error(error);
        });
      },
    );
  }

  function forgetPaused(): void {
    for (const [name, { pausedUntil = Infinity }] of queries) if (pausedUntil <= scheduler.now()) queries.delete(name);
  }

  return (name) =>
    new Observable((subscriber) => {
      forgetPaused();
      const query = queries.get(name) ?? { waiting: new Set() };
      queries.set(name, query);
      query.waiting.add(subscriber);
      startNext();
      return () => {
        query.waiting.delete(subscriber);
        if (query.startedAt === undefined && query.waiting.size === 0) queries.delete(name);
      };
    });
}
