import { expect } from 'chai';
import { judgeReloads, type ReloadSigns } from '../../../../lib/commands/check/reloads.ts';

describe('judgeReloads', () => {
  const clock = Date.parse('2026-03-01T12:00:00Z');
  const master = '/run/haproxy-master.sock';
  const stats = '/run/haproxy.sock';
  const signs: ReloadSigns = {
    process: { clock, socket: master, uptimeSec: 60 },
    reloads: [],
    text: `global\n  stats socket ${stats} mode 600 level admin\n\ndefaults main\n  mode http\n`,
    unloaded: [],
  };
  const judge = (given: Partial<ReloadSigns>) => judgeReloads({ ...signs, ...given });
  const done = { id: '2026-03-01-4', status: 'succeeded', at: clock - 60_000, words: 'Loading success.' } as const;

  it('trusts the master, and says what cannot be seen', () => {
    const [finding, ...others] = judge({});
    expect(others).to.deep.equal([]);
    expect(finding).to.include({ check: 'reloads', level: 'ok' });
    expect(finding?.found)
      .to.include(master)
      .and.include('which the API does not tell')
      .and.include('forced ones are not listed');
  });

  it("trusts it all the more where the last reload brought HAProxy's words", () => {
    expect(judge({ reloads: [done] })[0]).to.include({
      level: 'ok',
      found: `by the master's socket ${master}, and the last one, at 2026-03-01T11:59:00Z, brought HAProxy's own words`,
    });
  });

  for (const address of [stats, `unix@${stats}`]) {
    it(`warns where the API talks to HAProxy by the file's stats socket ${address}`, () => {
      const text = `global\n  stats socket ${address} level admin\n`;
      const findings = judge({ text, process: { clock, socket: stats, uptimeSec: 60 } });
      expect(findings.map(({ level }) => level)).to.deep.equal(['warning']);
      expect(findings[0]).to.have.property('fix').that.includes('haproxy.master_runtime');
    });
  }

  it('warns where a reload brought no words', () => {
    const [finding] = judge({ reloads: [{ ...done, words: '\n' }] });
    expect(finding).to.include({ level: 'warning' });
    expect(finding?.found).to.include('a command did it');
  });

  it('finds a reload that is called a success and left the process as it was', () => {
    const found = judge({ reloads: [{ ...done, at: clock - 30_000 }] });
    expect(found.map(({ level }) => level)).to.deep.equal(['problem']);
    expect(found[0]?.found).to.equal(
      'reload 2026-03-01-4 is called a success, at 2026-03-01T11:59:30Z, but the process runs since 2026-03-01T11:59:00Z',
    );
  });

  it('does not take the time that a reload takes for one that did nothing', () => {
    expect(judge({ reloads: [{ ...done, at: clock - 58_000 }] })[0]).to.include({ level: 'ok' });
  });

  it('finds what the process has not loaded', () => {
    const [finding] = judge({ unloaded: ['backend web', 'servers nomad05 of backend api'] });
    expect(finding).to.include({ level: 'problem' });
    expect(finding?.found).to.include('backend web, servers nomad05 of backend api');
    expect(finding).to.have.property('fix').that.includes('systemctl reload haproxy');
  });

  it('warns of a reload that failed, until one succeeds', () => {
    const failed = { id: '5', status: 'failed', at: clock - 90_000, words: '[ALERT] cannot bind' } as const;
    expect(judge({ reloads: [failed] })[0]).to.include({
      level: 'warning',
      found: 'the last one that nobody forced failed, at 2026-03-01T11:58:30Z: [ALERT] cannot bind',
    });
    expect(judge({ reloads: [failed, done] }).map(({ level }) => level)).to.deep.equal(['ok']);
  });

  it('judges by no time that is not told', () => {
    const reloads = [{ ...done, at: clock }];
    expect(judge({ reloads, process: { clock: Number.NaN, socket: master, uptimeSec: 1 } })[0]?.level).to.equal('ok');
    expect(judge({ reloads, process: { clock, socket: master } })[0]?.level).to.equal('ok');
    expect(judge({ reloads: [{ id: '1', status: 'in_progress', words: '' }] })[0]?.level).to.equal('ok');
  });
});
