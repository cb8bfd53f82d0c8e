import { expect } from 'chai';
import { PassThrough } from 'node:stream';
import { openKeys } from '../../../lib/commands/keys.ts';
import { terminal } from '../../support/terminal.ts';

describe('openKeys', () => {
  it('is not for what is no terminal', () => {
    expect(openKeys(new PassThrough())).to.equal(undefined);
  });

  it('takes keys as they come, without Enter, and gives the terminal back', async () => {
    const { input, modes } = terminal('a', '\u001b[A');
    const keys = openKeys(input)!;
    expect([await keys.next(), await keys.next()]).to.deep.equal(['a', '\u001b[A']);
    keys.close();
    expect(modes).to.deep.equal([true, false]);
    expect(input.isPaused()).to.equal(true);
  });

  for (const key of ['q', '\u0003', '\u0004'])
    it(`takes ${JSON.stringify(key)} for q`, async () => {
      expect(await openKeys(terminal(key).input)!.next()).to.equal('q');
    });

  it('takes the end for q, again and again', async () => {
    const { input } = terminal();
    input.end();
    const keys = openKeys(input)!;
    expect([await keys.next(), await keys.next()]).to.deep.equal(['q', 'q']);
  });
});
