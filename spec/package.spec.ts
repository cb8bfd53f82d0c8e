import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { readStatusPage } from '../lib/status-page.ts';
import { createScratch } from './support/command-line.ts';

/** npm and npx run on the Node that runs the specs, and ask no registry. */
const env = {
  ...process.env,
  PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
  npm_config_offline: 'true',
  npm_config_update_notifier: 'false',
};

/** What is said on stdout; rejects where the exit code is not 0. */
async function say(file: string, args: readonly string[], cwd = '.'): Promise<string> {
  const { stdout } = await promisify(execFile)(file, args, { cwd, env, maxBuffer: 2 ** 26 });
  return stdout;
}

/** Directories of what the connector needs to run, as they are installed here. */
async function dependencies(): Promise<readonly string[]> {
  const said = await say('npm', ['ls', '--omit=dev', '--all', '--parseable']);
  return said
    .trim()
    .split('\n')
    .slice(1)
    .map((path) => relative(process.cwd(), path));
}

describe('the package', () => {
  const scratch = createScratch();
  const home = scratch.path('home');
  const npx = (...args: readonly string[]) => say('npx', ['--no', '--', 'haproxy-nomad-connector', ...args], home);
  const source = (...args: readonly string[]) => say(process.execPath, ['lib/main.ts', ...args]);
  let packed: readonly string[];

  before(async () => {
    const [about] = JSON.parse(
      await say('npm', [
        'pack',
        '--json',
        '--loglevel',
        'error',
        '--foreground-scripts=false',
        '--pack-destination',
        scratch.path('.'),
      ]),
    ) as [{ filename: string; files: readonly { path: string }[] }];
    packed = about.files.map(({ path }) => path);
    // There already, as in a cache: npm takes what fits the package's own ranges, and would fail offline on anything else.
    mkdirSync(home);
    for (const path of await dependencies()) cpSync(path, join(home, path), { recursive: true });
    scratch.write('home/package.json', '{}');
    await say('npm', ['install', '--no-audit', '--no-fund', scratch.path(about.filename)], home);
  });
  after(scratch.remove);

  it('holds the compiled program, its documents and examples, and nothing else', () => {
    const top = [...new Set(packed.map((path) => path.split('/')[0]))];
    expect(top.sort()).to.deep.equal(['LICENSE', 'README.md', 'dist', 'docs', 'examples', 'package.json']);
    const compiled = packed.filter((path) => path.startsWith('dist/'));
    const sources = ['lib', 'operators', 'streams'].flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts'))
        .map((path) => `dist/${folder}/${path.replace(/\.ts$/, '.js')}`),
    );
    const page = readdirSync('lib/page').map((name) => `dist/lib/page/${name}`);
    expect(compiled.toSorted()).to.deep.equal([...sources, ...page].toSorted());
  });

  it('says its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(await npx('--version')).to.equal(`${version}\n`);
  });

  it('says its usage as the checkout does', async () => {
    const usage = await npx('--help');
    expect(usage).to.match(/^usage: haproxy-nomad-connector /);
    expect(usage).to.equal(await source('--help'));
  });

  it('has the status page of the checkout', async () => {
    const packedPage = join(home, 'node_modules/haproxy-nomad-connector/dist/lib/status-page.js');
    const { readStatusPage: read } = (await import(packedPage)) as { readStatusPage: typeof readStatusPage };
    expect(read()).to.deep.equal(readStatusPage());
  });

  it('replays a recording to the same bytes as the checkout', async () => {
    const recording = join(process.cwd(), 'fixtures/recordings/rolling-update.nomad-2.0.ndjson');
    const line = ['replay', recording, '--dry-run', '--pace', 'max', '--json'];
    const replayed = await npx(...line);
    expect(replayed).to.include('"kind":"fill-slot"');
    expect(replayed).to.equal(await source(...line));
  });
}).timeout(240_000);
