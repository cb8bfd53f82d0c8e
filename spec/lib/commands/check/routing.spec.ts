import { expect } from 'chai';
import { judgeDefaults, judgeFrontends, judgeNames, sayMaps } from '../../../../lib/commands/check/routing.ts';
import type { Planned } from '../../../../lib/commands/planned.ts';
import { loadConfig } from '../../../../lib/config.ts';
import { plainConfig } from '../../../../lib/haproxy/dry-run.ts';
import { mapPaths, routingLines } from '../../../../lib/haproxy/routing.ts';
import { readView } from '../../../../lib/haproxy/view.ts';

const paths = mapPaths('/maps', 'nomad');
const rows = {
  exact: new Map([['a.example.com', 'a']]),
  prefix: new Map<string, string>(),
  regex: new Map<string, string>(),
};

function configOf(env: Readonly<Record<string, string>>) {
  const loaded = loadConfig({ env, needsHaproxy: false });
  if ('errors' in loaded) throw new Error(JSON.stringify(loaded.errors));
  return loaded.config;
}

const viewOf = (text: string) => readView(text, 1, rows, 'nomad', paths);
const routed = plainConfig.replace(
  '  default_backend no_route',
  `  ${routingLines('nomad', paths).join('\n  ')}\n  default_backend no_route`,
);

describe('judgeFrontends', () => {
  function judge(env: Readonly<Record<string, string>>, text = plainConfig, planned?: readonly Planned[]) {
    return judgeFrontends(configOf(env), viewOf(text), planned);
  }

  it('finds the rule', () => {
    const found = [{ check: 'frontend www', level: 'ok', found: 'has the routing rule' }];
    expect(judge({ HAPROXY_FRONTEND: 'www' }, routed)).to.deep.equal(found);
  });

  it('says with which reload the rule will come', () => {
    const [finding] = judge({ HAPROXY_FRONTEND: 'www' });
    expect(finding).to.include({
      level: 'ok',
      found: 'gets the routing rule with the reload that makes the first service with a domain',
    });
    const due: Planned = {
      ...{ action: 'add', service: 'default/web', object: '', why: '', reload: true, reloadWhy: '', afterMs: 0 },
      step: { kind: 'install-routing', service: 'default/web', frontend: 'www' },
    };
    expect(judge({ HAPROXY_FRONTEND: 'www' }, plainConfig, [due])[0]?.found).to.equal(
      'gets the routing rule with the next reload, on behalf of default/web',
    );
  });

  it('finds a frontend that is not there, and names those that are', () => {
    expect(judge({ HAPROXY_FRONTEND: 'wwww' })).to.deep.equal([
      {
        check: 'frontend wwww',
        level: 'problem',
        found: 'is not in haproxy.cfg',
        fix: 'write it there, or set HAPROXY_FRONTEND to one of www',
      },
    ]);
  });

  it('finds one in tcp mode', () => {
    const text = `${plainConfig}\nfrontend mail from main\n  mode tcp\n  bind :25\n`;
    expect(judge({ HAPROXY_FRONTEND: 'www,mail' }, text).map(({ level }) => level)).to.deep.equal(['ok', 'problem']);
  });

  it('warns where there is none to route by', () => {
    expect(judge({})).to.deep.equal([
      {
        check: 'frontends',
        level: 'warning',
        found: 'haproxy.frontend is not set: no domain is routed',
        fix: 'set HAPROXY_FRONTEND to one of www',
      },
    ]);
    expect(judge({ DOMAIN_MAP_ENABLED: 'false' })[0]).to.include({ level: 'ok' });
  });
});

describe('judgeDefaults', () => {
  const judge = (env: Readonly<Record<string, string>>, text = plainConfig) =>
    judgeDefaults(configOf(env), viewOf(text))[0];

  it('names the section that backends are made from', () => {
    expect(judge({ HAPROXY_FRONTEND: 'www' })).to.include({ level: 'ok' });
    expect(judge({ HAPROXY_DEFAULTS: 'main' })?.found).to.equal('backends are made from "defaults main"');
  });

  it('finds that it is not there, or that there is none', () => {
    expect(judge({ HAPROXY_DEFAULTS: 'other' })).to.include({
      level: 'problem',
      fix: 'set HAPROXY_DEFAULTS to one of main',
    });
    expect(judge({}, 'defaults\n  mode http\n')?.found).to.include('"defaults unnamed_defaults_1"');
    expect(judge({}, 'global\n')).to.include({ level: 'warning', found: 'haproxy.cfg has no defaults' });
  });
});

describe('judgeNames', () => {
  const nameless = 'defaults\n  mode http\n';

  it('is silent where all sections have names, and a from', () => {
    expect(judgeNames(plainConfig)).to.deep.equal([]);
    expect(judgeNames('global\n\nfrontend www\n  mode http\n')).to.deep.equal([]);
  });

  it('says which names the API will give, as far as there is room', () => {
    const [finding] = judgeNames(`${nameless}\nfrontend www # here\n  bind :80\n\nlisten stats\n  bind :81\n`);
    expect(finding).to.deep.equal({
      check: 'sections',
      level: 'ok',
      found:
        'lack a name or a from; with the first write the API writes ' +
        'defaults unnamed_defaults_1, frontend www from unnamed_defaults_1, listen stats from unnamed_defaults_1',
    });
    const many = Array.from({ length: 7 }, (_, n) => `backend b${n}\n`).join('');
    expect(judgeNames(`defaults base\n${many}`)[0]?.found).to.match(/backend b4 from base and 2 more$/);
  });
});

describe('sayMaps', () => {
  it('counts rows, and says where they are', () => {
    expect(sayMaps(paths, rows, configOf({})).found).to.equal(
      '/maps/nomad-exact.map and so on, with 1 exact, 0 prefix, 0 regex rows',
    );
    expect(sayMaps(mapPaths('', 'nomad'), rows, configOf({})).found).to.include('the API has none yet');
    expect(sayMaps(paths, rows, configOf({ DOMAIN_MAP_ENABLED: 'false' })).found).to.include('are off');
  });
});
