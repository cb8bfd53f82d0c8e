import { concat, connect, defer, filter, identity, merge, pipe, share, tap, type Observable } from 'rxjs';
import type { Event } from '../lib/model/events.ts';
import { isNotice, type Notice } from '../lib/model/notice.ts';
import { createBudget, spendReload } from '../lib/model/reload-budget.ts';
import type { Tallied } from '../lib/model/tally.ts';
import { admitInstances } from '../operators/admit-instances.ts';
import { batchByKey } from '../operators/batch-by-key.ts';
import { debounceByKey } from '../operators/debounce-by-key.ts';
import { filterManaged } from '../operators/filter-managed.ts';
import { foldCatalog } from '../operators/fold-catalog.ts';
import { guardLosses } from '../operators/guard-losses.ts';
import { ignoreGhosts } from '../operators/ignore-ghosts.ts';
import { readAliases } from '../operators/read-aliases.ts';
import { sayLossOnce } from '../operators/say-loss-once.ts';
import { tally } from '../operators/tally.ts';
import { tapDebug } from '../operators/tap-debug.ts';
import { marksFound } from './marks-found.ts';
import { moveInstances } from './move-instances.ts';
import type { Ends, Settings, Timing } from './pipeline-settings.ts';
import { createPlanner } from './planner.ts';
import { asksForResync, resync } from './resync.ts';
import { routeChanges } from './route-changes.ts';
import { customBackend } from './sinks/custom-backend.ts';
import { domainMap } from './sinks/domain-map.ts';
import { dynamicBackend } from './sinks/dynamic-backend.ts';
import { timeToReady } from './time-to-ready.ts';

/** The whole product: from Nomad's events to HAProxy, and everything that there is to say about it. */
export function pipeline({ nomad, haproxy, probe }: Ends, settings: Settings, timing: Timing): Observable<Notice> {
  const { policy, prefix, aliases = [], maxLossPercent, measure, witness } = settings;
  const { scheduler, admissionMaxWaitMs: maxWaitMs, admissionFallbackMs: fallbackMs } = timing;
  const trace = <T>(name: string) => tapDebug<T>(name, settings.debug);
  const seam = <T extends object>(name: Tallied) => pipe(trace<T>(name), tally<T>(name, settings.count));

  return defer(() => {
    const budget = createBudget(timing.reloadBurst, timing.reloadIntervalMs, scheduler.now());
    const watched = haproxy.watch.pipe(
      tap((notice) => {
        if (notice.kind === 'applied' && notice.reloaded) spendReload(budget, scheduler.now());
      }),
      share(),
    );
    const moved = watched.pipe(filter(asksForResync));
    const over = watched.pipe(filter(({ kind }) => kind === 'haproxy-connected'));
    const sinks = [dynamicBackend(policy), customBackend(policy), ...(settings.domainMap ? [domainMap(policy)] : [])];
    const planner = createPlanner(policy, sinks, scheduler, settings.onlooker);
    const readiness = timeToReady(prefix, scheduler, measure);
    const lane = { backoff: timing.backoffMs, scheduler, measure };

    const changed = (facts: Observable<Event | Notice>) =>
      facts.pipe(
        filter((fact): fact is Event => !isNotice(fact)),
        seam('events'),
        probe ? admitInstances(probe, { prefix, maxWaitMs, fallbackMs, measure, scheduler }) : identity,
        trace('admitted'),
        readiness.start(),
        foldCatalog(prefix, policy.allowedDomains, measure, witness),
        seam('changes'),
      );
    const applied = (facts: Observable<Event | Notice>) =>
      changed(facts).pipe(
        filterManaged(),
        resync({ periodMs: timing.resyncMs, moved, scheduler }),
        debounceByKey(timing.quietMs, timing.maxQuietMs, scheduler),
        seam('batches'),
        batchByKey(moveInstances(planner, haproxy), { ...lane, kept: 'runtime_lane' }),
        batchByKey(routeChanges(planner, haproxy, { budget, scheduler }), { ...lane, kept: 'writer_lane', over }),
      );
    const said = (facts: Observable<Event | Notice>) => facts.pipe(filter((fact) => isNotice(fact)));

    return merge(
      watched,
      concat(marksFound(haproxy, scheduler), nomad).pipe(
        readAliases(prefix, aliases),
        ignoreGhosts(),
        guardLosses({ prefix, maxLossPercent, confirmAfterMs: timing.confirmLossAfterMs, scheduler }),
        connect((facts) => merge(said(facts), applied(facts))),
        readiness.stop(),
      ),
    ).pipe(sayLossOnce());
  });
}
