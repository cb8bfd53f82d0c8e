import { expect } from 'chai';
import { parseJobFile, type DraftJob } from '../../../lib/nomad/job-file.ts';

/** As `nomad job run -output` prints it: what the file does not say is null. */
function printed(group: object = {}, job: object = {}) {
  return {
    Job: {
      ...{ ID: 'shop', Name: 'shop', Namespace: null, Type: 'service', Priority: null, Update: null, Stable: null },
      ...{ CreateIndex: null, JobModifyIndex: null, Status: null, Meta: null },
      TaskGroups: [
        {
          ...{ Name: 'web', Count: null, Update: null, Scaling: null, Networks: null, ShutdownDelay: null },
          Services: null,
          Tasks: [{ Name: 'app', Driver: 'docker', Services: null }],
          ...group,
        },
      ],
      ...job,
    },
  };
}

function service(given: object = {}) {
  return {
    ...{ Name: '', Tags: null, CanaryTags: null, PortLabel: 'http', AddressMode: '', Provider: 'nomad', Checks: null },
    ...given,
  };
}

function draftOf(value: unknown, namespace = 'default'): DraftJob {
  const parsed = parseJobFile(value, namespace);
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value;
}

describe('parseJobFile', () => {
  it('fills in what Nomad does where nothing is said', () => {
    const { job, tags, foreign } = draftOf(printed({ Services: [service({ Tags: ['haproxy.enable=true'] })] }));
    expect(job).to.deep.equal({
      ...{ namespace: 'default', id: 'shop', createIndex: 0, modifyIndex: 0, stable: false },
      services: [
        { name: 'shop-web', portLabel: 'http', group: 'web', checks: [], count: 1, canaries: 0, scalingMax: 0 },
      ],
    });
    expect(tags).to.deep.equal([['haproxy.enable=true']]);
    expect(foreign).to.deep.equal([]);
  });

  it('takes a job without its wrapping, and a namespace that it says', () => {
    const { Job } = printed({}, { Namespace: 'prod' });
    expect(draftOf(Job).job).to.include({ id: 'shop', namespace: 'prod' });
    expect(draftOf(printed(), 'dev').job).to.include({ namespace: 'dev' });
  });

  it('reads size and checks', () => {
    const check = { Type: 'http', Path: '/health', Interval: 10_000_000_000, Timeout: 2_000_000_000, Name: '' };
    const Services = [service({ Name: 'web', Checks: [check] })];
    const scaling = { Enabled: null, Min: 2, Max: 8 };
    const [web] = draftOf(printed({ Services, Scaling: scaling, Update: { Canary: 1, MaxParallel: null } })).job
      .services;
    expect(web).to.include({ name: 'web', count: 2, canaries: 1, scalingMax: 8 });
    expect(web?.checks[0]).to.include({ type: 'http', path: '/health', intervalMs: 10_000, timeoutMs: 2000 });
    const off = draftOf(printed({ Services, Count: 3, Scaling: { ...scaling, Enabled: false } })).job.services;
    expect(off[0]).to.include({ count: 3, scalingMax: 0 });
  });

  it('keeps the tags of services of group and task apart', () => {
    const ofTask = { Name: 'app', Services: [service({ Name: 'admin', Tags: ['b'] })] };
    const { job, tags } = draftOf(printed({ Services: [service({ Name: 'web', Tags: ['a'] })], Tasks: [ofTask] }));
    expect(job.services.map(({ name, task }) => [name, task])).to.deep.equal([
      ['web', undefined],
      ['admin', 'app'],
    ]);
    expect(tags).to.deep.equal([['a'], ['b']]);
  });

  it('names services of another provider, and Consul is the one where none is said', () => {
    const Services = [
      service({ Name: 'a', Provider: '' }),
      service({ Name: 'b' }),
      service({ Name: 'c', Provider: 'consul' }),
    ];
    const { job, tags, foreign } = draftOf(printed({ Services }));
    expect(job.services.map(({ name }) => name)).to.deep.equal(['b']);
    expect(tags).to.have.length(1);
    expect(foreign).to.deep.equal([
      { name: 'a', provider: 'consul' },
      { name: 'c', provider: 'consul' },
    ]);
  });

  it('fills in names of job, group and task, and leaves what only a client knows', () => {
    const Tags = [
      'haproxy.domain=${NOMAD_GROUP_NAME}-${NOMAD_ALLOC_INDEX}.${NOMAD_NAMESPACE}.example.com',
      '${node.class}',
    ];
    const task = { Name: 'app', Services: [service({ Name: '${JOB}-${TASK}', Tags })] };
    const { job, tags } = draftOf(printed({ Tasks: [task] }));
    expect(job.services[0]?.name).to.equal('shop-app');
    expect(tags[0]).to.deep.equal(['haproxy.domain=web-${NOMAD_ALLOC_INDEX}.default.example.com', '${node.class}']);
    expect(draftOf(printed({ Services: [service({ Name: '${BASE}' })] })).job.services[0]?.name).to.equal('shop-web');
  });

  const Web = [service({ Name: 'web', PortLabel: 'web' })];
  const ofWeb = { DynamicPorts: null, ReservedPorts: [{ Label: 'web', Value: 80 }] };
  for (const [what, group, unported] of [
    ['has a network without it', { Services: Web, Networks: [{ DynamicPorts: [{ Label: 'http' }] }] }, true],
    ['has no network', { Services: Web }, true],
    ['has it', { Services: Web, Networks: [ofWeb] }, false],
    ['has it in a task', { Services: Web, Tasks: [{ Name: 'app', Resources: { Networks: [ofWeb] } }] }, false],
    ['needs none, as it is a number', { Services: [service({ PortLabel: '8080' })] }, false],
    ['needs none, as there is none', { Services: [service({ PortLabel: '' })] }, false],
    ['cannot be judged, as a client fills it in', { Services: [service({ PortLabel: '${attr.port}' })] }, false],
    ['is that of another provider', { Services: [service({ PortLabel: 'web', Provider: 'consul' })] }, false],
  ] as const) {
    it(`${unported ? 'names' : 'does not name'} a port label whose group ${what}`, () => {
      expect(draftOf(printed(group)).unported).to.deep.equal(unported ? [{ name: 'web', label: 'web' }] : []);
    });
  }

  it('names a port label of a service without a name as Nomad calls it', () => {
    const ofTask = { Name: 'app', Services: [service({ PortLabel: 'web' })] };
    expect(draftOf(printed({ Tasks: [ofTask] })).unported).to.deep.equal([{ name: 'shop-web-app', label: 'web' }]);
  });

  for (const [what, value, why] of [
    ['no object', 'job "shop" {}', /must be object/],
    ['no ID', { Job: { Name: 'shop' } }, /must have required property 'ID'/],
    ['a check that is none', printed({ Services: [service({ Checks: [{ Path: '/' }] })] }), /Type/],
    ['tags that are none', printed({ Services: [service({ Tags: 'a' })] }), /Tags must be array/],
  ] as const) {
    it(`refuses ${what}`, () => {
      const parsed = parseJobFile(value, 'default');
      expect(parsed).to.include({ ok: false });
      expect('why' in parsed ? parsed.why : '').to.match(why);
    });
  }
});
