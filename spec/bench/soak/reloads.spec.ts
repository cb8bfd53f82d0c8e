import { expect } from 'chai';
import type { PassedCall } from '../../../bench/soak/calls.ts';
import type { Life } from '../../../bench/soak/connectors.ts';
import { claimReloads } from '../../../bench/soak/reloads.ts';

const commit: PassedCall = { time: 1, call: 'POST /raw?version=1&force_reload=true', status: 201, told: true };
const lost: PassedCall = { ...commit, told: false };
const cut: PassedCall = { ...commit, status: undefined };
const other: PassedCall = { ...commit, call: 'POST /raw?version=1&skip_reload=true' };
const refused: PassedCall = { ...commit, status: 409 };
const failed: PassedCall = { ...commit, status: 400 };

function said(reloads: number, ended: Life['ended'] = { code: 0, tookMs: 1 }): Life {
  return { connector: { count: () => reloads } as unknown as Life['connector'], memory: [], ended };
}

describe('claimReloads', () => {
  const cases: readonly (readonly [string, boolean, number, number, readonly PassedCall[], readonly Life[]])[] = [
    ['ours and those of others, all said', true, 3, 1, [commit, other, refused, commit], [said(2)]],
    ['one that nobody asked for', false, 4, 1, [commit, commit], [said(2)]],
    ['one that was asked for and not done', false, 1, 0, [commit, commit], [said(2)]],
    ['one whose answer was lost on the way, said', true, 2, 0, [commit, lost], [said(2)]],
    ['one whose answer was lost on the way, not said', false, 2, 0, [commit, lost], [said(1)]],
    ['one that the API called failed, counted', true, 2, 0, [commit, failed], [said(1)]],
    ['one that the API called failed, not counted', true, 1, 0, [commit, failed], [said(1)]],
    ['one that the API died of, not done', true, 1, 0, [commit, cut], [said(1)]],
    ['one that the API died of, done', true, 2, 0, [commit, cut], [said(1)]],
    ['one that was not said', false, 2, 0, [commit, commit], [said(1)]],
    ['one that a killed connector could not say', true, 2, 0, [commit, commit], [said(0, { killedAt: 1 }), said(1)]],
    ['one that was said and not done', false, 1, 0, [commit], [said(2)]],
  ];
  for (const [what, holds, counted, foreign, calls, lives] of cases) {
    it(`${holds ? 'holds' : 'does not hold'} with ${what}`, () => {
      expect(claimReloads({ counted, foreign, kills: 0 }, calls, lives).holds).to.equal(holds);
    });
  }

  it('holds with one that HAProxy was killed over before it was counted, one for each kill', () => {
    const holds = (kills: number) => claimReloads({ counted: 0, foreign: 0, kills }, [commit, commit], [said(2)]).holds;
    expect([0, 1, 2].map(holds)).to.deep.equal([false, false, true]);
  });
});
