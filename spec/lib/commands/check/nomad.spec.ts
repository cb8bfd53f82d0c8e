import { expect } from 'chai';
import { checkNomad } from '../../../../lib/commands/check/nomad.ts';
import type { Finding } from '../../../../lib/commands/check/finding.ts';
import { createNomadClient } from '../../../../lib/nomad/client.ts';
import { startNomad, type NomadServer, type NomadServerOptions } from '../../../support/nomad-server.ts';

describe('checkNomad', () => {
  let nomad: NomadServer | undefined;

  afterEach(() => nomad?.close());

  async function start(options: NomadServerOptions = {}): Promise<NomadServer> {
    return (nomad = await startNomad(options));
  }

  function check(namespaces: readonly string[] = ['*'], token?: string, verifyAllocations = false) {
    const settings = { address: nomad!.address, skipVerify: false, ...(token !== undefined && { token }) };
    const options = { namespaces, verifyAllocations, ...(token !== undefined && { token }) };
    return checkNomad(createNomadClient(settings), options, 500);
  }

  const levels = (findings: readonly Finding[]) => findings.map(({ check: what, level }) => `${level} ${what}`);

  it('is content with a Nomad that answers everything', async () => {
    const { address, addNamespace } = await start();
    addNamespace('shop');
    const findings = await check(['*'], undefined, true);
    expect(levels(findings)).to.deep.equal([
      'ok nomad',
      'ok token',
      'ok reads',
      'ok event stream',
      'ok clock of Nomad',
    ]);
    expect(findings[0]?.found).to.equal(`2.0.5 at ${address}, leader 10.0.0.1:4647`);
    expect(findings[1]?.found).to.equal('none is needed: ACLs are off');
    expect(findings[2]?.found).to.equal('services, jobs and allocations of namespaces default, shop');
    expect(findings[3]?.found).to.match(/^delivers: its first line came after \d+ ms$/);
  });

  it('has one line for a Nomad that is not there', async () => {
    const client = createNomadClient({ address: 'http://127.0.0.1:1', skipVerify: false });
    const findings = await checkNomad(client, { namespaces: ['*'], verifyAllocations: false });
    expect(levels(findings)).to.deep.equal(['problem nomad']);
    expect(findings[0]?.found).to.include('127.0.0.1:1');
    expect(findings[0]).to.have.property('fix').that.includes('NOMAD_ADDR');
  });

  for (const version of ['1.10', '2.0'] as const) {
    it(`says what a token lacks that ${version} refuses`, async () => {
      await start({ version, token: 'right' });
      const findings = await check(['default'], 'wrong');
      expect(levels(findings)).to.deep.equal([
        'ok nomad',
        'problem token',
        'problem namespace default',
        'problem event stream of default',
        'ok clock of Nomad',
      ]);
      const [agent, token, reads, stream] = findings;
      expect(agent?.found).to.include('of a version that this token may not ask for');
      expect(token?.found).to.include('not one of the ACL tokens, and it may read nothing');
      expect(token).to.have.property('fix').that.includes('NOMAD_TOKEN');
      expect(reads?.found).to.include('cannot read services: Nomad answered 403');
      for (const one of [reads, stream]) {
        expect(one)
          .to.have.property('fix')
          .that.includes('use a token')
          .and.includes('namespace "default" { capabilities = ["read-job"] }');
      }
    });
  }

  it('asks for a token where none is given and ACLs are on', async () => {
    await start({ token: 'right' });
    const findings = await check(['default']);
    const token = findings.find(({ check: what }) => what === 'token');
    expect(token).to.include({ level: 'problem', found: 'none is given, and ACLs are on' });
    expect(findings.find(({ check: what }) => what === 'namespace default'))
      .to.have.property('fix')
      .that.includes('use a token (NOMAD_TOKEN, NOMAD_TOKEN_FILE)');
  });

  it('is content with a token that it does not know and that reads all, as a workload identity does', async () => {
    const { fail } = await start();
    fail({ path: '/v1/acl/token/self', status: 403, body: 'Permission denied' });
    expect((await check(['default'], 'eyJ'))[1]).to.include({ check: 'token', level: 'ok' });
  });

  it('has the policy of a token that it knows widened', async () => {
    const { addNamespace, hide } = await start({ token: 'right' });
    addNamespace('shop');
    hide('shop');
    const findings = await check(['default', 'shop'], 'right');
    expect(findings.find(({ check: what }) => what === 'namespace shop'))
      .to.have.property('fix')
      .that.includes("into the token's policy");
  });

  it('names the token that is right', async () => {
    await start({ token: 'right' });
    expect((await check(['default'], 'right'))[1]?.found).to.equal('"connector", client, policies read');
  });

  it('warns of a token that ends soon', async () => {
    const { fail } = await start();
    const token = (hours: number) => {
      const ExpirationTime = new Date(Date.now() + hours * 3_600_000).toISOString();
      const body = JSON.stringify({ Name: 'short', Type: 'client', Policies: null, ExpirationTime });
      fail({ path: '/v1/acl/token/self', status: 200, body });
    };
    token(2);
    expect((await check())[1]).to.include({ check: 'token', level: 'warning' });
    token(48);
    expect((await check())[1]).to.include({ check: 'token', level: 'ok' });
  });

  it('tells the namespace that cannot be read from those that can', async () => {
    const { addNamespace, hide } = await start();
    addNamespace('shop');
    hide('shop');
    const findings = await check(['default', 'shop']);
    expect(findings.find(({ check: what }) => what === 'reads')?.found).to.include('namespaces default');
    expect(findings.find(({ check: what }) => what === 'namespace shop')).to.include({ level: 'problem' });
  });

  it('finds that jobs alone cannot be read', async () => {
    const { fail } = await start();
    fail({ path: '/v1/job/haproxy-nomad-connector-check', status: 403, body: 'Permission denied' });
    const findings = await check(['default']);
    expect(findings.find(({ level }) => level === 'problem')?.found).to.include('cannot read jobs');
  });

  it('warns of a namespace that there is not', async () => {
    await start();
    const findings = await check(['default', 'shpo']);
    expect(findings.find(({ check: what }) => what === 'namespace shpo')).to.include({
      level: 'warning',
      found: 'there is none of that name, or the token may not see it; there are default',
    });
  });

  it('finds an event stream that brings nothing', async () => {
    const { silence } = await start();
    silence();
    const findings = await check(['default']);
    const stream = findings.find(({ check: what }) => what === 'event stream of default');
    expect(stream).to.include({ level: 'problem', found: 'the event stream is silent for 500 ms' });
  });

  it('warns of a clock that is wrong', async () => {
    await start({ aheadMs: 600_000 });
    expect((await check()).at(-1)).to.include({ check: 'clock of Nomad', level: 'warning' });
  });
});
