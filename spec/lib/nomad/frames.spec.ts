import { assert, expect } from 'chai';
import fc from 'fast-check';
import { parseFrame, readFrame, type Frame } from '../../../lib/nomad/frames.ts';
import type { RawEvent, RawRegistration } from '../../support/nomad-state.ts';

const web: RawRegistration = {
  ID: 'web-1',
  ServiceName: 'web',
  Namespace: 'prod',
  NodeID: 'node',
  Datacenter: 'dc1',
  JobID: 'shop',
  AllocID: 'alloc',
  Tags: ['haproxy.enable=true'],
  Address: '10.0.0.1',
  Port: 24_411,
  CreateIndex: 6,
  ModifyIndex: 7,
};

const shop = { ID: 'shop', Namespace: 'prod', CreateIndex: 5, JobModifyIndex: 6, Stable: true, TaskGroups: null };

function event(topic: string, type: string, payload: object): RawEvent {
  return {
    Topic: topic,
    Type: type,
    Namespace: 'prod',
    Key: 'shop',
    FilterKeys: null,
    Index: 9,
    Payload: payload,
  };
}

function eventsOf(...events: readonly object[]): Extract<Frame, { kind: 'events' }> {
  const frame = readFrame({ Index: 9, Events: events });
  assert(frame.kind === 'events');
  return frame;
}

describe('parseFrame', () => {
  it('tells a heartbeat', () => {
    expect(parseFrame('{}')).to.deep.equal({ kind: 'heartbeat' });
  });

  it('reads a registration', () => {
    expect(eventsOf(event('Service', 'ServiceRegistration', { Service: web })).events).to.deep.equal([
      {
        kind: 'service-registered',
        index: 9,
        registration: {
          id: 'web-1',
          namespace: 'prod',
          service: 'web',
          address: '10.0.0.1',
          port: 24_411,
          tags: ['haproxy.enable=true'],
          alloc: 'alloc',
          job: 'shop',
          node: 'node',
          createIndex: 6,
          modifyIndex: 7,
        },
      },
    ]);
  });

  it('takes null for no tags', () => {
    const [told] = eventsOf(event('Service', 'ServiceRegistration', { Service: { ...web, Tags: null } })).events;
    expect(told).to.have.nested.property('registration.tags').that.deep.equals([]);
  });

  for (const type of [
    'ServiceDeregistration',
    'AllocationUpdated',
    'PlanResult',
    'NodeStreamEvent',
    'TypeOfTomorrow',
  ]) {
    it(`takes a Service event of type ${type} for a delete`, () => {
      expect(eventsOf(event('Service', type, { Service: web })).events).to.deep.equal([
        { kind: 'service-deregistered', index: 9, namespace: 'prod', id: 'web-1', service: 'web' },
      ]);
    });
  }

  for (const type of ['JobDeregistered', 'JobBatchDeregistered']) {
    it(`takes a Job event of type ${type} for the end of the job`, () => {
      expect(eventsOf(event('Job', type, { Job: null })).events).to.deep.equal([
        { kind: 'job-deregistered', index: 9, namespace: 'prod', id: 'shop' },
      ]);
    });
  }

  for (const type of ['JobRegistered', 'PlanResult', 'EvaluationUpdated', 'AllocationUpdated']) {
    it(`takes a Job event of type ${type} for the job's newest text`, () => {
      expect(eventsOf(event('Job', type, { Job: shop })).events).to.deep.equal([
        {
          kind: 'job-registered',
          index: 9,
          job: { namespace: 'prod', id: 'shop', createIndex: 5, modifyIndex: 6, stable: true, services: [] },
        },
      ]);
    });
  }

  it('keeps the order of the line', () => {
    const { events } = eventsOf(
      event('Service', 'ServiceRegistration', { Service: { ...web, ID: 'b' } }),
      event('Job', 'JobDeregistered', {}),
      event('Service', 'ServiceDeregistration', { Service: { ...web, ID: 'a' } }),
    );
    expect(events.map(({ kind }) => kind)).to.deep.equal([
      'service-registered',
      'job-deregistered',
      'service-deregistered',
    ]);
  });

  it('skips what it does not know, and keeps its neighbours', () => {
    const { events, skipped } = eventsOf(
      event('Node', 'NodeRegistration', {}),
      event('Service', 'ServiceRegistration', { Service: { ...web, Port: '80' } }),
      event('Service', 'ServiceRegistration', { Service: web }),
      { Topic: 'Service' },
    );
    expect(events).to.have.length(1);
    expect(skipped).to.deep.equal([
      { what: 'event 1 of index 9', why: 'topic Node is not one of Service, Job' },
      { what: 'event 2 of index 9', why: 'Payload.Service: /Port must be integer' },
      { what: 'event 4 of index 9', why: "must have required property 'Type'" },
    ]);
  });

  const malformed: readonly (readonly [name: string, line: string, why: RegExp])[] = [
    ["the server's error text", 'Permission denied', /not JSON/],
    ['half a frame', '{"Index":9,"Events":[{"Topic":"Serv', /not JSON/],
    ['a frame without index', '{"Events":[]}', /'Index'/],
    ['another kind of value', '[1,2]', /must be object/],
    ['an endless text', 'x'.repeat(5000), /not JSON/],
  ];
  for (const [name, line, why] of malformed) {
    it(`tells ${name} as malformed, with an excerpt`, () => {
      const frame = parseFrame(line);
      assert(frame.kind === 'malformed');
      expect(frame.excerpt).to.equal(line.slice(0, 200));
      expect(frame.why).to.match(why);
    });
  }

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        parseFrame(line);
      }),
    );
  });
});
