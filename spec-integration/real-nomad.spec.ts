import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { exitCodes } from '../lib/exit-codes.ts';
import { createScratch, linesOf, runCommand } from '../spec/support/command-line.ts';
import { startConnector, type Connector, type Env } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { images, startHaproxy, type Haproxy } from './support/haproxy.ts';
import { hasNomad, nomad, startNomadAgent, type NomadAgent } from './support/nomad-agent.ts';

const host = 'web.example.com';

/** An app that answers with its version and index, ends as it is told to, and dies when asked for it. v3 can say that it is well. */
const app = `
  const http = require('node:http');
  const { VERSION, NOMAD_ALLOC_INDEX, NOMAD_PORT_http } = process.env;
  const server = http.createServer(({ url }, response) => {
    if (url === '/die') process.exit(1);
    if (url === '/well' && VERSION !== 'v3') response.statusCode = 404;
    response.end(VERSION + ' ' + NOMAD_ALLOC_INDEX);
  });
  server.listen(Number(NOMAD_PORT_http));
  process.on('SIGINT', () => server.close(() => process.exit()));
`;

const second = 1e9;
/** HAProxy has asked every instance three times and more by then. */
const checkedMs = 6000;

function job(version: string, count: number, { path = '/', canaries = 0 } = {}) {
  const check = { Type: 'http', Path: path, Interval: second, Timeout: second };
  return {
    ID: 'web',
    Type: 'service',
    Datacenters: ['*'],
    Update: {
      MaxParallel: 1,
      MinHealthyTime: second,
      HealthyDeadline: 60 * second,
      HealthCheck: 'checks',
      Canary: canaries,
    },
    TaskGroups: [
      {
        Name: 'web',
        Count: count,
        ShutdownDelay: second,
        Networks: [{ DynamicPorts: [{ Label: 'http' }] }],
        RestartPolicy: { Attempts: 5, Interval: 60 * second, Delay: second, Mode: 'delay' },
        Services: [
          {
            Name: 'web',
            Provider: 'nomad',
            PortLabel: 'http',
            Tags: ['haproxy.enable=true', `haproxy.domain=${host}`],
            Checks: [check],
          },
        ],
        Tasks: [
          {
            Name: 'server',
            Driver: 'raw_exec',
            Config: { command: process.execPath, args: ['-e', app] },
            Env: { VERSION: version },
            Resources: { CPU: 20, MemoryMB: 32 },
          },
        ],
      },
    ],
  };
}

/**
 * Needs `nomad` on PATH, and root on Linux; without it these are skipped. Elsewhere Nomad is replayed from recordings: here
 * it has the word itself.
 */
