import { FailureError } from '../model/failure.ts';
import { shapeOf, type Shape } from '../shape.ts';
import { malformed } from './client-failures.ts';
import type { Answer } from './client-http.ts';

const text = { type: 'string' } as const;
const whole = { type: 'integer' } as const;

export const numberShape = shapeOf<number>(whole);

export const infoShape = shapeOf<{ api: { version: string } }>(
  record({ api: record({ version: text }, ['version']) }, ['api']),
);

/** When HAProxy does not answer the API: status 200, and `error` or an `info` that is empty but for a zero date. */
export const runtimeInfoShape = shapeOf<{ error?: string; info?: { version?: string; pid?: number } }>(
  record({ error: text, info: record({ version: text, pid: whole }, []) }, []),
);

export const processShape = shapeOf<{ runtimeAPI?: string; info?: { uptime?: number } }>(
  record({ runtimeAPI: text, info: record({ uptime: whole }, []) }, []),
);

export interface WireReload {
  readonly id: string;
  readonly status: 'failed' | 'in_progress' | 'succeeded';
  readonly reload_timestamp?: number;
  readonly response?: string;
}

const reload = record(
  { id: text, status: { enum: ['failed', 'in_progress', 'succeeded'] }, reload_timestamp: whole, response: text },
  ['id', 'status'],
);
export const reloadsShape = shapeOf<WireReload[]>(list(reload));

export const transactionShape = shapeOf<{ id: string }>(record({ id: text }, ['id']));
export const transactionsShape = shapeOf<{ id: string }[]>(list(record({ id: text }, ['id'])));

export interface WireServer {
  readonly name: string;
  readonly address?: string;
  readonly port?: number;
  readonly admin_state: 'ready' | 'drain' | 'maint';
  readonly operational_state: string;
  readonly check_health?: number;
  /** From 3.3.1 on. */
  readonly weight?: number;
}

const server = record(
  {
    name: text,
    address: text,
    port: whole,
    admin_state: { enum: ['ready', 'drain', 'maint'] },
    operational_state: text,
    check_health: whole,
    weight: whole,
  },
  ['name', 'admin_state', 'operational_state'],
);
export const serverShape = shapeOf<WireServer>(server);
export const serversShape = shapeOf<WireServer[]>(list(server));

const mapFile = record({ storage_name: text, file: text }, ['storage_name', 'file']);
export const mapFileShape = shapeOf<{ storage_name: string; file: string }>(mapFile);
export const mapFilesShape = shapeOf<{ storage_name: string; file: string }[]>(list(mapFile));

export const entriesShape = shapeOf<{ key: string; value: string }[]>(
  list(record({ key: text, value: text }, ['key', 'value'])),
);

/**
 * The JSON of an answer, if it has the form; throws a FailureError (`malformed`) otherwise, which does not quote it: it may
 * be a proxy's page with our request in it. Unknown fields are fine.
 */
export function parseAnswer<T>({ text: body, where }: Answer, shape: Shape<T>): T {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new FailureError(malformed(where, `the answer is not JSON but ${body.length} characters of something else`));
  }
  if (shape.fits(parsed)) return parsed;
  throw new FailureError(malformed(where, shape.why('the answer')));
}

function record(properties: Readonly<Record<string, object>>, required: readonly string[]): object {
  return { type: 'object', properties, required };
}

function list(items: object): object {
  return { type: 'array', items };
}
