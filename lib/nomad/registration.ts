import type { JSONSchemaType } from 'ajv';
import type { Registration } from '../model/events.ts';
import { parserOf } from './parser.ts';

/** The fields in use of Nomad's `ServiceRegistration`. */
interface RawRegistration {
  ID: string;
  ServiceName: string;
  Namespace: string;
  NodeID: string;
  JobID: string;
  AllocID: string;
  Tags?: string[] | null;
  Address: string;
  Port: number;
  CreateIndex: number;
  ModifyIndex: number;
}

const schema: JSONSchemaType<RawRegistration> = {
  type: 'object',
  properties: {
    ID: { type: 'string', minLength: 1 },
    ServiceName: { type: 'string', minLength: 1 },
    Namespace: { type: 'string', minLength: 1 },
    NodeID: { type: 'string' },
    JobID: { type: 'string' },
    AllocID: { type: 'string' },
    Tags: { type: 'array', items: { type: 'string' }, nullable: true },
    Address: { type: 'string' },
    Port: { type: 'integer' },
    CreateIndex: { type: 'integer' },
    ModifyIndex: { type: 'integer' },
  },
  required: [
    'ID',
    'ServiceName',
    'Namespace',
    'NodeID',
    'JobID',
    'AllocID',
    'Address',
    'Port',
    'CreateIndex',
    'ModifyIndex',
  ],
};

/** Reads one registration as `/v1/service/:name` and the payload of a Service event carry it; no tags may be `null`. */
export const parseRegistration = parserOf(schema, function toRegistration(raw): Registration {
  return {
    id: raw.ID,
    namespace: raw.Namespace,
    service: raw.ServiceName,
    address: raw.Address,
    port: raw.Port,
    tags: raw.Tags ?? [],
    alloc: raw.AllocID,
    job: raw.JobID,
    node: raw.NodeID,
    createIndex: raw.CreateIndex,
    modifyIndex: raw.ModifyIndex,
  };
});

/** A registration in Nomad's words: what `parseRegistration` reads as it is here. */
export function rawRegistration(one: Registration): object {
  return {
    ID: one.id,
    ServiceName: one.service,
    Namespace: one.namespace,
    NodeID: one.node,
    JobID: one.job,
    AllocID: one.alloc,
    Tags: one.tags,
    Address: one.address,
    Port: one.port,
    CreateIndex: one.createIndex,
    ModifyIndex: one.modifyIndex,
  } satisfies { readonly [K in keyof RawRegistration]: unknown };
}
