import type { Event } from '../model/events.ts';
import type { Exchange } from '../model/exchange.ts';
import { versionsOf } from '../model/job-versions.ts';
import type { StreamEvent } from './frames.ts';
import { rawJob } from './job.ts';
import { rawRegistration } from './registration.ts';

type Snapshot = Extract<Event, { kind: 'snapshot-taken' }>;

/** Registrations and jobs that are written out at a time: no piece of work is long, however many there are. */
const atOnce = 100;

/**
 * An event as a line of a recording, in pieces, so that a large snapshot need not be one text in memory; none for what
 * HAProxy told of an earlier run. `parseRecording` reads it as it is here, but for headers of checks that HAProxy is not
 * sent. A snapshot without services to keep is written as one that has been judged so.
 */
export function* lineOf(t: number, event: Event): Generator<string> {
  switch (event.kind) {
    case 'marks-found':
      return;
    case 'snapshot-taken':
      yield* snapshotLine(t, event);
      return;
    case 'snapshot-probed':
      yield line(t, 'probed', true);
      return;
    case 'instance-admitted': {
      const { namespace, id, address, port } = event;
      yield line(t, 'admitted', { namespace, id, address, port });
      return;
    }
    case 'ghosts-seen':
      yield line(t, 'ghosts', event.ghosts);
      return;
    case 'losses-accepted':
      yield line(t, 'accepted', event.services);
      return;
    case 'service-registered':
    case 'service-deregistered':
    case 'job-registered':
    case 'job-deregistered':
      yield line(t, 'told', { Index: event.index, Events: [rawEvent(event)] });
      return;
    default:
      event satisfies never;
  }
}

export function exchangeLine(t: number, exchange: Exchange): string {
  return line(t, 'exchange', exchange);
}

function line(t: number, what: string, value: unknown): string {
  return `{"t":${Math.round(t)},"${what}":${JSON.stringify(value)}}\n`;
}

function* snapshotLine(t: number, { index, registrations, jobs, keep = [] }: Snapshot): Generator<string> {
  yield `{"t":${Math.round(t)},"snapshot":{"index":${index},"keep":${JSON.stringify(keep)},"registrations":[`;
  yield* items(registrations, rawRegistration);
  yield '],"jobs":[';
  yield* items(jobs.flatMap(versionsOf), rawJob);
  yield ']}}\n';
}

function* items<T>(all: readonly T[], raw: (one: T) => object): Generator<string> {
  for (let at = 0; at < all.length; at += atOnce) {
    const some = all.slice(at, at + atOnce).map((one) => JSON.stringify(raw(one)));
    yield (at === 0 ? '' : ',') + some.join(',');
  }
}

function rawEvent(event: StreamEvent): object {
  switch (event.kind) {
    case 'service-registered': {
      const { namespace, id } = event.registration;
      return envelope('Service', 'ServiceRegistration', event.index, namespace, id, {
        Service: rawRegistration(event.registration),
      });
    }
    case 'service-deregistered': {
      const { namespace, id, service } = event;
      const gone = { ...nobody, namespace, id, service };
      return envelope('Service', 'ServiceDeregistration', event.index, namespace, id, {
        Service: rawRegistration(gone),
      });
    }
    case 'job-registered': {
      const { namespace, id } = event.job;
      return envelope('Job', 'JobRegistered', event.index, namespace, id, { Job: rawJob(event.job) });
    }
    case 'job-deregistered':
      return envelope('Job', 'JobDeregistered', event.index, event.namespace, event.id, {});
    default:
      return event satisfies never;
  }
}

/** What a deregistration does not tell of the instance. */
const nobody = { address: '', port: 0, tags: [], alloc: '', job: '', node: '', createIndex: 0, modifyIndex: 0 };

function envelope(topic: string, type: string, index: number, namespace: string, key: string, payload: object): object {
  return { Topic: topic, Type: type, Namespace: namespace, Key: key, Index: index, Payload: payload };
}
