import type { JSONSchemaType } from 'ajv';
import type { Registration } from '../model/events.ts';
import { isSameList } from '../model/looks-same.ts';
import { arrayOf, parserOf, type Parsed } from './parser.ts';
import { parseRegistration } from './registration.ts';

/** A service's name with the union of its instances' tags. */
export interface ListedService {
  readonly namespace: string;
  readonly name: string;
  readonly tags: readonly string[];
}

interface RawNamespaceServices {
  Namespace: string;
  Services?: { ServiceName: string; Tags?: string[] | null }[] | null;
}

const servicesSchema: JSONSchemaType<RawNamespaceServices[]> = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      Namespace: { type: 'string' },
      Services: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            ServiceName: { type: 'string' },
            Tags: { type: 'array', items: { type: 'string' }, nullable: true },
          },
          required: ['ServiceName'],
        },
        nullable: true,
      },
    },
    required: ['Namespace'],
  },
};

export interface ListedAllocation {
  readonly namespace: string;
  readonly id: string;
}

const allocationsSchema: JSONSchemaType<{ ID: string; Namespace: string }[]> = {
  type: 'array',
  items: {
    type: 'object',
    properties: { ID: { type: 'string' }, Namespace: { type: 'string' } },
    required: ['ID', 'Namespace'],
  },
};

const namespacesSchema: JSONSchemaType<{ Name: string }[]> = {
  type: 'array',
  items: { type: 'object', properties: { Name: { type: 'string' } }, required: ['Name'] },
};

/** The answer of `/v1/services`. */
export const parseServices = parserOf(servicesSchema, (raw): readonly ListedService[] =>
  raw.flatMap(({ Namespace, Services }) =>
    (Services ?? []).map((one) => ({ namespace: Namespace, name: one.ServiceName, tags: one.Tags ?? [] })),
  ),
);

/** The answer of `/v1/allocations`. */
export const parseAllocations = parserOf(allocationsSchema, (raw): readonly ListedAllocation[] =>
  raw.map(({ ID, Namespace }) => ({ namespace: Namespace, id: ID })),
);

/** The answer of `/v1/namespaces`: their names. */
export const parseNamespaces = parserOf(namespacesSchema, (raw): readonly string[] => raw.map((one) => one.Name));

const parseEach = arrayOf(parseRegistration);

/** The answer of `/v1/service/:name`. What is equal in its instances, as tags nearly always are, is kept once. */
export function parseRegistrations(raw: unknown): Parsed<readonly Registration[]> {
  const parsed = parseEach(raw);
  return parsed.ok ? { ok: true, value: shareEqual(parsed.value) } : parsed;
}

function shareEqual(registrations: readonly Registration[]): readonly Registration[] {
  const [first] = registrations;
  if (first === undefined) return registrations;
  return registrations.map((one) => ({
    ...one,
    namespace: one.namespace === first.namespace ? first.namespace : one.namespace,
    service: one.service === first.service ? first.service : one.service,
    job: one.job === first.job ? first.job : one.job,
    tags: isSameList(one.tags, first.tags) ? first.tags : one.tags,
  }));
}
