import type { JSONSchemaType } from 'ajv';
import { catchError, forkJoin, map, of, throwError, type Observable } from 'rxjs';
import { FailureError } from '../model/failure.ts';
import type { NomadClient } from './client.ts';
import { malformedFailure } from './failures.ts';
import { parserOf, type Parsed } from './parser.ts';

/** The agent that answers us, for people. */
export interface Agent {
  /** Ms since 1970; NaN where it does not tell. */
  readonly clock: number;
  /** Address of the cluster's leader. */
  readonly leader: string;
  /** Absent where the token may not ask: that takes `agent { policy = "read" }`, which the connector does not need. */
  readonly version?: string;
}

/** What Nomad says of our token. Workload identities are none of its ACL tokens, and `unknown`. */
export type TokenReport =
  | { readonly kind: 'acl-disabled' }
  | { readonly kind: 'unknown' }
  | {
      readonly kind: 'known';
      readonly name: string;
      readonly type: string;
      readonly policies: readonly string[];
      /** As Nomad writes it; absent: never. */
      readonly expires?: string;
    };

const leaderSchema: JSONSchemaType<string> = { type: 'string' };
const parseLeader = parserOf(leaderSchema, (raw) => raw);

interface RawSelf {
  config: { Version: { Version: string } };
}

const selfSchema: JSONSchemaType<RawSelf> = {
  type: 'object',
  properties: {
    config: {
      type: 'object',
      properties: {
        Version: { type: 'object', properties: { Version: { type: 'string' } }, required: ['Version'] },
      },
      required: ['Version'],
    },
  },
  required: ['config'],
};
const parseSelf = parserOf(selfSchema, ({ config }) => config.Version.Version);

interface RawToken {
  Name: string;
  Type: string;
  Policies?: string[] | null;
  ExpirationTime?: string | null;
}

const tokenSchema: JSONSchemaType<RawToken> = {
  type: 'object',
  properties: {
    Name: { type: 'string' },
    Type: { type: 'string' },
    Policies: { type: 'array', items: { type: 'string' }, nullable: true },
    ExpirationTime: { type: 'string', nullable: true },
  },
  required: ['Name', 'Type'],
};
const parseToken = parserOf(tokenSchema, ({ Name, Type, Policies, ExpirationTime }): TokenReport => {
  const expires = ExpirationTime ?? undefined;
  return { kind: 'known', name: Name, type: Type, policies: Policies ?? [], ...(expires !== undefined && { expires }) };
});

/** Errors with a FailureError, as the client does. */
export function askAgent(client: NomadClient): Observable<Agent> {
  const version = client.getDated('/v1/agent/self').pipe(
    map(({ value }) => valueOf(parseSelf(value), client, '/v1/agent/self')),
    catchError((error: unknown) =>
      kindOf(error) === 'unauthorized' ? of(undefined) : throwError(() => error as Error),
    ),
  );
  return forkJoin([client.getDated('/v1/status/leader'), version]).pipe(
    map(([{ clock, value }, known]) => ({
      clock,
      leader: valueOf(parseLeader(value), client, '/v1/status/leader'),
      ...(known !== undefined && { version: known }),
    })),
  );
}

/** Errors with a FailureError, as the client does, but not where the token is refused. */
export function askToken(client: NomadClient): Observable<TokenReport> {
  return client.getDated('/v1/acl/token/self').pipe(
    map(({ value }) => valueOf(parseToken(value), client, '/v1/acl/token/self')),
    catchError((error: unknown) => {
      // Said with 400, 401 or 500, by version.
      if (error instanceof FailureError && error.failure.message.includes('ACL support disabled')) {
        return of<TokenReport>({ kind: 'acl-disabled' });
      }
      const isStrange = ['not-found', 'unauthorized'].includes(kindOf(error) ?? '');
      return isStrange ? of<TokenReport>({ kind: 'unknown' }) : throwError(() => error as Error);
    }),
  );
}

function kindOf(error: unknown): string | undefined {
  return error instanceof FailureError ? error.failure.kind : undefined;
}

function valueOf<T>(parsed: Parsed<T>, { address }: NomadClient, path: string): T {
  if (parsed.ok) return parsed.value;
  throw malformedFailure(`not the answer expected: ${parsed.why}`, { where: `GET ${address}${path}` });
}
