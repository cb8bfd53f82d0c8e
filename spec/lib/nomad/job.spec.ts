import { assert, expect } from 'chai';
import { parseJob } from '../../../lib/nomad/job.ts';
import type { Job } from '../../../lib/model/events.ts';

const check = {
  Type: 'http',
  Protocol: '',
  Method: '',
  Path: '/ok',
  PortLabel: '',
  Interval: 2e9,
  Timeout: 5e8,
  Header: null,
};
const service = { Name: 'web', PortLabel: 'http', Provider: 'nomad', Checks: [check] };
const group = {
  Name: 'g',
  Count: 2,
  Update: null,
  Scaling: null,
  Services: [service],
  Tasks: [{ Name: 't', Services: null }],
};

function read(raw: object): Job {
  const parsed = parseJob({ ID: 'shop', Namespace: 'prod', CreateIndex: 5, JobModifyIndex: 6, Stable: true, ...raw });
  assert(parsed.ok);
  return parsed.value;
}

function readService(change: { group?: object; job?: object; service?: object; check?: object }) {
  const changed = { ...service, Checks: [{ ...check, ...change.check }], ...change.service };
  return read({ TaskGroups: [{ ...group, Services: [changed], ...change.group }], ...change.job }).services[0];
}

describe('parseJob', () => {
  it('reduces a job to its services and their checks, times in ms', () => {
    expect(read({ TaskGroups: [group] })).to.deep.equal({
      namespace: 'prod',
      id: 'shop',
      createIndex: 5,
      modifyIndex: 6,
      stable: true,
      services: [
        {
          name: 'web',
          portLabel: 'http',
          group: 'g',
          count: 2,
          canaries: 0,
          scalingMax: 0,
          checks: [
            {
              type: 'http',
              protocol: 'http',
              method: 'GET',
              path: '/ok',
              portLabel: '',
              intervalMs: 2000,
              timeoutMs: 500,
              headers: {},
            },
          ],
        },
      ],
    });
  });

  it("tells a task's service by its task", () => {
    const [found] = read({
      TaskGroups: [{ ...group, Services: null, Tasks: [{ Name: 't', Services: [service] }] }],
    }).services;
    expect(found).to.include({ name: 'web', group: 'g', task: 't' });
  });

  it('leaves out services of Consul, and checks that Nomad does not run', () => {
    expect(readService({ service: { Provider: 'consul' } })).to.equal(undefined);
    expect(readService({ check: { Type: 'script' } })?.checks).to.deep.equal([]);
  });

  it('keeps what a check says', () => {
    const [found] = readService({
      check: { Type: 'http', Protocol: 'https', Method: 'HEAD', PortLabel: 'admin', Header: { Host: ['a.example'] } },
    })!.checks;
    expect(found).to.deep.include({
      protocol: 'https',
      method: 'HEAD',
      portLabel: 'admin',
      headers: { Host: ['a.example'] },
    });
  });

  it('takes a header that is null for one without values', () => {
    const [found] = readService({ check: { Header: { Host: null, 'X-Foo': ['a'] } } })!.checks;
    expect(found?.headers).to.deep.equal({ Host: [], 'X-Foo': ['a'] });
  });

  const sizes: readonly (readonly [name: string, change: Parameters<typeof readService>[0], size: object])[] = [
    [
      "takes the group's canaries",
      { group: { Update: { Canary: 2 } }, job: { Update: { Canary: 1 } } },
      { canaries: 2 },
    ],
    ["else the job's", { job: { Update: { Canary: 1 } } }, { canaries: 1 }],
    [
      'takes the limit of an enabled scaling block',
      { group: { Scaling: { Enabled: true, Max: 9 } } },
      { scalingMax: 9 },
    ],
    ['but not of a disabled one', { group: { Scaling: { Enabled: false, Max: 9 } } }, { scalingMax: 0 }],
    ['takes no port label for an empty one', { service: { PortLabel: null } }, { portLabel: '' }],
  ];
  for (const [name, change, size] of sizes) {
    it(name, () => {
      expect(readService(change)).to.include(size);
    });
  }

  it('takes no path for /', () => {
    expect(readService({ check: { Path: '' } })?.checks[0]).to.include({ path: '/' });
  });

  const [none, some] = [0, 1].map((MaxParallel) => ({ Canary: 0, MaxParallel }));
  const groupOf = (Update: object | null | undefined) => ({ ...group, Update });
  const versions: readonly (readonly [what: string, raw: object, stable: boolean])[] = [
    ['a service job', { Type: 'service', Update: some, TaskGroups: [groupOf(some)] }, false],
    ['a service job without a group', { Type: 'service', Update: none, TaskGroups: null }, false],
    ['a job that does not say how it is updated', { Type: null, Update: null, TaskGroups: [groupOf(null)] }, false],
    ['a job whose update says nothing of it', { TaskGroups: [groupOf({ Canary: 0 })] }, false],
    ['a job of which one group has one', { Update: none, TaskGroups: [groupOf(null), groupOf(some)] }, false],
    ['a system job', { Type: 'system', Update: none, TaskGroups: [groupOf(null)] }, true],
    ['a job whose groups are replaced at once', { Update: some, TaskGroups: [groupOf(none), groupOf(none)] }, true],
    ['a job that is replaced at once as a whole', { Update: none, TaskGroups: [groupOf(null), groupOf(none)] }, true],
  ];
  for (const [what, raw, stable] of versions) {
    it(`takes a version of ${what} ${stable ? 'for stable: no deployment will say so' : 'as Nomad does'}`, () => {
      expect(read({ ...raw, Stable: false }).stable).to.equal(stable);
      expect(read({ ...raw, Stable: true }).stable).to.equal(true);
    });
  }

  it('says what is wrong', () => {
    expect(parseJob({ ID: 'shop' })).to.deep.equal({ ok: false, why: "must have required property 'Namespace'" });
  });
});
