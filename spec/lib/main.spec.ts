import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { exitCodes } from '../../lib/exit-codes.ts';
import { createScratch, linesOf, runCommand, startCommand } from '../support/command-line.ts';
import { startNomad, until } from '../support/nomad-server.ts';

const recording = 'fixtures/recordings/stop-purge.nomad-1.10.ndjson';

describe('main', () => {
  const scratch = createScratch();
  after(scratch.remove);

  describe('shows its usage', () => {
    it('on stdout when asked for it', async () => {
      const { code, stdout, stderr } = await runCommand(['--help']);
      expect({ code, stderr }).to.deep.equal({ code: exitCodes.ok, stderr: '' });
      expect(stdout).to.match(/^usage: haproxy-nomad-connector \[run\]/);
      for (const name of ['check', 'explain', 'plan', 'replay', 'record'])
        expect(stdout).to.include(`haproxy-nomad-connector ${name} `);
    });

    it('and its version, which is that of the package', async () => {
      const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
      expect(await runCommand(['--version'])).to.deep.equal({
        code: exitCodes.ok,
        stdout: `${version}\n`,
        stderr: '',
      });
    });

    const wrongLines: readonly (readonly [line: string, said: string])[] = [
      ['dance', 'there is no command dance'],
      ['run --dance-all-night', 'there is no flag --dance-all-night'],
      ['run --dry-rum', 'there is no flag --dry-rum; did you mean --dry-run?'],
      ['run --haproxy-fronted=www', 'there is no flag --haproxy-fronted; did you mean --haproxy-frontend?'],
      ['run --dry-run=yes', "Option '--dry-run' does not take an argument"],
      ['run twice', 'run takes no operand, not 1'],
      ['run --json', 'run has no flag --json'],
      ['run --base haproxy.cfg', '--base is for dry runs only'],
      ['replay --dry-run', 'replay takes one operand, not 0'],
      ['replay a b --dry-run', 'replay takes one operand, not 2'],
      ['replay a', 'replay is for dry runs only: add --dry-run'],
      ['replay a --dry-run --pace', "Option '--pace <value>' argument missing"],
      ['replay a --dry-run --pace fast', '--pace fast: give max, or a factor such as 10x'],
      ['replay a --dry-run --pace 0x', '--pace 0x: give max, or a factor such as 10x'],
      ['check web', 'check takes no operand, not 1'],
      ['explain', 'explain takes one operand, not 0'],
      ['plan now', 'plan takes no operand, not 1'],
      ['plan --job', "Option '--job <value>' argument missing"],
      ['run --job a', 'run has no flag --job'],
      ['plan --dry-run', 'plan has no flag --dry-run'],
      ['record', 'record takes one operand, not 0'],
      ['record a --dry-run', 'record has no flag --dry-run'],
      // A secret on the command line could be read by everybody on the machine.
      ['run --nomad-token abc', 'there is no flag --nomad-token: secrets have no flag, use NOMAD_TOKEN'],
      ['run --haproxy-password=abc', 'secrets have no flag, use HAPROXY_PASSWORD'],
    ];
    for (const [line, said] of wrongLines) {
      it(`on stderr for "${line}", and says: ${said}`, async () => {
        const { code, stdout, stderr } = await runCommand(line.split(' '));
        expect({ code, stdout }).to.deep.equal({ code: exitCodes.usage, stdout: '' });
        const [first = '', second] = linesOf(stderr);
        expect(first).to.include(said).and.not.include('abc');
        expect(second).to.match(/^usage: /);
        expect(stderr).to.include('usage: haproxy-nomad-connector [run]');
      });
    }
  });

  describe('refuses a configuration that is wrong', () => {
    it('with every mistake of every source at once, before anything is contacted', async () => {
      const file = scratch.write('typo.json', '{"haproxy":{"fronted":"www"},"log":{"level":"loud"}}');
      const env = { HAPROXY_DRAIN_TIMEOUT_SEC: 'soon', NOMAD_ADDR: 'nomad:4646' };
      const { code, stdout, stderr } = await runCommand(['--config', file, '--server-port', '99999'], env);
      expect({ code, stdout }).to.deep.equal({ code: exitCodes.config, stdout: '' });
      for (const what of ['haproxy.fronted', 'did you mean frontend?', 'log.level', 'server.port', 'NOMAD_ADDR']) {
        expect(stderr).to.include(what);
      }
      expect(stderr).to.include('HAPROXY_DRAIN_TIMEOUT_SEC').and.to.include('haproxy.password: is missing');
    });

    const wrongSources: readonly (readonly [what: string, args: readonly string[], env: object, said: string])[] = [
      ['a file that is not there', ['--config', 'none.json'], {}, 'none.json: cannot be read'],
      ['missing credentials', [], {}, 'haproxy.username: is missing, and the Data Plane API asks for it'],
      ['a certificate that is not there', ['--dry-run'], { NOMAD_CACERT: 'none.pem' }, 'cannot read a file for TLS'],
    ];
    for (const [what, args, env, said] of wrongSources) {
      it(`such as ${what}`, async () => {
        const { code, stderr } = await runCommand(args, { ...env });
        expect(code).to.equal(exitCodes.config);
        expect(stderr).to.include(said);
      });
    }

    it('but asks no credentials of a replay', async () => {
      expect(await runCommand(['replay', recording, '--dry-run', '--pace', 'max'])).to.include({ code: exitCodes.ok });
    });
  });

  describe('refuses an input that it cannot use', () => {
    const snapshot = '{"t":0,"snapshot":{"index":1,"registrations":[],"jobs":[]}}';
    const badLines: readonly (readonly [what: string, line: string, said: RegExp])[] = [
      ['not JSON', '{"t":1,', /not JSON|Expected|Unexpected/],
      ['of no known kind', '{"t":1}', /must have one of the properties snapshot, frame, told, probed, admitted/],
      ['without its time', '{"frame":{}}', /must have required property 't'/],
      ['with a frame that is none', '{"t":1,"frame":{"Events":[]}}', /must have required property 'Index'/],
    ];
    for (const [what, line, said] of badLines) {
      it(`a recording with a line ${what}, named by file and line`, async () => {
        const file = scratch.write('bad.ndjson', `${snapshot}\n${line}\n`);
        const { code, stdout, stderr } = await runCommand(['replay', file, '--dry-run', '--pace', 'max', '--json']);
        expect({ code, stdout }).to.deep.equal({ code: exitCodes.data, stdout: '' });
        expect(linesOf(stderr)).to.have.length(1);
        expect(stderr).to.include(`${file}: `).and.to.include('(line 2)').and.to.match(said);
      });
    }

    for (const [name, ...args] of [
      ['none', 'replay', 'none', '--dry-run'],
      ['--base none', 'replay', recording, '--dry-run', '--base', 'none'],
      ['--base none', 'run', '--dry-run', '--base', 'none'],
    ] as const) {
      it(`a file that is not there: ${args.join(' ')}`, async () => {
        const { code, stderr } = await runCommand(args, { HEALTH_PORT: '0' });
        expect(code).to.equal(exitCodes.data);
        expect(stderr).to.equal(`${name}: cannot be read: ENOENT: no such file or directory, open 'none'\n`);
      });
    }
  });

  describe('logs', () => {
    const env = { NOMAD_ADDR: 'http://127.0.0.1:9', HEALTH_HOST: '127.0.0.1', HEALTH_PORT: '0' };

    async function firstLine(env: Readonly<Record<string, string>>, terminal: { stdout: boolean; stderr: boolean }) {
      const { stdout, stop, code } = startCommand(['--dry-run'], env, { terminal });
      await until(() => linesOf(stdout()).length > 1);
      stop();
      await code;
      return linesOf(stdout())[0] ?? '';
    }

    it('JSON where programs read, though somebody may read the other stream', async () => {
      const line = await firstLine(env, { stdout: false, stderr: true });
      expect(JSON.parse(line)).to.include({ level: 30, msg: 'starting', node: process.version });
    });

    it('lines for people on a terminal, in colors unless NO_COLOR is set', async () => {
      const plain = await firstLine({ ...env, NO_COLOR: '1' }, { stdout: true, stderr: false });
      expect(plain).to.match(/^[\d:.]{12}Z INFO {2}starting version=\d+\.\d+\.\d+ node=v24\./);
      const colored = await firstLine(env, { stdout: true, stderr: false });
      expect(colored).to.include('\u001b[32m').and.to.include('starting');
    });
  });

  it('shows no secret, whatever it logs', async () => {
    const secrets = {
      NOMAD_TOKEN: 'token-5ecret',
      NOMAD_HTTP_AUTH: 'user:auth-5ecret',
      HAPROXY_PASSWORD: 'password-5ecret',
    };
    const env = {
      ...secrets,
      HAPROXY_USERNAME: 'admin',
      HAPROXY_DATAPLANE_URL: 'http://admin:url-5ecret@127.0.0.1:9',
      NOMAD_ADDR: 'http://user:nomad-5ecret@127.0.0.1:9',
      HEALTH_HOST: '127.0.0.1',
      HEALTH_PORT: '0',
      LOG_LEVEL: 'trace',
      DEBUG_TAP: '*',
    };
    const real = startCommand([], env);
    const dry = startCommand(['--dry-run'], env);
    await real.logged('cannot work with HAProxy');
    await dry.logged('lost connection to Nomad');
    for (const { stop, code } of [real, dry]) {
      stop();
      expect(await code).to.equal(exitCodes.ok);
    }
    const said = [real, dry].map(({ stdout, stderr }) => stdout() + stderr()).join('');
    expect(said).to.include('[redacted]').and.not.to.include('5ecret');
  });

  describe('ends quietly with 141 where nobody reads its stdout any more', () => {
    for (const line of [
      '--help',
      `replay ${recording} --dry-run --pace max`,
      `replay ${recording} --dry-run --pace 100x`,
      'run --dry-run',
    ]) {
      it(`as in "${line} | head -0"`, async () => {
        const env = { ...process.env, NOMAD_ADDR: 'http://127.0.0.1:9', HEALTH_HOST: '127.0.0.1', HEALTH_PORT: '0' };
        const child = spawn(process.execPath, ['lib/main.ts', ...line.split(' ')], { env });
        child.stdout.destroy();
        let said = '';
        child.stderr.on('data', (chunk: Buffer) => {
          said += chunk.toString();
        });
        const [code] = (await once(child, 'close')) as [number | null];
        expect({ code, said }).to.deep.equal({ code: exitCodes.unread, said: '' });
      });
    }
  });

  it('as a process ends with 0 within 10 s of SIGTERM', async () => {
    const nomad = await startNomad({ recording });
    const env = { ...process.env, NOMAD_ADDR: nomad.address, HEALTH_HOST: '127.0.0.1', HEALTH_PORT: '0' };
    const child = spawn(process.execPath, ['lib/main.ts', 'run', '--dry-run'], { env });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await until(() => said.includes('tried every service of the first snapshot'), 8000);
    const askedAt = performance.now();
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number | null];
    await nomad.close();
    expect(code).to.equal(exitCodes.ok);
    expect(performance.now() - askedAt).to.be.below(10_000);
    expect(linesOf(said).at(-1)).to.include('"msg":"stopped"');
  });
});
