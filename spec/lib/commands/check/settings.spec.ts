import { expect } from 'chai';
import { judgeSettings } from '../../../../lib/commands/check/settings.ts';
import { loadConfig } from '../../../../lib/config.ts';

describe('judgeSettings', () => {
  function judge(env: Readonly<Record<string, string>>) {
    const loaded = loadConfig({ env, needsHaproxy: false });
    if ('errors' in loaded) throw new Error(JSON.stringify(loaded.errors));
    return judgeSettings(loaded.config);
  }

  it('doubts nothing of the defaults, nor of what does not leave the machine or is encrypted', () => {
    const well = [{ check: 'settings', level: 'ok', found: 'none to doubt' }];
    expect(judge({})).to.deep.equal(well);
    expect(judge({ NOMAD_TOKEN: 't', NOMAD_ADDR: 'http://[::1]:4646' })).to.deep.equal(well);
    expect(judge({ NOMAD_TOKEN: 't', NOMAD_ADDR: 'https://nomad:4646' })).to.deep.equal(well);
    expect(judge({ NOMAD_TOKEN: 't', NOMAD_UNIX_ADDR: 'unix:///secrets/api.sock' })).to.deep.equal(well);
    expect(judge({ POLICY_ALLOWED_DOMAINS: 'default=a.example.com,*=*' })).to.deep.equal(well);
    expect(judge({ POLICY_ALLOWED_DOMAINS: 'shop=*', NOMAD_NAMESPACE: '*' })).to.deep.equal(well);
  });

  const doubts: readonly (readonly [setting: string, env: Readonly<Record<string, string>>, said: string])[] = [
    ['nomad.skip_verify', { NOMAD_SKIP_VERIFY: 'true' }, 'anybody in between can pass for Nomad'],
    ['nomad.token', { NOMAD_TOKEN: 't', NOMAD_TOKEN_FILE: '/f' }, 'is not used: nomad.token_file wins'],
    ['nomad.address', { NOMAD_TOKEN: 't', NOMAD_ADDR: 'http://nomad:4646' }, 'the token goes to http://nomad:4646'],
    ['haproxy.address', { HAPROXY_DATAPLANE_URL: 'http://10.0.0.1:5555' }, 'the password goes to http://10.0.0.1:5555'],
    ['guard.max_loss_percent', { GUARD_MAX_LOSS_PERCENT: '100' }, 'at 100 no loss is held'],
    ['log.level', { LOG_LEVEL: 'error' }, 'error leaves out warnings'],
    ['policy.allowed_domains', { POLICY_ALLOWED_DOMAINS: 'shop=*' }, 'is for namespace shop, which is not followed'],
  ];
  for (const [setting, env, said] of doubts) {
    it(`doubts ${setting} with ${Object.keys(env).join(' and ')}`, () => {
      const findings = judge(env);
      expect(findings).to.have.length(1);
      expect(findings[0]).to.include({ check: `setting ${setting}`, level: 'warning' });
      expect(findings[0]?.found).to.include(said);
    });
  }
});
