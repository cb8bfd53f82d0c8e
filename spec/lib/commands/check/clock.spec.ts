import { expect } from 'chai';
import { judgeClock } from '../../../../lib/commands/check/clock.ts';

describe('judgeClock', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  const judge = (clock: number, tookMs = 100) =>
    judgeClock({ whose: 'Nomad', clock, askedAt: now, answeredAt: now + tookMs });

  it('takes whole seconds and the time of the request for no difference', () => {
    for (const ms of [-1000, -1, 0, 100]) {
      expect(judge(now + ms)).to.deep.equal({ check: 'clock of Nomad', level: 'ok', found: 'as ours' });
    }
    expect(judge(now + 9000, 9000)).to.include({ level: 'ok', found: 'as ours' });
  });

  it('lets a few seconds pass', () => {
    expect(judge(now + 3100)).to.include({ level: 'ok', found: 'within 3 s of ours' });
    expect(judge(now - 6000)).to.include({ level: 'ok', found: 'within 5 s of ours' });
  });

  it('warns of more, and says in which direction', () => {
    expect(judge(now + 60_100)).to.include({ level: 'warning', found: '60 s ahead of ours' });
    expect(judge(now - 61_000)).to.include({ level: 'warning', found: '60 s behind ours' });
    expect(judge(now + 60_100))
      .to.have.property('fix')
      .that.includes('timedatectl set-ntp true');
  });

  it('does not judge what is not told', () => {
    expect(judge(Number.NaN)).to.include({ level: 'ok', found: 'its answers do not tell' });
  });
});
