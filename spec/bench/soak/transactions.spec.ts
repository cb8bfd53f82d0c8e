import { expect } from 'chai';
import type { PassedCall } from '../../../bench/soak/calls.ts';
import type { Life } from '../../../bench/soak/connectors.ts';
import { claimDeleted } from '../../../bench/soak/transactions.ts';

const opened: PassedCall = {
  time: 1000,
  call: 'POST /transactions?version=1',
  status: 201,
  told: true,
  opened: 'ours',
};
const untold: PassedCall = { ...opened, told: false };
const stopped: Life = { connector: {} as Life['connector'], memory: [], ended: { code: 0, tookMs: 1 } };
const killedAt = (time: number): Life => ({ ...stopped, ended: { killedAt: time } });

describe('claimDeleted', () => {
  const cases: readonly (readonly [string, boolean, readonly string[], PassedCall, Life])[] = [
    ['a transaction that was deleted', true, [], opened, stopped],
    ["a transaction of the API's own", true, ['implicit'], opened, stopped],
    ['a transaction that was left', false, ['ours'], opened, stopped],
    ['a transaction that was left because nobody was told of it', false, ['ours'], untold, stopped],
    ['a transaction that a killed connector could not delete', true, ['ours'], opened, killedAt(1500)],
    ['a transaction that was left long before the kill', false, ['ours'], opened, killedAt(5000)],
  ];
  for (const [what, holds, open, call, life] of cases) {
    it(`${holds ? 'holds' : 'does not hold'} with ${what}`, () => {
      expect(claimDeleted(open, [call], [life]).holds).to.equal(holds);
    });
  }
});
