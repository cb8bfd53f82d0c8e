import { expect } from 'chai';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { createLineWriter } from '../../../lib/commands/recording-file.ts';

describe('createLineWriter', () => {
  it('writes lines of any length while the disk takes them', async () => {
    const taken: string[] = [];
    const file = new Writable({
      write: (chunk: Buffer, _, done) => {
        taken.push(chunk.toString());
        done();
      },
    });
    const write = createLineWriter(file, 10);
    write('a line of more than ten\n');
    write('b\n');
    file.end();
    await once(file, 'finish');
    expect(taken).to.deep.equal(['a line of more than ten\n', 'b\n']);
  });

  it('gives the file up when what waits for the disk is too much', async () => {
    const file = new Writable({ write: () => undefined });
    const write = createLineWriter(file, 10);
    write('12345\n');
    write('1234\n');
    expect(file.destroyed).to.equal(false);
    write('one more that may still wait\n');
    const failed = once(file, 'error');
    write('c\n');
    const [error] = (await failed) as [Error];
    expect(error.message).to.equal('the disk is too slow: 11 bytes wait for it');
  });
});