(hasNomad ? describe : describe.skip)('a real Nomad', function () {
  this.timeout(240_000);
  const scratch = createScratch();
  let agent: NomadAgent;
  let haproxy: Haproxy;
  let connector: Connector;
  let env: Env;

  before(async () => {
    const dev = (name: string) => readFileSync(`deploy/dev/haproxy/${name}`, 'utf8');
    const dataplane = { text: dev('dataplaneapi.yml'), username: 'admin', password: 'dataplane' };
    haproxy = await startHaproxy({ image: images[0]!, config: dev('haproxy.cfg'), dataplane, ports: [80] });
    agent = await startNomadAgent(haproxy.hostAddress);
    env = {
      NOMAD_ADDR: agent.address,
      HAPROXY_DATAPLANE_URL: haproxy.api.address,
      HAPROXY_USERNAME: dataplane.username,
      HAPROXY_PASSWORD: dataplane.password,
      HAPROXY_FRONTEND: 'www',
    };
    connector = startConnector({ ...env, HEALTH_HOST: '127.0.0.1', HEALTH_PORT: '0' });
    await connector.logged('started');
  });

  after(async () => {
    await connector.stop();
    await haproxy.stop();
    await agent.kill();
    scratch.remove();
  });

  async function registrations() {
    return (await agent.get('/v1/service/web')) as readonly { readonly Address: string; readonly Port: number }[];
  }

  /** Status and body, or why there is none. */
  function ask(through?: Agent): Promise<string> {
    const [hostname, port] = haproxy.port(80).split(':');
    return new Promise((resolve) => {
      const asked = get({ hostname, port, headers: { host }, agent: through, timeout: 10_000 }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => (body += part));
        response.on('end', () => {
          resolve(`${response.statusCode} ${body}`);
        });
      });
      asked.on('timeout', () => asked.destroy(new Error('timeout')));
      asked.on('error', ({ message }) => {
        resolve(message);
      });
    });
  }

  async function untilServed(version: string, count: number): Promise<void> {
    const expected = Array.from({ length: count }, (_, n) => `200 ${version} ${n}`);
    await eventually(async () => {
      const answers = new Set(await Promise.all(Array.from({ length: 4 * count }, () => ask())));
      expect([...answers].sort()).to.deep.equal(expected);
    }, 90_000);
  }

  /** All answers that users of kept connections get while something is done. */
  async function answersDuring(work: () => Promise<unknown>): Promise<readonly string[]> {
    const through = new Agent({ keepAlive: true });
    const answers: string[] = [];
    let over = false;
    async function use(): Promise<void> {
      while (!over) answers.push(await ask(through));
    }
    const users = Promise.all(Array.from({ length: 4 }, use));
    await work();
    over = true;
    await users;
    through.destroy();
    return answers;
  }

  function expectNoneLost(answers: readonly string[]): void {
    expect(answers.filter((answer) => !answer.startsWith('200 '))).to.deep.equal([]);
    expect(answers).to.have.length.above(100);
  }

  it('takes the jobs of deploy/', async () => {
    const image = 'connector_image=registry.example.com/haproxy-nomad-connector:0.1.0';
    const at = `-address=${agent.address}`;
    expect(await nomad('job', 'validate', at, '-var', image, 'deploy/nomad/haproxy.nomad.hcl')).to.include(
      'successful',
    );
    expect(await nomad('job', 'validate', at, 'deploy/dev/web.nomad.hcl')).to.include('successful');
  });

  it('is well by check', async () => {
    const { stdout } = await runCommand(['check', '--json'], env);
    const found = linesOf(stdout).map((line) => JSON.parse(line) as { check: string; level: string; found: string });
    expect(found.filter(({ level }) => level === 'problem')).to.deep.equal([]);
    expect(found.find(({ check }) => check === 'nomad')?.found).to.include(agent.version);
  });

  it('says before what a job would do', async () => {
    const hcl = readFileSync('deploy/dev/web.nomad.hcl', 'utf8');
    const Job = await agent.post('/v1/jobs/parse', { JobHCL: hcl, Canonicalize: true });
    const { code, stdout } = await runCommand(
      ['plan', '--job', scratch.write('web.json', JSON.stringify({ Job }))],
      env,
    );
    expect(code).to.equal(exitCodes.changes);
    expect(stdout).to.include('web.localhost');
  });

  it('tells of a job, which is served', async () => {
    await agent.post('/v1/jobs', { Job: job('v1', 2) });
    await untilServed('v1', 2);
  });

  it('scales it without a reload', async () => {
    const before = await haproxy.reloads();
    await agent.post('/v1/jobs', { Job: job('v1', 4) });
    await untilServed('v1', 4);
    expect(await haproxy.reloads()).to.equal(before);
  });

  it('replaces every instance, and no request is lost and nothing reloaded', async () => {
    const before = await haproxy.reloads();
    const answers = await answersDuring(async () => {
      await agent.post('/v1/jobs', { Job: job('v2', 4) });
      await untilServed('v2', 4);
    });
    expectNoneLost(answers);
    expect(await haproxy.reloads()).to.equal(before);
  });

  it('loses an instance without a word, and no request of others is lost', async () => {
    const [{ Address, Port }] = (await registrations()) as [{ Address: string; Port: number }];
    const answers = await answersDuring(async () => {
      await fetch(`http://${Address}:${Port}/die`).catch(() => undefined);
      await untilServed('v2', 4);
    });
    expectNoneLost(answers);
  });

  it('explains the service', async () => {
    const { code, stdout } = await runCommand(['explain', 'web'], env);
    expect(code).to.equal(exitCodes.ok);
    expect(stdout).to.include(`exact ${host} -> web`);
    expect(stdout.match(/serving .*running: ready, up/g)).to.have.length(4);
  });

  it('is in the middle of a deployment when the connector starts, which asks what serves as its own version says', async () => {
    await agent.post('/v1/jobs', { Job: job('v3', 4, { path: '/well', canaries: 1 }) });
    const both = async () => {
      const answers = new Set(await Promise.all(Array.from({ length: 40 }, () => ask())));
      expect([...answers].filter((answer) => answer.startsWith('200 v2'))).to.have.length(4);
      expect([...answers].filter((answer) => answer.startsWith('200 v3'))).to.have.length(1);
      expect([...answers]).to.have.length(5);
    };
    await eventually(both, 60_000);
    await connector.stop();
    connector = startConnector({ ...env, HEALTH_HOST: '127.0.0.1', HEALTH_PORT: '0' });
    const answers = await answersDuring(async () => {
      await connector.logged('started');
      await setTimeout(checkedMs);
    });
    expectNoneLost(answers);
    await both();

    const deployment = (await agent.get('/v1/job/web/deployment')) as { readonly ID: string };
    const promoted = await answersDuring(async () => {
      await agent.post(`/v1/deployment/promote/${deployment.ID}`, { DeploymentID: deployment.ID, All: true });
      await untilServed('v3', 4);
    });
    expectNoneLost(promoted);
  });

  it('stops a job, and what it had is drained', async () => {
    await fetch(`${agent.address}/v1/job/web?purge=true`, { method: 'DELETE' });
    await eventually(async () => {
      expect(await registrations()).to.deep.equal([]);
      expect(await ask()).to.match(/^503 /);
    }, 60_000);
  });

  it('goes, and what is served stays', async () => {
    await agent.post('/v1/jobs', { Job: job('v4', 2) });
    await untilServed('v4', 2);
    const left = await registrations();
    await agent.kill();
    await connector.logged('lost connection to Nomad');
    await untilServed('v4', 2);
    for (const { Address, Port } of left) await fetch(`http://${Address}:${Port}/die`).catch(() => undefined);
  });
});
