import { expect } from 'chai';
import { concat, concatMap, delay, from, map, NEVER, of, VirtualTimeScheduler, type Observable } from 'rxjs';
import { createTwin, plainConfig } from '../../lib/haproxy/dry-run.ts';
import type { HaproxyEnd } from '../../lib/haproxy/end.ts';
import type { Event } from '../../lib/model/events.ts';
import type { Kept, Measure } from '../../lib/model/kept.ts';
import type { View } from '../../lib/model/view.ts';
import type { ProbeResult } from '../../operators/try-until-admitted.ts';
import { pipeline } from '../../streams/pipeline.ts';
import {
  deregistered,
  enabled,
  job,
  jobRegistered,
  policy,
  registered,
  registration,
  snapshot,
} from '../support/given.ts';

const hourMs = 3_600_000;
const count = 20;

const services = Array.from({ length: count }, (_, n) => {
  const name = `svc-${n}`;
  // Some want a domain that another one has, and some a backend that is somebody else's.
  const tags = [enabled, `haproxy.domain=${n - (n % 2)}.example.com`];
  const refused = ['haproxy.backend.name=taken', 'haproxy.backend.strategy=fail_on_conflict'];
  return registration({ service: name, job: name, port: 8000 + n, tags: n % 5 === 0 ? [...tags, ...refused] : tags });
});

/** One event a second, and nothing after the last. */
function told(events: readonly Event[], scheduler: VirtualTimeScheduler): Observable<Event> {
  return concat(from(events).pipe(concatMap((event) => of(event).pipe(delay(1000, scheduler)))), NEVER);
}

/** The twin, but that its process takes addresses, so that both lanes have something to do. */
function createSwiftTwin(config: string): HaproxyEnd {
  const { end } = createTwin(config, policy.owner);
  const twins = new WeakMap<View, View>();
  const twinOf = (view: View) => twins.get(view) ?? view;
  return {
    ...end,
    read: () =>
      end.read().pipe(
        map((view) => {
          const swift: View = { ...view, runtime: 'address' };
          twins.set(swift, view);
          return swift;
        }),
      ),
    move: (view, steps) => end.move(twinOf(view), steps),
    apply: (view, steps) => end.apply(twinOf(view), steps),
  };
}

/** Runs the pipeline over the twin for so long in virtual time; what is kept then. */
function keptAfter(events: readonly Event[], probe: ProbeResult, untilMs = hourMs): Partial<Record<Kept, number>> {
  const scheduler = new VirtualTimeScheduler(undefined, untilMs);
  const counts = new Map<Kept, () => number>();
  const measure: Measure = (kept, entries) => counts.set(kept, entries);
  pipeline(
    {
      nomad: told(events, scheduler),
      haproxy: createSwiftTwin(`${plainConfig}\nbackend taken from main\n`),
      probe: () => of(probe),
    },
    { policy, prefix: 'haproxy', domainMap: true, maxLossPercent: 100, measure },
    {
      quietMs: 25,
      maxQuietMs: 250,
      resyncMs: 60_000,
      backoffMs: () => 1000,
      reloadBurst: 3,
      reloadIntervalMs: 2000,
      admissionMaxWaitMs: 2 * hourMs,
      admissionFallbackMs: 2000,
      confirmLossAfterMs: 15_000,
      scheduler,
    },
  ).subscribe();
  scheduler.flush();
  return Object.fromEntries([...counts].map(([what, entries]) => [what, entries()]));
}

describe('what is kept', () => {
  const comings = services.flatMap((one) => [
    jobRegistered(job({ id: one.job }, { name: one.service })),
    registered(one),
  ]);
  const goings = services.flatMap((one): readonly Event[] => [
    deregistered(one),
    { kind: 'job-deregistered', index: 1000, namespace: one.namespace, id: one.job },
  ]);

  it('is as much as there are services', () => {
    expect(keptAfter([snapshot([]), ...comings], 'admit')).to.deep.equal({
      services: count,
      registrations: count,
      jobs: count,
      probes: 0,
      awaited: count / 5,
      runtime_lane: 0,
      writer_lane: count / 5, // what is refused waits for a change
    });
  });

  it('counts instances that do not answer yet', () => {
    expect(keptAfter([snapshot([]), ...comings], 'refuse', 100_000)).to.include({
      registrations: count,
      probes: count,
    });
  });

  for (const probe of ['admit', 'refuse'] as const) {
    it(`is nothing when all of them are gone that answered their probes with: ${probe}`, () => {
      const rounds = [1, 2, 3].flatMap(() => [...comings, ...goings]);
      expect(keptAfter([snapshot([]), ...rounds], probe)).to.deep.equal({
        services: 0,
        registrations: 0,
        jobs: 0,
        probes: 0,
        awaited: 0,
        runtime_lane: 0,
        writer_lane: 0,
      });
    });
  }
});
