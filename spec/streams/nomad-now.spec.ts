import { expect } from 'chai';
import { lastValueFrom } from 'rxjs';
import { FailureError } from '../../lib/model/failure.ts';
import { createNomadClient } from '../../lib/nomad/client.ts';
import { nomadNow } from '../../streams/nomad-now.ts';
import { startNomad, type NomadServer } from '../support/nomad-server.ts';

describe('nomadNow', () => {
  let nomad: NomadServer;

  beforeEach(async () => {
    nomad = await startNomad();
  });

  afterEach(() => nomad.close());

  function ask(verifyAllocations = false) {
    const client = createNomadClient({ address: nomad.address, skipVerify: false });
    return lastValueFrom(nomadNow(client, { namespaces: ['*'], prefix: 'haproxy', verifyAllocations }));
  }

  it('tells a snapshot without opening a stream', async () => {
    const { ID } = nomad.register({ ServiceName: 'shop' });
    const [snapshot, ...rest] = await ask();
    expect(snapshot).to.have.property('kind', 'snapshot-taken');
    expect(snapshot).to.have.nested.property('registrations.0.id', ID);
    expect(rest).to.deep.equal([]);
    expect(nomad.requests.map(({ url }) => url).filter((url) => /stream|allocations/.test(url))).to.deep.equal([]);
  });

  it('tells ghosts before the snapshot that has them, only where there are any', async () => {
    const { AllocID } = nomad.register({ ServiceName: 'shop' });
    nomad.register({ ServiceName: 'shop' });
    expect((await ask(true)).map(({ kind }) => kind)).to.deep.equal(['snapshot-taken']);
    nomad.setAllocation(AllocID, 'missing');
    const kinds = (await ask(true)).map(({ kind }) => kind);
    expect(kinds).to.deep.equal(['ghosts-seen', 'ghosts-ignored', 'snapshot-taken']);
  });

  it('says which job could not be read', async () => {
    nomad.register({ ServiceName: 'shop' });
    nomad.fail({ path: '/v1/job/shop', status: 403, body: 'Permission denied' });
    const [, skipped] = await ask();
    expect(skipped).to.include({ kind: 'nomad-input-skipped', what: 'job default/shop' });
  });

  it('fails whole with the first request that fails', async () => {
    nomad.register({ ServiceName: 'shop' });
    nomad.fail({ path: '/v1/service/shop', status: 403, body: 'Permission denied' });
    const error = await ask().catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(FailureError).with.nested.property('failure.kind', 'unauthorized');
  });
});
