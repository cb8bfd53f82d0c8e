import { expect } from 'chai';
import { lastValueFrom } from 'rxjs';
import { askAgent, askToken } from '../../../lib/nomad/agent.ts';
import { createNomadClient } from '../../../lib/nomad/client.ts';
import { startNomad, type NomadServer } from '../../support/nomad-server.ts';

describe('An agent of Nomad', () => {
  let nomad: NomadServer;

  afterEach(() => nomad.close());

  function client(token?: string) {
    return createNomadClient({ address: nomad.address, skipVerify: false, ...(token !== undefined && { token }) });
  }

  it('tells its version, its leader and its clock', async () => {
    nomad = await startNomad({ version: '1.10', aheadMs: 3_600_000 });
    const { clock, ...agent } = await lastValueFrom(askAgent(client()));
    expect(agent).to.deep.equal({ leader: '10.0.0.1:4647', version: '1.10.5' });
    expect(clock - Date.now()).to.be.closeTo(3_600_000, 5000);
  });

  it('keeps its version from a token that may not ask, and nothing else', async () => {
    nomad = await startNomad();
    nomad.denyToken();
    expect(await lastValueFrom(askAgent(client())))
      .to.include({ leader: '10.0.0.1:4647' })
      .and.not.have.key('version');
  });

  it('errors where there is no leader, and where the answer is of another shape', async () => {
    nomad = await startNomad();
    nomad.fail({ path: '/v1/status/leader', status: 500, body: 'No cluster leader' });
    const error = await lastValueFrom(askAgent(client())).catch((reason: unknown) => reason);
    expect(error).to.have.nested.property('failure.kind', 'unreachable');
    nomad.fail({ path: '/v1/status/leader', status: 200, body: '{}' });
    const other = await lastValueFrom(askAgent(client())).catch((reason: unknown) => reason);
    expect(other).to.have.nested.property('failure.kind', 'malformed');
  });

  it('says what the token is, that there are no ACLs, or that it does not know it', async () => {
    nomad = await startNomad({ token: 'right' });
    const known = { kind: 'known', name: 'connector', type: 'client', policies: ['read'] };
    expect(await lastValueFrom(askToken(client('right')))).to.deep.equal(known);
    expect(await lastValueFrom(askToken(client('wrong')))).to.deep.equal({ kind: 'unknown' });
    await nomad.close();
    nomad = await startNomad();
    expect(await lastValueFrom(askToken(client()))).to.deep.equal({ kind: 'acl-disabled' });
    nomad.fail({ path: '/v1/acl/token/self', status: 500, body: 'ACL support disabled' });
    expect(await lastValueFrom(askToken(client()))).to.deep.equal({ kind: 'acl-disabled' });
  });

  it('says when the token ends', async () => {
    nomad = await startNomad();
    const token = { Name: 'short', Type: 'management', Policies: null, ExpirationTime: '2030-01-01T00:00:00Z' };
    nomad.fail({ path: '/v1/acl/token/self', status: 200, body: JSON.stringify(token) });
    expect(await lastValueFrom(askToken(client()))).to.deep.equal({
      ...{ kind: 'known', name: 'short', type: 'management', policies: [] },
      expires: '2030-01-01T00:00:00Z',
    });
  });
});
