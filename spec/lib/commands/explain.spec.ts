import { expect } from 'chai';
import { exitCodes } from '../../../lib/exit-codes.ts';
import { linesOf, runCommand } from '../../support/command-line.ts';
import { startNomad, type NomadServer } from '../../support/nomad-server.ts';

describe('explain, where HAProxy cannot be read,', () => {
  let nomad: NomadServer;

  beforeEach(async () => {
    nomad = await startNomad();
  });

  afterEach(() => nomad.close());

  function explain(...args: readonly string[]) {
    return runCommand(['explain', ...args], {
      NOMAD_ADDR: nomad.address,
      NOMAD_NAMESPACE: '*',
      HAPROXY_DATAPLANE_URL: 'http://127.0.0.1:1',
      HAPROXY_USERNAME: 'admin',
      HAPROXY_PASSWORD: 'nobody-listens',
      HEALTH_PORT: '1',
    });
  }

  it('tells what Nomad has, says why that is not all, and ends with 1', async () => {
    nomad.register({
      ServiceName: 'web',
      Tags: ['haproxy.enable=true', 'haproxy.wieght=7', 'team-a'],
      Address: '10.0.0.1',
      Port: 8080,
      AllocID: '5456bd7a-9fc0',
    });
    const { code, stdout, stderr } = await explain('web');
    expect(code).to.equal(exitCodes.failed);
    expect(stderr).to.include('127.0.0.1:1');
    expect(linesOf(stdout).filter((line) => !line.includes('not given:'))).to.deep.equal([
      'default/web',
      '  managed: yes',
      '  tags of 5456bd7a:',
      '    haproxy.enable=true: used',
      '    haproxy.wieght=7: ignored, haproxy.wieght is not a tag; did you mean haproxy.weight?',
      '    without our prefix: team-a',
      '  wants: dynamic backend web, mode http, balance roundrobin, 4 slots, a TCP check every 2000 ms',
      '  problems:',
      '    haproxy.wieght is not a tag; did you mean haproxy.weight?',
      '  instances:',
      '    5456bd7a on node 11111111 at 10.0.0.1:8080: weight 100, a TCP check every 2000 ms (the default)',
      '  claims:',
      '    backend web: held by default/web (nobody else claims it)',
      '  HAProxy could not be read',
      '  no connector answers at 127.0.0.1:1 (server.host, server.port)',
    ]);
    expect(stdout).to.include('haproxy.weight (100)');
  });

  it('tells of a service in every namespace, and in one', async () => {
    nomad.addNamespace('shop');
    nomad.register({ ServiceName: 'web' });
    nomad.register({ ServiceName: 'web', Namespace: 'shop' });
    const keys = async (asked: string) =>
      linesOf((await explain(asked, '--json')).stdout).map((line) => (JSON.parse(line) as { service: string }).service);
    expect(await keys('web')).to.deep.equal(['default/web', 'shop/web']);
    expect(await keys('shop/web')).to.deep.equal(['shop/web']);
  });

  it('tells of a service none of whose tags is ours', async () => {
    nomad.register({ ServiceName: 'db', Tags: ['haporxy.enable=true'] });
    nomad.register({ ServiceName: 'web' });
    const { stdout } = await explain('db');
    expect(stdout)
      .to.include('managed: no')
      .and.include('without our prefix: haporxy.enable=true')
      .and.include('left out');
    expect(stdout).to.not.include('default/web');
  });

  it('says that there is no such service', async () => {
    nomad.register({ ServiceName: 'web' });
    const { code, stdout, stderr } = await explain('wbe');
    expect({ code, stdout }).to.deep.equal({ code: exitCodes.failed, stdout: '' });
    expect(stderr).to.include('has a service wbe');
  });

  it('says that Nomad cannot be read', async () => {
    nomad.denyToken();
    const { code, stdout, stderr } = await explain('web');
    expect({ code, stdout }).to.deep.equal({ code: exitCodes.failed, stdout: '' });
    expect(stderr).to.include('403');
  });
});
