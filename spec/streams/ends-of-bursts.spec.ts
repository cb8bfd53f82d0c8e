import { asyncScheduler, map } from 'rxjs';
import { endsOfBursts } from '../../streams/ends-of-bursts.ts';
import type { Line } from '../../streams/nomad-lines.ts';
import { deregistered, job, jobRegistered, registered, registration } from '../support/given.ts';
import { marbles } from '../support/marbles.ts';

const quietMs = 3;
const instance = (port: number) => registration({ port });
const told = (...events: readonly unknown[]) => ({ kind: 'events', events, skipped: [] }) as unknown as Line;
const lines = {
  a: told(registered(instance(1))),
  b: told(registered(instance(2))),
  c: told(deregistered(instance(3))),
  d: told(registered(instance(4))),
  e: told(registered(instance(5))),
  A: told(...[1, 2, 3, 4, 5].map((port) => registered(instance(port)))),
  j: told(...Array.from({ length: 9 }, (_, n) => jobRegistered(job({ id: `job-${n}` })))),
  h: { kind: 'heartbeat' } as Line,
};

describe('endsOfBursts', () => {
  for (const [what, source, result] of [
    ['tells when events of five instances are over', '-abcde-----|', '--------x--|'],
    ['tells of each burst once', 'A-----A----|', '---x-----x-|'],
    ['waits while events come, of whatever instance', 'A--a--a----|', '---------x-|'],
    ['is silent where there were fewer', '-abcd-abcd-----|', '---------------|'],
    ['begins anew after each pause', 'abcd---e---|', '-----------|'],
    ['is silent where one is told again and again', 'aaaaaaaaaa-----|', '---------------|'],
    ['does not count jobs, nor wait for heartbeats', 'j-A-h-h----|', '-----x-----|'],
  ] as const) {
    it(what, () => {
      marbles(({ hot, expectObservable }) => {
        const ends = hot<Line>(source, lines).pipe(
          endsOfBursts(quietMs, asyncScheduler),
          map(() => 'x'),
        );
        expectObservable(ends).toBe(result);
      });
    });
  }
});
