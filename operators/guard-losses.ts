import { asyncScheduler, defer, type MonoTypeOperatorFunction, type SchedulerLike } from 'rxjs';
import { serviceKey, type Event, type Registration, type ServiceKey } from '../lib/model/events.ts';
import { judgeLosses, type Losses } from '../lib/model/guard.ts';
import { isNotice, type Notice } from '../lib/model/notice.ts';
import { isEnabled } from '../lib/model/tags.ts';
import { emitEach } from './emit-each.ts';

export interface GuardOptions {
  /** What the tags that concern us start with. */
  readonly prefix: string;
  /** More than this share of all managed services, missing at once, is held. */
  readonly maxLossPercent: number;
  /** A snapshot that comes so many ms later and says the same is believed. */
  readonly confirmAfterMs: number;
  readonly scheduler?: SchedulerLike;
}

type Fact = Event | Notice;
type Snapshot = Extract<Event, { kind: 'snapshot-taken' }>;
type ReleasedBy = Extract<Notice, { kind: 'losses-released' }>['by'];

/**
 * Holds the removal of services that a snapshot misses when they are too many at once, or a whole namespace: the
 * snapshot passes at once and names them as services to keep. What it adds or changes is applied, as is every event.
 *
 *     source:  -S--------T---T--|    S: snapshot of a, b, c, d   T: of a alone, the second one `confirmAfterMs` later
 *     result:  -S--------hK--rT-|    h: losses-held   K: T, which keeps b, c and d   r: losses-released
 *
 * A service is let go by such a second snapshot, by `losses-accepted`, or by the deregistration of its last instance;
 * it is held no longer when a registration or a snapshot shows it again. `losses-held` is said anew with each snapshot
 * while something is held, always with all of it. A snapshot that comes with services to keep, or with none, has been
 * judged already, by the connector that recorded it, and is believed. What an earlier run left in HAProxy counts as managed. Of a service
 * only its key and the ids of its enabled instances are kept.
 */
export function guardLosses(options: GuardOptions): MonoTypeOperatorFunction<Fact> {
  const { prefix, maxLossPercent, confirmAfterMs, scheduler = asyncScheduler } = options;

  return (source) =>
    defer(() => {
      const managed = new Map<ServiceKey, Set<string>>();
      /** When each was first missed, the oldest first; ms. */
      const held = new Map<ServiceKey, number>();
      let reasons: Omit<Losses, 'services'> = { namespaces: [], why: '' };

      function follow(event: Event): readonly Fact[] {
        switch (event.kind) {
          case 'marks-found':
            for (const { service } of event.marks) managed.set(service, new Set());
            return [event];
          case 'snapshot-taken':
            return guard(event);
          case 'service-registered':
            return [event, ...register(event.registration)];
          case 'service-deregistered':
            return [event, ...deregister(serviceKey(event.namespace, event.service), event.id)];
          case 'losses-accepted': {
            const services = event.services.filter((key) => held.has(key));
            for (const key of services) managed.delete(key);
            return services.length === 0 ? [] : [{ ...event, services }, ...release(services, 'operator')];
          }
          case 'ghosts-seen':
          case 'job-registered':
          case 'job-deregistered':
          case 'instance-admitted':
          case 'snapshot-probed':
            return [event];
          default:
            return event satisfies never;
        }
      }

      function guard(snapshot: Snapshot): readonly Fact[] {
        const now = scheduler.now();
        const found = Map.groupBy(snapshot.registrations, (one) => serviceKey(one.namespace, one.service));
        const returned = [...held.keys()].filter((key) => found.has(key));
        const confirmed = [...held].flatMap(([key, since]) =>
          !found.has(key) && isOver(key, now - since, snapshot.keep) ? [key] : [],
        );
        for (const key of confirmed) managed.delete(key);
        const said = [...release(returned, 'return'), ...release(confirmed, 'snapshot')];

        const lost = [...managed.keys()].filter((key) => !found.has(key));
        const losses =
          snapshot.keep === undefined
            ? judgeLosses(lost, managed.size, found.keys(), maxLossPercent)
            : { services: snapshot.keep, ...recorded };
        if (losses.services.length > 0) reasons = { namespaces: losses.namespaces, why: losses.why };
        for (const key of losses.services) if (!held.has(key)) held.set(key, now);
        for (const key of lost) if (!held.has(key)) managed.delete(key);
        for (const [key, registrations] of found) remember(key, registrations);

        if (held.size === 0) return [...said, snapshot];
        const services = [...held.keys()];
        const [oldest = now] = held.values();
        const confirmInMs = Math.max(0, oldest + confirmAfterMs - now);
        return [...said, { kind: 'losses-held', services, ...reasons, confirmInMs }, { ...snapshot, keep: services }];
      }

      function isOver(key: ServiceKey, heldMs: number, judged: readonly ServiceKey[] | undefined): boolean {
        return judged === undefined ? heldMs >= confirmAfterMs : !judged.includes(key);
      }

      function remember(key: ServiceKey, registrations: readonly Registration[]): void {
        const enabled = registrations.filter(({ tags }) => isEnabled(tags, prefix));
        if (enabled.length === 0) managed.delete(key);
        else managed.set(key, new Set(enabled.map(({ id }) => id)));
      }

      function register({ namespace, service, id, tags }: Registration): readonly Notice[] {
        const key = serviceKey(namespace, service);
        const ids = managed.get(key);
        if (!isEnabled(tags, prefix)) forget(key, id);
        else if (ids === undefined) managed.set(key, new Set([id]));
        else ids.add(id);
        return held.has(key) ? release([key], 'return') : [];
      }

      function deregister(key: ServiceKey, id: string): readonly Notice[] {
        forget(key, id);
        return held.has(key) && !managed.has(key) ? release([key], 'deregistration') : [];
      }

      /** A mark has no instances, and stays. */
      function forget(key: ServiceKey, id: string): void {
        const ids = managed.get(key);
        if (ids?.delete(id) && ids.size === 0) managed.delete(key);
      }

      function release(services: readonly ServiceKey[], by: ReleasedBy): readonly Notice[] {
        for (const key of services) held.delete(key);
        return services.length === 0 ? [] : [{ kind: 'losses-released', services, by }];
      }

      return source.pipe(emitEach((fact) => (isNotice(fact) ? [fact] : follow(fact))));
    });
}

const recorded = { namespaces: [], why: 'they were when this was recorded' } as const;
