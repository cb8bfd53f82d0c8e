import type { JSONSchemaType } from 'ajv';
import type { Event } from '../model/events.ts';
import { parseJob } from './job.ts';
import { parserOf, type Parsed } from './parser.ts';
import { parseRegistration } from './registration.ts';

/** One line of `/v1/event/stream`. */
export type Frame =
  | { readonly kind: 'heartbeat' }
  | {
      readonly kind: 'events';
      readonly index: number;
      /** In the order of the line. */
      readonly events: readonly StreamEvent[];
      /** Events of the line that could not be used. */
      readonly skipped: readonly Skipped[];
    }
  /** Not a frame: the server's error text, or a line that was cut. `excerpt` has at most 200 characters. */
  | { readonly kind: 'malformed'; readonly excerpt: string; readonly why: string };

/** The facts that come by the stream. */
export type StreamEvent = Extract<
  Event,
  { kind: 'service-registered' | 'service-deregistered' | 'job-registered' | 'job-deregistered' }
>;

export interface Skipped {
  readonly what: string;
  readonly why: string;
}

interface RawFrame {
  Index: number;
  Events?: Record<string, unknown>[] | null;
}
interface RawEvent {
  Topic: string;
  Type: string;
  Namespace: string;
  Key: string;
  Index: number;
  Payload: { Service?: Record<string, unknown> | null; Job?: Record<string, unknown> | null };
}

const anyObject = { type: 'object', required: [], nullable: true } as const;

const frameSchema: JSONSchemaType<RawFrame> = {
  type: 'object',
  properties: {
    Index: { type: 'integer' },
    Events: { type: 'array', items: { type: 'object', required: [] }, nullable: true },
  },
  required: ['Index'],
};

const eventSchema: JSONSchemaType<RawEvent> = {
  type: 'object',
  properties: {
    Topic: { type: 'string' },
    Type: { type: 'string' },
    Namespace: { type: 'string' },
    Key: { type: 'string' },
    Index: { type: 'integer' },
    Payload: { type: 'object', properties: { Service: anyObject, Job: anyObject } },
  },
  required: ['Topic', 'Type', 'Namespace', 'Key', 'Index', 'Payload'],
};

const parseEnvelope = parserOf(frameSchema, (raw) => raw);
const parseEvent = parserOf(eventSchema, (raw) => raw);

/** Reads one line of the stream; what does not parse is a value, never an exception. */
export function parseFrame(line: string): Frame {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return malformed(line, 'not JSON');
  }
  return readFrame(value);
}

/** Reads a frame that is JSON already, as recordings carry it. */
export function readFrame(value: unknown): Frame {
  if (isHeartbeat(value)) return { kind: 'heartbeat' };
  const envelope = parseEnvelope(value);
  if (!envelope.ok) return malformed(JSON.stringify(value), envelope.why);
  const { Index: index, Events: raw } = envelope.value;
  const events: StreamEvent[] = [];
  const skipped: Skipped[] = [];
  for (const [at, one] of (raw ?? []).entries()) {
    const read = readEvent(one);
    if (read.ok) events.push(read.value);
    else skipped.push({ what: `event ${at + 1} of index ${index}`, why: read.why });
  }
  return { kind: 'events', index, events, skipped };
}

/** An empty object; asked of every line, so without a schema, whose refusal costs more than reading the line. */
function isHeartbeat(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

function readEvent(value: unknown): Parsed<StreamEvent> {
  const event = parseEvent(value);
  if (!event.ok) return event;
  switch (event.value.Topic) {
    case 'Service':
      return serviceEvent(event.value);
    case 'Job':
      return jobEvent(event.value);
    default:
      return { ok: false, why: `topic ${event.value.Topic} is not one of Service, Job` };
  }
}

/** Type names the Raft message, not the fate of the service: all but one mean that it is gone (measured on Nomad 1.10 and 2.0). */
function serviceEvent({ Type: type, Index: index, Payload: payload }: RawEvent): Parsed<StreamEvent> {
  const parsed = parseRegistration(payload.Service);
  if (!parsed.ok) return { ok: false, why: `Payload.Service: ${parsed.why}` };
  const registration = parsed.value;
  if (type === 'ServiceRegistration') return { ok: true, value: { kind: 'service-registered', index, registration } };
  const { namespace, id, service } = registration;
  return { ok: true, value: { kind: 'service-deregistered', index, namespace, id, service } };
}

function jobEvent({ Type: type, Namespace, Key, Index: index, Payload: payload }: RawEvent): Parsed<StreamEvent> {
  if (type === 'JobDeregistered' || type === 'JobBatchDeregistered') {
    return { ok: true, value: { kind: 'job-deregistered', index, namespace: Namespace, id: Key } };
  }
  const parsed = parseJob(payload.Job);
  if (!parsed.ok) return { ok: false, why: `Payload.Job: ${parsed.why}` };
  return { ok: true, value: { kind: 'job-registered', index, job: parsed.value } };
}

function malformed(text: string, why: string): Frame {
  return { kind: 'malformed', excerpt: text.trim().slice(0, 200), why };
}
