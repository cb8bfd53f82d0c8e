import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { exitCodes } from '../../../lib/exit-codes.ts';
import { parseRecording } from '../../../lib/nomad/recording.ts';
import { createScratch, linesOf, startCommand, type LogLine } from '../../support/command-line.ts';
import { startNomad, until, type NomadServer } from '../../support/nomad-server.ts';
import { replayRecording, rowsIn, servingIn } from '../../support/replayed.ts';

const tags = ['haproxy.enable=true', 'haproxy.domain=shop.example.com'];
const quiet = { HEALTH_HOST: '127.0.0.1', HEALTH_PORT: '0' };

describe('run, with a recorder', () => {
  const scratch = createScratch();
  let nomad: NomadServer;

  beforeEach(async () => {
    nomad = await startNomad();
  });
  afterEach(() => nomad.close());
  after(scratch.remove);

  it('writes a recording that replay takes as it is', async () => {
    const file = scratch.path('last.ndjson');
    const gone = nomad.register({ ServiceName: 'shop', Tags: tags });
    const run = startCommand(['run', '--dry-run'], { ...quiet, NOMAD_ADDR: nomad.address, RECORDER_FILE: file });
    await run.logged('tried every service of the first snapshot');
    const stays = nomad.register({ ServiceName: 'shop', Tags: tags });
    nomad.deregister(gone.ID);
    await until(() => run.log().some(({ steps }) => steps !== undefined && 'drain-slot' in (steps as object)));
    run.stop();
    expect(await run.code).to.equal(exitCodes.ok);
    const { end, notices } = await replayRecording(file);
    expect(servingIn(end.config)).to.deep.equal({ shop: [`${stays.Address}:${stays.Port} 100`] });
    expect(rowsIn(end.maps)).to.deep.equal(['exact shop.example.com shop']);
    expect(notices.map(({ kind }) => kind)).to.include('snapshot-read');
    expect(end).to.include({ events: 2 });
  });

  it('records what is held, and by whose word it went', async () => {
    const file = scratch.path('released.ndjson');
    const lost = nomad.register({ ServiceName: 'shop', Tags: tags });
    const env = { ...quiet, NOMAD_ADDR: nomad.address, RECORDER_FILE: file };
    const run = startCommand(['run', '--dry-run'], env);
    await run.logged('tried every service of the first snapshot');
    nomad.silently(() => {
      nomad.deregister(lost.ID);
    });
    nomad.endStream();
    await run.logged("holding services that Nomad's snapshot misses");
    run.hangUp();
    await run.logged('let held services go');
    run.stop();
    await run.code;
    const { notices, end } = await replayRecording(file);
    expect(notices).to.deep.include({ kind: 'losses-released', services: ['default/shop'], by: 'operator' });
    expect(servingIn(end.config)).to.deep.equal({ shop: [] });
  });

  it('writes nothing where none is configured', async () => {
    const run = startCommand(['run', '--dry-run'], { ...quiet, NOMAD_ADDR: nomad.address });
    await run.logged('tried every service of the first snapshot');
    run.stop();
    await run.code;
    expect(run.log()[0]).to.have.nested.property('config.recorder').that.deep.equals({ maxBytes: 67_108_864 });
  });

  it('goes on when its directory is not there, and says so', async () => {
    const file = scratch.path('none/last.ndjson');
    const run = startCommand(['run', '--dry-run'], { ...quiet, NOMAD_ADDR: nomad.address, RECORDER_FILE: file });
    const { what, where, hint } = await run.logged('cannot write the recorder file');
    expect(what).to.include('ENOENT');
    expect(where).to.equal(file);
    expect(hint).to.include('recorder.max_bytes');
    nomad.register({ ServiceName: 'shop', Tags: tags });
    await run.logged('would change HAProxy');
    const { port } = await run.logged('serving health, readiness and metrics');
    const page = await (await fetch(`http://127.0.0.1:${String(port)}/metrics`)).text();
    expect(page).to.match(/^haproxy_nomad_connector_recorder_lines_lost_total [1-9]/m);
    run.stop();
    expect(await run.code).to.equal(exitCodes.ok);
    expect(run.log().filter(({ msg }) => msg === 'cannot write the recorder file')).to.have.length(1);
  });

  it('goes on when the disk is full, and what is there can be read', async () => {
    const file = scratch.path('full.ndjson');
    const [command, blocks] = [`exec '${process.execPath}' lib/main.ts run --dry-run`, 16];
    const child = spawn('sh', ['-c', `ulimit -f ${blocks}; ${command}`], {
      env: { ...quiet, NOMAD_ADDR: nomad.address, RECORDER_FILE: file },
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    const logged = (msg: string) => linesOf(out).some((line) => (JSON.parse(line) as LogLine).msg === msg);
    await until(() => out.endsWith('\n') && logged('tried every service of the first snapshot'), 50_000);
    for (let n = 0; n < 60; n += 1) nomad.register({ ServiceName: 'shop', Tags: [...tags, 'x'.repeat(500)] });
    await until(() => out.endsWith('\n') && logged('cannot write the recorder file'), 50_000);
    expect(out).to.include('EFBIG');
    nomad.register({ ServiceName: 'later', Tags: tags });
    await until(() => out.includes('default/later'), 50_000);
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).to.equal(0);
    expect(existsSync(file)).to.equal(true);
    expect(statSync(file).size).to.be.at.most(16 * 1024);
    expect(parseRecording(readFileSync(file, 'utf8')).map(({ what }) => what.kind)).to.include('snapshot-taken');
  });
});
