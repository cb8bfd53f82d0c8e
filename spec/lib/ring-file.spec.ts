import { expect } from 'chai';
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { openRing, type Ring, type RingOptions } from '../../lib/ring-file.ts';
import { createScratch, linesOf } from '../support/command-line.ts';
import { until } from '../support/nomad-server.ts';

describe('openRing', () => {
  const scratch = createScratch();
  let ring: Ring | undefined;
  let files = 0;

  afterEach(async () => {
    await ring?.close();
    ring = undefined;
  });
  after(scratch.remove);

  function start(given: Partial<RingOptions> = {}) {
    const path = given.path ?? scratch.path(`ring-${(files += 1)}`);
    const seen = { lost: 0, troubles: [] as (string | undefined)[] };
    const started = openRing({
      path,
      maxBytes: 200,
      head: () => ['head\n'],
      lost: (lines) => (seen.lost += lines),
      trouble: (why) => seen.troubles.push(why),
      ...given,
    });
    ring = started;
    return { ...started, path, seen };
  }

  const fours = (count: number) => Array.from({ length: count }, () => 'four');
  const read = (path: string) => linesOf(readFileSync(path, 'utf8'));
  const bothOf = (path: string) => [...(existsSync(`${path}.1`) ? read(`${path}.1`) : []), ...read(path)];

  it('begins with where things stand, and keeps lines in order', async () => {
    const { add, close, path } = start();
    for (const line of ['a\n', 'b\n', 'c\n']) add(line);
    await close();
    expect(readFileSync(path, 'utf8')).to.equal('\n\nhead\na\nb\nc\n');
    expect(statSync(path).mode & 0o077).to.equal(0);
  });

  it('keeps the last lines in two files of at most half the bytes, each with its head', async () => {
    const { add, path, seen } = start();
    for (let n = 0; n < 500; n += 1) {
      add(`line ${n}\n`);
      if (n % 7 === 0) await setTimeout();
    }
    await ring?.close();
    for (const file of [path, `${path}.1`]) {
      expect(statSync(file).size).to.be.within(1, 100);
      expect(read(file)[0]).to.equal('head');
    }
    const kept = bothOf(path).filter((line) => line !== 'head');
    expect(kept).to.deep.equal(Array.from({ length: kept.length }, (_, n) => `line ${500 - kept.length + n}`));
    expect(seen).to.deep.equal({ lost: 0, troubles: [] });
  });

  it('goes on with the file of an earlier process, behind a line that was cut', async () => {
    const path = scratch.write('earlier', 'head\nold\ncu');
    const { add, close } = start({ path });
    add('new\n');
    await close();
    expect(readFileSync(path, 'utf8')).to.equal('head\nold\ncu\n\nhead\nnew\n');
  });

  it('begins anew where the file of an earlier process is full', async () => {
    const path = scratch.write('full', 'x'.repeat(99));
    const { add, close } = start({ path });
    add('new\n');
    await close();
    expect(read(path)).to.deep.equal(['head', 'new']);
    expect(read(`${path}.1`)[0]).to.match(/^x+$/);
  });

  it('says the state in place of a long line for which there is no room', async () => {
    const { add, close, path } = start();
    add(`${'x'.repeat(80)}\n`);
    add(['long ', 'in ', 'pieces\n']);
    add('next\n');
    await close();
    expect(read(path)).to.deep.equal(['head', 'next']);
    expect(statSync(`${path}.1`).size).to.be.at.most(100);
  });

  it('loses lines rather than wait for the disk, and counts them', async () => {
    const { add, close, path, seen } = start({ maxWaitingBytes: 10, maxBytes: 10_000 });
    add('a\n');
    await until(() => existsSync(path) && read(path).length === 2);
    for (let n = 0; n < 5; n += 1) add('four\n');
    await close();
    expect(seen.troubles).to.deep.equal([]);
    expect(seen.lost).to.be.within(2, 3); // the first may find the disk at work still
    const kept = ['head', 'a', ...fours(5 - seen.lost)];
    expect(read(path)).to.deep.equal(kept);
    const again = start({ path, maxBytes: 10_000 });
    again.add('b\n');
    await again.close();
    expect(read(path)).to.deep.equal([...kept, 'head', 'b']);
  });

  it('says the state behind what was lost', async () => {
    const { add, close, path, seen } = start({ maxWaitingBytes: 10, maxBytes: 10_000 });
    add('a\n');
    await until(() => existsSync(path) && read(path).length === 2);
    for (let n = 0; n < 4; n += 1) add('four\n');
    await until(() => read(path).length === 2 + 4 - seen.lost);
    add('b\n');
    await close();
    expect(seen.lost).to.be.within(1, 2);
    expect(read(path)).to.deep.equal(['head', 'a', ...fours(4 - seen.lost), 'head', 'b']);
  });

  it('tells the state of the moment before a line, however late it is written', async () => {
    let told = 10;
    const { add, close, path } = start({ maxBytes: 120, head: () => [`after ${told}\n`] });
    add('first\n');
    await until(() => existsSync(path) && read(path).length === 2);
    for (; told < 50; told += 1) add(`line ${told}\n`);
    await close();
    const [first = '', second] = read(path);
    expect(first).to.match(/^after \d+$/);
    expect(second).to.equal(first.replace('after', 'line'));
  });

  for (const [what, fail, mend] of [
    [
      'a directory that is not there',
      () => undefined,
      (path: string) => {
        mkdirSync(path.replace(/\/file$/, ''));
      },
    ],
    [
      'a directory in its place',
      (path: string) => mkdirSync(path, { recursive: true }),
      (path: string) => {
        rmdirSync(path);
      },
    ],
    [
      'a file in place of its directory',
      (path: string) => {
        writeFileSync(path.replace(/\/file$/, ''), '');
      },
      undefined,
    ],
  ] as const) {
    it(`lives with ${what}: says so once, and tries again later`, async () => {
      const path = scratch.path(`${what}/file`);
      fail(path);
      let now = 0;
      const { add, seen } = start({ path, retryMs: 50, now: () => now });
      add('a\n');
      await until(() => seen.troubles.length === 1);
      expect(seen.troubles[0]).to.include(path);
      add('b\n');
      add('c\n');
      expect(seen.lost).to.equal(3);
      now = 60;
      add('d\n');
      await until(() => seen.lost === 4);
      expect(seen.troubles).to.have.length(1);
      if (mend === undefined) return;
      mend(path);
      now = 120;
      add('e\n');
      await until(() => seen.troubles.length === 2);
      expect(seen.troubles[1]).to.equal(undefined);
      expect(read(path)).to.deep.equal(['head', 'e']);
    });
  }

  it('says when half of the bytes do not hold where things stand', async () => {
    const { add, seen, close } = start({ head: () => ['x'.repeat(60), 'y'.repeat(60)] });
    add('a\n');
    await close();
    expect(seen.troubles[0]).to.match(/more than 100 bytes/);
    expect(seen.lost).to.equal(1);
  });
});
