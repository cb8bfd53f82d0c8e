import type { JSONSchemaType } from 'ajv';
import { serviceKey, type Event, type Ghost, type Job, type ServiceKey } from '../model/events.ts';
import type { Exchange } from '../model/exchange.ts';
import { FailureError } from '../model/failure.ts';
import { newestOf } from '../model/job-versions.ts';
import { parseRegistrations } from './answers.ts';
import { readFrame, type Frame, type Skipped, type StreamEvent } from './frames.ts';
import { parseJob } from './job.ts';
import { arrayOf, parserOf, type Parsed } from './parser.ts';

/** One line of a recording; `t` in ms, and only the time since the first line counts. */
export interface RecordedLine {
  readonly t: number;
  readonly what:
    | Extract<
        Event,
        { kind: 'snapshot-taken' | 'snapshot-probed' | 'instance-admitted' | 'ghosts-seen' | 'losses-accepted' }
      >
    | Exclude<Frame, { kind: 'malformed' }>
    /** A frame of whose events a connector took each for news, whatever index the snapshot has. */
    | { readonly kind: 'told'; readonly events: readonly StreamEvent[]; readonly skipped: readonly Skipped[] }
    | { readonly kind: 'exchange'; readonly exchange: Exchange };
}

/** True when a connector wrote it as it ran: its snapshots have been judged, and it tells which instances were admitted. */
export function isOfRun(lines: readonly RecordedLine[]): boolean {
  return lines.some(({ what }) => what.kind === 'snapshot-taken' && what.keep !== undefined);
}

interface RawLine {
  t: number;
  snapshot?: RawSnapshot | null;
  frame?: Record<string, unknown> | null;
  told?: Record<string, unknown> | null;
  probed?: boolean | null;
  admitted?: { namespace: string; id: string; address: string; port: number } | null;
  ghosts?: Ghost[] | null;
  accepted?: string[] | null;
  exchange?: RawExchange | null;
}
interface RawSnapshot {
  index: number;
  registrations: Record<string, unknown>[];
  jobs: Record<string, unknown>[];
  keep?: string[] | null;
}
interface RawExchange {
  method: string;
  path: string;
  ms: number;
  status?: number | null;
  error?: string | null;
  sent?: string | null;
  got?: string | null;
}

const anyObject = { type: 'object', required: [], nullable: true } as const;
const anyObjects = { type: 'array', items: { type: 'object', required: [] } } as const;
const keys = { type: 'array', items: { type: 'string', pattern: '^[^/]+/.+$' }, nullable: true } as const;
const text = { type: 'string', nullable: true } as const;

const lineSchema: JSONSchemaType<RawLine> = {
  type: 'object',
  properties: {
    t: { type: 'number', minimum: 0 },
    snapshot: {
      type: 'object',
      properties: { index: { type: 'integer' }, registrations: anyObjects, jobs: anyObjects, keep: keys },
      required: ['index', 'registrations', 'jobs'],
      nullable: true,
    },
    frame: anyObject,
    told: anyObject,
    probed: { type: 'boolean', nullable: true },
    admitted: {
      type: 'object',
      properties: {
        namespace: { type: 'string' },
        id: { type: 'string' },
        address: { type: 'string' },
        port: { type: 'integer' },
      },
      required: ['namespace', 'id', 'address', 'port'],
      nullable: true,
    },
    ghosts: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          namespace: { type: 'string' },
          id: { type: 'string' },
          service: { type: 'string' },
          createIndex: { type: 'integer' },
        },
        required: ['namespace', 'id', 'service', 'createIndex'],
      },
      nullable: true,
    },
    accepted: keys,
    exchange: {
      type: 'object',
      properties: {
        method: { type: 'string' },
        path: { type: 'string' },
        ms: { type: 'number' },
        status: { type: 'integer', nullable: true },
        error: text,
        sent: text,
        got: text,
      },
      required: ['method', 'path', 'ms'],
      nullable: true,
    },
  },
  required: ['t'],
};

const parseJobs = arrayOf(parseJob);
const parseLine = parserOf(lineSchema, (raw) => raw);

/**
 * Reads a recording (NDJSON, format in fixtures/recordings). Throws a FailureError `malformed` that names the line. A line
 * that a crash cut short, the last of the text or of a segment in it, is told of as skipped.
 */
