import { expect } from 'chai';
import { planText } from '../../../lib/commands/plan-output.ts';
import { unrouted, withUnrouted } from '../../../lib/commands/unrouted.ts';
import { loadConfig } from '../../../lib/config.ts';

function configOf(env: Readonly<Record<string, string>>) {
  const loaded = loadConfig({ env, needsHaproxy: false });
  if ('errors' in loaded) throw new Error(JSON.stringify(loaded.errors));
  return loaded.config;
}

describe('unrouted', () => {
  it('warns where no frontend is set, and says what to set', () => {
    const notice = unrouted(configOf({}));
    expect(notice).to.include({ kind: 'haproxy-warning', text: 'haproxy.frontend is not set: no domain is routed' });
    expect(notice).to.have.property('hint').that.includes('HAPROXY_FRONTEND').and.includes('domain_map.enabled');
  });

  it('is silent where there is one, or no domain is to be routed', () => {
    expect(unrouted(configOf({ HAPROXY_FRONTEND: 'www' }))).to.equal(undefined);
    expect(unrouted(configOf({ DOMAIN_MAP_ENABLED: 'false' }))).to.equal(undefined);
  });

  it('is a problem of a plan', () => {
    const result = { planned: [], reloads: 0, problems: [] };
    expect(planText(withUnrouted(result, configOf({})))).to.match(
      /^! HAProxy: haproxy\.frontend is not set: .*\n\nNo changes, and what is said above/,
    );
    expect(withUnrouted(result, configOf({ HAPROXY_FRONTEND: 'www' }))).to.equal(result);
  });
});
