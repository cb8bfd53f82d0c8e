import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { readCompose } from '../spec/support/compose.ts';
import { blocksOf } from '../spec/support/documents.ts';
import { startNomad, type NomadServer } from '../spec/support/nomad-server.ts';
import { startConnector, type Connector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { startApp, startHaproxy, type App, type Haproxy } from './support/haproxy.ts';

const compose = readCompose('docker-compose.dev.yml');
const blocks = blocksOf('docs/getting-started.md');

/** The sample job's tags, and what its instances answer. */
const job = readFileSync('deploy/dev/web.nomad.hcl', 'utf8');
const tags = [...job.matchAll(/"(haproxy\.[^"]+)"/g)].map(([, tag = '']) => tag);
const [, greeting = ''] = /data\s+= "(.*)\{\{/.exec(job) ?? [];

/**
 * docs/getting-started.md with Nomad simulated and its agent's instances on this machine: HAProxy, its files, and the
 * connector's environment are those of docker-compose.dev.yml, and so are the commands and answers.
 */
describe('getting started', () => {
  let haproxy: Haproxy;
  let nomad: NomadServer;
  let connector: Connector;
  const apps: App[] = [];

  async function startInstance(): Promise<void> {
    const app = await startApp({ name: `${greeting}${apps.length}\n`, host: haproxy.hostAddress });
    apps.push(app);
    nomad.register({ ServiceName: 'web', Tags: tags, Address: app.address, Port: app.port });
  }

  before(async () => {
    const dev = (name: string) => readFileSync(`deploy/dev/haproxy/${name}`, 'utf8');
    const {
      HAPROXY_USERNAME: username = '',
      HAPROXY_PASSWORD: password = '',
      ...env
    } = compose.environment('connector');
    const dataplane = { text: dev('dataplaneapi.yml'), username, password };
    haproxy = await startHaproxy({ config: dev('haproxy.cfg'), dataplane, ports: [80] });
    nomad = await startNomad();
    await startInstance();
    await startInstance();
    connector = startConnector({
      ...env,
      HAPROXY_USERNAME: username,
      HAPROXY_PASSWORD: password,
      DEBUG_TAP: '',
      NOMAD_ADDR: nomad.address,
      HAPROXY_DATAPLANE_URL: haproxy.api.address,
      HEALTH_HOST: '127.0.0.1',
      HEALTH_PORT: '0',
    });
  });

  after(async () => {
    await connector.stop();
    await Promise.all([...apps.map((app) => app.close()), nomad.close()]);
    await haproxy.stop();
  });

  /** Runs a curl of the document, at the ports that things have here. */
  async function curl(command: string): Promise<string> {
    const { port } = await connector.logged('serving health, readiness and metrics');
    const here = [`:8000:${haproxy.port(80)}`, `:8080:127.0.0.1:${String(port)}`].flatMap((at) => ['--connect-to', at]);
    const { stdout } = await promisify(execFile)('curl', [...here, ...command.trim().split(' ').slice(1)]);
    return stdout;
  }

  function answerOf(info: string): { readonly command: string; readonly answer: string } {
    const at = blocks.findIndex((block) => block.info === info);
    return { command: blocks[at - 1]!.text, answer: blocks[at]!.text };
  }

  it('says that it is ready, in the words of the document', async () => {
    const { command, answer } = answerOf('json answer');
    await eventually(async () => {
      expect(JSON.parse(await curl(command))).to.deep.equal(JSON.parse(answer));
    });
  });

  it('serves the sample job at its domain, each instance in turn', async () => {
    const { command, answer } = answerOf('text answer');
    await eventually(async () => {
      const answers = [await curl(command), await curl(command)];
      expect(answers.toSorted()).to.deep.equal([answer, answer.replace('0', '1')]);
    });
  });

  it('fills two slots without a reload when the job is scaled', async () => {
    const reloads = await haproxy.reloads();
    await startInstance();
    await startInstance();
    const { command } = answerOf('text answer');
    await eventually(async () => {
      const answers = new Set<string>();
      for (let n = 0; n < 4; n += 1) answers.add(await curl(command));
      expect(answers).to.have.property('size', 4);
    });
    expect(await haproxy.reloads()).to.equal(reloads);
  });
});