export function parseRecording(recording: string): readonly RecordedLine[] {
  const lines = recording.split('\n');
  let t = 0;
  return lines.flatMap((line, at): readonly RecordedLine[] => {
    if (line.trim() === '') return [];
    const value = readJson(line);
    if (!value.ok && isCut(lines, at)) return [{ t, what: cutOff(at + 1) }];
    const parsed = value.ok ? readLine(value.value) : value;
    if (parsed.ok) {
      t = parsed.value.t;
      return [parsed.value];
    }
    throw new FailureError({
      kind: 'malformed',
      message: parsed.why,
      where: `line ${at + 1}`,
      hint: 'record again, or mend that line',
    });
  });
}

/** A segment begins with empty lines, so that one that was cut before it stays a line of its own. */
function isCut(lines: readonly string[], at: number): boolean {
  return at === lines.length - 1 || (lines[at + 1] === '' && at + 2 < lines.length);
}

function cutOff(line: number): RecordedLine['what'] {
  return { kind: 'told', events: [], skipped: [{ what: `line ${line} of the recording`, why: 'it was cut off' }] };
}

function readJson(line: string): Parsed<unknown> {
  try {
    return { ok: true, value: JSON.parse(line) as unknown };
  } catch (error) {
    return { ok: false, why: (error as Error).message };
  }
}

function readLine(value: unknown): Parsed<RecordedLine> {
  const line = parseLine(value);
  if (!line.ok) return line;
  const { t, snapshot, frame, told, probed, admitted, ghosts, accepted, exchange } = line.value;
  if (snapshot) return at(t, readSnapshot(snapshot));
  if (frame) return at(t, readRecordedFrame(frame));
  if (told) return at(t, readTold(told));
  if (probed) return at(t, { ok: true, value: { kind: 'snapshot-probed' } });
  if (admitted) return at(t, { ok: true, value: { kind: 'instance-admitted', ...admitted } });
  if (ghosts) return at(t, { ok: true, value: { kind: 'ghosts-seen', ghosts } });
  if (accepted) return at(t, { ok: true, value: { kind: 'losses-accepted', services: accepted as ServiceKey[] } });
  if (exchange) return at(t, { ok: true, value: { kind: 'exchange', exchange: withoutNulls(exchange) } });
  return { ok: false, why: `must have one of the properties ${kinds.join(', ')}` };
}

const kinds = ['snapshot', 'frame', 'told', 'probed', 'admitted', 'ghosts', 'accepted', 'exchange'];

function withoutNulls({ method, path, ms, status, error, sent, got }: RawExchange): Exchange {
  return {
    ...{ method, path, ms },
    ...(status != null && { status }),
    ...(error != null && { error }),
    ...(sent != null && { sent }),
    ...(got != null && { got }),
  };
}

function at(t: number, what: Parsed<RecordedLine['what']>): Parsed<RecordedLine> {
  return what.ok ? { ok: true, value: { t, what: what.value } } : what;
}

function readRecordedFrame(raw: Record<string, unknown>): Parsed<RecordedLine['what']> {
  const frame = readFrame(raw);
  return frame.kind === 'malformed' ? { ok: false, why: frame.why } : { ok: true, value: frame };
}

function readTold(raw: Record<string, unknown>): Parsed<RecordedLine['what']> {
  const frame = readFrame(raw);
  if (frame.kind !== 'events') return { ok: false, why: frame.kind === 'malformed' ? frame.why : 'has no events' };
  return { ok: true, value: { kind: 'told', events: frame.events, skipped: frame.skipped } };
}

function readSnapshot(raw: RawSnapshot): Parsed<RecordedLine['what']> {
  const registrations = parseRegistrations(raw.registrations);
  if (!registrations.ok) return { ok: false, why: `/snapshot/registrations${registrations.why}` };
  const jobs = parseJobs(raw.jobs);
  if (!jobs.ok) return { ok: false, why: `/snapshot/jobs${jobs.why}` };
  return {
    ok: true,
    value: {
      kind: 'snapshot-taken',
      index: raw.index,
      registrations: registrations.value,
      jobs: withEarlier(jobs.value),
      ...(raw.keep && { keep: raw.keep as ServiceKey[] }),
    },
  };
}

/** A line has the versions of a job side by side. */
function withEarlier(versions: readonly Job[]): readonly Job[] {
  const byJob = Map.groupBy(versions, (one) => serviceKey(one.namespace, one.id));
  return [...byJob.values()].flatMap((all) => newestOf(all) ?? []);
}
