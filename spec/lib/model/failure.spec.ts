import { expect } from 'chai';
import { FailureError, isTransient, type FailureKind } from '../../../lib/model/failure.ts';

const transient: Readonly<Record<FailureKind, boolean>> = {
  unreachable: true,
  unauthorized: true,
  conflict: true,
  'reload-failed': true,
  malformed: true,
  rejected: false,
  'not-found': false,
  unsupported: false,
};

describe('A failure', () => {
  for (const [kind, again] of Object.entries(transient)) {
    it(`${kind} ${again ? 'is tried again' : 'waits until something changes'}`, () => {
      expect(isTransient({ kind: kind as FailureKind, message: '', where: '', hint: '' })).to.equal(again);
    });
  }

  it('says as an error what, where and what to do', () => {
    const error = new FailureError({
      kind: 'unreachable',
      message: 'nobody answers',
      where: 'GET /x',
      hint: 'start it',
    });
    expect(error).to.be.an.instanceOf(Error);
    expect([error.name, error.message]).to.deep.equal(['FailureError', 'nobody answers (GET /x): start it']);
  });
});
