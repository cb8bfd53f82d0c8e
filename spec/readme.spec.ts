import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { seams } from '../lib/commands/settings.ts';
import { exitCodes } from '../lib/exit-codes.ts';
import { createMetrics } from '../lib/metrics.ts';

describe('README', () => {
  const readme = readFileSync('README.md', 'utf8');

  it('names npm scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    const named = [...readme.matchAll(/npm (?:run )?([a-z:]+)/g)].map(([, name = '']) => name);
    expect(named).to.include.members(['demo', 'test', 'check', 'coverage', 'test:integration', 'readme']);
    expect(named.filter((name) => !['ci', 'install', 'pack'].includes(name) && !(name in scripts))).to.deep.equal([]);
  });

  it('names, for everything that may happen, a spec that there is', () => {
    const named = [...readme.matchAll(/`(spec[\w/-]*\.spec\.ts)`: (.*?) *\|$/gm)];
    expect(named).to.have.length.above(20);
    for (const [, file = '', title = ''] of named) expect(readFileSync(file, 'utf8')).to.include(title);
  });

  it('explains every exit code, and no other', () => {
    const table = readme.slice(readme.indexOf('| Exit code |'));
    const explained = [...table.matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => Number(code));
    expect(explained).to.deep.equal([...new Set(Object.values(exitCodes))]);
  });

  it('names every seam of the debug tap', () => {
    for (const seam of seams) expect(readme).to.include(`\`${seam}\``);
  });

  it('says of everything that is kept how far it can grow', async () => {
    const page = await createMetrics().text();
    const counted = [...page.matchAll(/_kept\{what="(\w+)"\}/g)].map(([, what]) => what);
    const named = [...readme.matchAll(/`what="(\w+)"`/g)].map(([, what]) => what);
    expect(named.toSorted()).to.deep.equal(counted.toSorted());
  });

  it('names metrics that there are', async () => {
    const page = await createMetrics().text();
    const named = [...readme.matchAll(/`((?:haproxy_nomad_connector|process|nodejs)_\w+)`/g)].map(
      ([, name = '']) => name,
    );
    expect(named).to.have.length.above(3);
    expect(named.filter((name) => !page.includes(`# TYPE ${name} `))).to.deep.equal([]);
  });
});
