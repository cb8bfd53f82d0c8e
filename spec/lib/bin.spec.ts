import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { exitCodes } from '../../lib/exit-codes.ts';
import { version } from '../../lib/version.ts';

/** Runs it on a Node that says it is of another version. */
function start(node: string) {
  const versions = `{ value: { ...process.versions, node: '${node}' } }`;
  const pretend = `data:text/javascript,Object.defineProperty(process, 'versions', ${versions})`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', pretend, 'lib/bin.ts', '--version'], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('bin', () => {
  for (const node of ['20.20.2', '24.1.0']) {
    it(`refuses Node ${node}, which would end without a word, and says which it needs`, () => {
      const { status, stdout, stderr } = start(node);
      expect({ status, stdout }).to.deep.equal({ status: exitCodes.config, stdout: '' });
      expect(stderr).to.match(/^haproxy-nomad-connector needs Node 24\.2 or later; this is v/);
    });
  }

  for (const node of ['24.2.0', '25.0.0']) {
    it(`starts on Node ${node}`, () => {
      expect(start(node)).to.deep.equal({ status: exitCodes.ok, stdout: `${version()}\n`, stderr: '' });
    });
  }
});
