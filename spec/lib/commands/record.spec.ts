import { expect } from 'chai';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { exitCodes } from '../../../lib/exit-codes.ts';
import { createScratch, linesOf, runCommand, startCommand, type CommandRun } from '../../support/command-line.ts';
import { startNomad, until } from '../../support/nomad-server.ts';
import { replayRecording, rowsIn, servingIn } from '../../support/replayed.ts';

describe('record', () => {
  const scratch = createScratch();
  after(scratch.remove);

  /** Which slot serves what depends on the time between events, and that is not the recording's. */
  async function endOf(recording: string) {
    const { end } = await replayRecording(recording);
    return { serving: servingIn(end.config), rows: rowsIn(end.maps) };
  }

  function countEvents(recording: string): number {
    return existsSync(recording) ? readFileSync(recording, 'utf8').split('"Events"').length - 1 : 0;
  }

  for (const scenario of ['rolling-update.nomad-2.0', 'namespaces.nomad-1.10', 'register-and-scale.nomad-1.10']) {
    it(`writes a recording whose replay ends as the original's does: ${scenario}`, async () => {
      const original = `fixtures/recordings/${scenario}.ndjson`;
      const nomad = await startNomad({ recording: original });
      // `*` is expanded when the stream is opened.
      for (const namespace of ['prod', 'stage']) nomad.addNamespace(namespace);
      const path = scratch.path(scenario);
      const { logged, stop, code, stdout } = startCommand(['record', path], {
        NOMAD_ADDR: nomad.address,
        NOMAD_NAMESPACE: '*',
      });
      await logged('connected to Nomad');
      nomad.play();
      await until(() => countEvents(path) === countEvents(original));
      stop();
      expect(await code).to.equal(exitCodes.ok);
      await nomad.close();
      expect(stdout()).to.equal('');
      expect(linesOf(readFileSync(path, 'utf8'))[0]).to.match(/^\{"t":\d+,"snapshot":\{"index":/);
      expect(await endOf(path)).to.deep.equal(await endOf(original));
    });
  }

  describe('when Nomad has lost a namespace', () => {
    const tags = ['haproxy.enable=true'];
    for (const [how, release] of [
      [
        'SIGHUP',
        (run: CommandRun) => {
          run.hangUp();
          return Promise.resolve();
        },
      ],
      [
        'POST /release',
        async (run: CommandRun) => {
          const { port } = await run.logged('serving POST /release');
          await fetch(`http://127.0.0.1:${String(port)}/release`, { method: 'POST' });
        },
      ],
    ] as const) {
      it(`records the word of an operator by ${how}`, async () => {
        const nomad = await startNomad();
        const lost = nomad.register({ ServiceName: 'shop', Tags: tags });
        const path = scratch.path(how.replace('/', ''));
        const run = startCommand(['record', path], { NOMAD_ADDR: nomad.address, ADMIN_PORT: '0' });
        await run.logged('connected to Nomad');
        nomad.silently(() => {
          nomad.deregister(lost.ID);
        });
        nomad.endStream();
        await run.logged("holding services that Nomad's snapshot misses");
        await release(run);
        expect(await run.logged('let held services go')).to.deep.include({ by: 'operator' });
        run.stop();
        expect(await run.code).to.equal(exitCodes.ok);
        await nomad.close();
        const { notices, end } = await replayRecording(path);
        expect(notices).to.deep.include({ kind: 'losses-released', services: ['default/shop'], by: 'operator' });
        expect(servingIn(end.config)).to.deep.equal({ shop: [] });
      });
    }
  });

  it('records registrations whose allocation is gone, where they are looked for', async () => {
    const nomad = await startNomad();
    const [lives, gone] = [1, 2].map(() => nomad.register({ ServiceName: 'shop', Tags: ['haproxy.enable=true'] }));
    nomad.setAllocation(gone!.AllocID, 'missing');
    const path = scratch.path('ghosts');
    const run = startCommand(['record', path], { NOMAD_ADDR: nomad.address, NOMAD_VERIFY_ALLOCATIONS: 'true' });
    await run.logged('ignoring registrations whose allocation is missing or has ended');
    run.stop();
    expect(await run.code).to.equal(exitCodes.ok);
    await nomad.close();
    const { end } = await replayRecording(path);
    expect(servingIn(end.config)).to.deep.equal({ shop: [`${lives!.Address}:${lives!.Port} 100`] });
    expect(end.problems.map(({ kind }) => kind)).to.deep.equal(['ghosts-ignored']);
  });

  it('keeps the file to its owner, for jobs hold secrets', async () => {
    const nomad = await startNomad();
    const path = scratch.path('private');
    const { logged, stop, code } = startCommand(['record', path], { NOMAD_ADDR: nomad.address });
    await logged('connected to Nomad');
    stop();
    await code;
    await nomad.close();
    expect(statSync(path).mode & 0o077).to.equal(0);
  });

  it('does not overwrite a file', async () => {
    const path = scratch.write('there', 'precious');
    const { code, stderr } = await runCommand(['record', path], { NOMAD_ADDR: 'http://127.0.0.1:9' });
    expect(code).to.equal(exitCodes.data);
    expect(stderr).to.include('cannot write the recording: EEXIST').and.to.include(path);
    expect(readFileSync(path, 'utf8')).to.equal('precious');
  });

  it('says at once that its directory is not there', async () => {
    const { code, stderr } = await runCommand(['record', scratch.path('none/a')], { NOMAD_ADDR: 'http://127.0.0.1:9' });
    expect(code).to.equal(exitCodes.data);
    expect(stderr).to.include('cannot write the recording: ENOENT').and.to.include('none');
  });

  it('waits for a Nomad that is not there, says so, and leaves no file that is in the way of the next try', async () => {
    const path = scratch.path('later');
    const { logged, stop, code } = startCommand(['record', path], {
      NOMAD_ADDR: 'http://127.0.0.1:9',
    });
    expect(await logged('lost connection to Nomad')).to.include({ failure: 'unreachable' });
    stop();
    expect(await code).to.equal(exitCodes.ok);
    expect(existsSync(path)).to.equal(false);
  });
});
