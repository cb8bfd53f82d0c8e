import { Ajv } from 'ajv';
import { expect } from 'chai';
import fc from 'fast-check';
import { parseArgs } from 'node:util';
import { loadConfig, readConfigFile, redactConfig, type Config, type ConfigSources } from '../../lib/config.ts';
import { configFlags, configRows, configSchema, settingPlaces } from '../../lib/config-schema.ts';

const credentials = { HAPROXY_USERNAME: 'connector', HAPROXY_PASSWORD: 's3cret' };

function file(content: unknown) {
  return { path: 'config.json', text: typeof content === 'string' ? content : JSON.stringify(content) };
}

function config(sources: Partial<ConfigSources> = {}): Config {
  const loaded = loadConfig({ ...sources, env: { ...credentials, ...sources.env } });
  if ('errors' in loaded) throw new Error(loaded.errors.map(({ message }) => message).join('\n'));
  return loaded.config;
}

function messages(sources: Partial<ConfigSources> = {}): readonly string[] {
  const loaded = loadConfig({ ...sources, env: { ...credentials, ...sources.env } });
  return 'errors' in loaded ? loaded.errors.map(({ message }) => message) : [];
}

describe('configuration', () => {
  describe('defaults', () => {
    it('need nothing but credentials', () => {
      expect(config()).to.deep.equal({
        nomad: {
          address: 'http://127.0.0.1:4646',
          namespaces: ['default'],
          verifyAllocations: false,
          skipVerify: false,
        },
        haproxy: {
          address: 'http://127.0.0.1:5555',
          username: 'connector',
          password: 's3cret',
          owner: 'nomad',
          strategy: 'use_existing',
          frontends: [],
          drainMs: 30_000,
          retentionMs: 300_000,
          removalMaxWaitMs: 600_000,
        },
        domainMap: { enabled: true, stem: 'nomad' },
        reload: { burst: 3, intervalMs: 2000 },
        persist: { delayMs: 1000 },
        drift: { intervalMs: 60_000, respectManualMaint: false },
        admission: { probe: true, fallbackMs: 2000, maxWaitMs: 60_000 },
        guard: { maxLossPercent: 50, confirmAfterMs: 15_000 },
        tags: { prefix: 'haproxy', aliases: [] },
        log: { level: 'info' },
        server: { host: '0.0.0.0', port: 8080 },
        recorder: { maxBytes: 67_108_864 },
        admin: { host: '127.0.0.1' },
      } satisfies Config);
    });

    it('hold no credentials', () => {
      const loaded = loadConfig({ env: {} });
      expect('errors' in loaded && loaded.errors.map(({ message }) => message)).to.deep.equal([
        'haproxy.username: is missing, and the Data Plane API asks for it; set it in the file or by HAPROXY_USERNAME',
        'haproxy.password: is missing, and the Data Plane API asks for it; set it in the file or by HAPROXY_PASSWORD',
      ]);
      expect(loadConfig({ env: {}, needsHaproxy: false })).to.have.property('config');
    });
  });

  describe('precedence', () => {
    const fromFile = file({ log: { level: 'error' }, tags: { prefix: 'lb' }, server: { port: 1 } });
    const env = { LOG_LEVEL: 'warn', HEALTH_PORT: '2' };
    const flags = { 'log-level': 'debug' };

    it('is flags over environment over file over defaults', () => {
      const { log, tags, server } = config({ file: fromFile, env, flags });
      expect({ log, tags, server }).to.deep.equal({
        log: { level: 'debug' },
        tags: { prefix: 'lb', aliases: [] },
        server: { host: '0.0.0.0', port: 2 },
      });
    });

    it('counts an empty variable as not set', () => {
      expect(config({ file: fromFile, env: { LOG_LEVEL: '' } }).log.level).to.equal('error');
    });

    it('still reports a wrong value that another source overrides', () => {
      expect(messages({ file: file({ log: { level: 'loud' } }), env })).to.have.length(1);
    });
  });

  describe('aliases of tags', () => {
    it('are off, and named by file, environment and flag', () => {
      expect(config({}).tags.aliases).to.deep.equal([]);
      expect(config({ file: file({ tags: { aliases: ['traefik'] } }) }).tags.aliases).to.deep.equal(['traefik']);
      expect(config({ env: { TAGS_ALIASES: 'traefik' } }).tags.aliases).to.deep.equal(['traefik']);
      expect(config({ flags: { 'tags-aliases': 'traefik' } }).tags.aliases).to.deep.equal(['traefik']);
    });

    it('have to be known, and other than ours', () => {
      expect(messages({ env: { TAGS_ALIASES: 'fabio' } }).join())
        .to.include('TAGS_ALIASES')
        .and.include('traefik');
      expect(messages({ env: { TAGS_ALIASES: 'traefik', TAGS_PREFIX: 'traefik' } })).to.deep.equal([
        'tags.aliases: has traefik, whose tags begin with tags.prefix, traefik; give another prefix',
      ]);
    });
  });

  describe('environment', () => {
    const cases: readonly [Record<string, string>, (of: Config) => unknown, unknown][] = [
      [{ NOMAD_NAMESPACE: 'web, batch' }, (of) => of.nomad.namespaces, ['web', 'batch']],
      [{ NOMAD_NAMESPACE: 'web,*' }, (of) => of.nomad.namespaces, ['*']],
      [{ NOMAD_ADDR: 'https://nomad:4646/' }, (of) => of.nomad.address, 'https://nomad:4646'],
      [{ NOMAD_ADDR: 'https://proxy/nomad/' }, (of) => of.nomad.address, 'https://proxy/nomad'],
      [{ NOMAD_ADDR: 'unix:///run/nomad.sock' }, (of) => of.nomad.address, 'unix:///run/nomad.sock'],
      [{ NOMAD_ADDR: 'http://me:it%27s@nomad:4646' }, (of) => of.nomad.address, 'http://nomad:4646'],
      [{ NOMAD_ADDR: 'http://me:it%27s@nomad:4646', NOMAD_HTTP_AUTH: 'x:y' }, (of) => of.nomad.httpAuth, "me:it's"],
      [{ NOMAD_HTTP_AUTH: 'x:y' }, (of) => of.nomad.httpAuth, 'x:y'],
      [{ NOMAD_UNIX_ADDR: 'unix:///s/api.sock' }, (of) => of.nomad.address, 'http://127.0.0.1:4646'],
      [{ NOMAD_UNIX_ADDR: 'unix:///s/api.sock', NOMAD_TOKEN: 't' }, (of) => of.nomad.address, 'unix:///s/api.sock'],
      [
        { NOMAD_UNIX_ADDR: 'unix:///s/api.sock', NOMAD_TOKEN_FILE: '/t' },
        (of) => of.nomad.address,
        'unix:///s/api.sock',
      ],
      [
        { NOMAD_UNIX_ADDR: 'unix:///s/api.sock', NOMAD_TOKEN: 't', NOMAD_ADDR: 'http://127.0.0.1:4646' },
        (of) => of.nomad.address,
        'http://127.0.0.1:4646',
      ],
      ...['1', 't', 'T', 'TRUE', 'true', 'True'].map(
        (yes) => [{ NOMAD_SKIP_VERIFY: yes }, (of: Config) => of.nomad.skipVerify, true] as const satisfies unknown[],
      ),
      ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map(
        (no) => [{ DOMAIN_MAP_ENABLED: no }, (of: Config) => of.domainMap.enabled, false] as const satisfies unknown[],
      ),
      [{ NOMAD_REGION: 'eu' }, (of) => of.nomad.region, 'eu'],
      [{ NOMAD_CLIENT_CERT: '/c', NOMAD_CLIENT_KEY: '/k' }, (of) => of.nomad.clientKey, '/k'],
      [{ HAPROXY_DATAPLANE_URL: 'unix:///run/api.sock' }, (of) => of.haproxy.address, 'unix:///run/api.sock'],
      [{ HAPROXY_DATAPLANE_URL: 'http://a:b:c@h:1/' }, (of) => of.haproxy.address, 'http://h:1'],
      [{ HAPROXY_DATAPLANE_URL: 'http://a:b:c@h:1/' }, (of) => of.haproxy.username, 'a'],
      [{ HAPROXY_DATAPLANE_URL: 'http://a:b:c@h:1/' }, (of) => of.haproxy.password, 'b:c'],
      [{ HAPROXY_FRONTEND: 'http' }, (of) => of.haproxy.frontends, ['http']],
      [
        { POLICY_ALLOWED_DOMAINS: 'shop=shop.example.com, shop = *.shop.example.com, *=*' },
        (of) => of.haproxy.allowedDomains,
        { shop: ['shop.example.com', '*.shop.example.com'], '*': ['*'] },
      ],
      [{ HAPROXY_FRONTEND: 'http, https' }, (of) => of.haproxy.frontends, ['http', 'https']],
      [{ HAPROXY_DRAIN_TIMEOUT_SEC: '0' }, (of) => of.haproxy.drainMs, 0],
      [{ HAPROXY_BACKEND_STRATEGY: 'create_new' }, (of) => of.haproxy.strategy, 'create_new'],
      [{ HAPROXY_MAPS_DIR: '/etc/haproxy/maps' }, (of) => of.haproxy.mapsDir, '/etc/haproxy/maps'],
      [{ HAPROXY_OWNER: 'blue' }, (of) => of.domainMap.stem, 'blue'],
      [{ DOMAIN_MAP_FILE_PATH: '/etc/haproxy/maps/domains.map' }, (of) => of.domainMap.stem, 'domains'],
      [{ DOMAIN_MAP_FILE_PATH: '/etc/haproxy/maps/example.org' }, (of) => of.domainMap.stem, 'example.org'],
      [{ DOMAIN_MAP_FILE_PATH: '/etc/haproxy/maps/domains' }, (of) => of.haproxy.mapsDir, '/etc/haproxy/maps'],
      [{ DOMAIN_MAP_FILE_PATH: 'domains' }, (of) => of.haproxy.mapsDir, undefined],
      [{ DOMAIN_MAP_FILE_PATH: '/maps/domains', HAPROXY_MAPS_DIR: '/maps/' }, (of) => of.haproxy.mapsDir, '/maps/'],
    ];
    for (const [env, read, expected] of cases) {
      it(`${JSON.stringify(env)} gives ${JSON.stringify(expected)}`, () => {
        expect(read(config({ env }))).to.deep.equal(expected);
      });
    }
  });

  describe('file', () => {
    it('takes one frontend or a list', () => {
      expect(config({ file: file({ haproxy: { frontend: 'http' } }) }).haproxy.frontends).to.deep.equal(['http']);
      expect(config({ file: file({ haproxy: { frontend: ['a', 'b'] } }) }).haproxy.frontends).to.deep.equal(['a', 'b']);
    });

    it('that cannot be read is an error with its name', () => {
      const read = readConfigFile('no/such/config.json');
      expect('errors' in read && read.errors[0]?.message).to.match(/^no\/such\/config\.json: cannot be read: ENOENT/);
    });

    it('is read from disk', () => {
      const read = readConfigFile('package.json');
      expect('file' in read && messages(read)[0]).to.match(/^package\.json: name: is not a setting/);
    });
  });

  describe('mistakes', () => {
    const cases: readonly (readonly [Partial<ConfigSources>, string | RegExp])[] = [
      [
        { file: file({ haproxy: { backend_stratgy: 'use_existing' } }) },
        /^config\.json: haproxy\.backend_stratgy: is not a setting; did you mean backend_strategy\?; known here: address, /,
      ],
      [
        { file: file({ haproxi: {} }) },
        /^config\.json: haproxi: is not a setting; did you mean haproxy\?; known here: nomad, /,
      ],
      [{ file: file({ log: { colour: true } }) }, 'config.json: log.colour: is not a setting; known here: level'],
      [{ file: file('{"__proto__": {"x": 1}}') }, /^config\.json: __proto__: is not a setting; known here: /],
      [
        { file: file({ log: { level: 'warning' } }) },
        'config.json: log.level: "warning" is not allowed; did you mean warn?; give one of trace, debug, info, warn, error, fatal',
      ],
      [
        { file: file({ haproxy: { drain_timeout_sec: '30' } }) },
        'config.json: haproxy.drain_timeout_sec: "30" is not allowed; give a whole number from 0 to 86400',
      ],
      [{ file: file({ reload: { burst: 1.5 } }) }, /burst: 1\.5 is not allowed; give a whole number from 1 to 100$/],
      [{ file: file({ reload: { burst: 0 } }) }, /burst: 0 is not allowed; give a whole number from 1 to 100$/],
      [{ file: file({ reload: null }) }, 'config.json: reload: a single value is not allowed; give an object'],
      [
        { file: file({ log: { level: { x: 1 } } }) },
        /^config\.json: log\.level: an object is not allowed; give one of/,
      ],
      [{ file: file([]) }, 'config.json: this list is not allowed; give an object'],
      [
        { file: file({ nomad: { namespaces: [] } }) },
        /namespaces: this list is not allowed; give a list of different names/,
      ],
      [
        { file: file({ nomad: { namespaces: ['a', 'a'] } }) },
        /namespaces: this list is not allowed; give a list of diff/,
      ],
      [
        { file: file({ nomad: { namespaces: ['a b'] } }) },
        /namespaces: "a b" is not allowed; give namespaces of up to 128/,
      ],
      [{ file: file({ haproxy: { frontend: ['a', 7] } }) }, /frontend: 7 is not allowed; give names of letters/],
      [
        { file: file({ haproxy: { password: 7 } }) },
        /password: the value \(not shown\) is not allowed; give text that is/,
      ],
      [{ file: file('{"log": {"level": "info",}}') }, /^config\.json: is not JSON: .* \(line 1 column 26\)$/],
      [{ file: file('{"haproxy": {"password": hunter2}}') }, "config.json: is not JSON: Unexpected token 'h'"],
      [{ file: file('') }, 'config.json: is not JSON: Unexpected end of JSON input'],
      [
        { env: { HAPROXY_BACKEND_STRATEGY: 'use-existing' } },
        'HAPROXY_BACKEND_STRATEGY (haproxy.backend_strategy): "use-existing" is not allowed; ' +
          'did you mean use_existing?; give one of use_existing, create_new, fail_on_conflict',
      ],
      [
        { env: { HAPROXY_DRAIN_TIMEOUT_SEC: '30s' } },
        'HAPROXY_DRAIN_TIMEOUT_SEC (haproxy.drain_timeout_sec): "30s" is not allowed; give a whole number from 0 to 86400',
      ],
      [
        { env: { HEALTH_PORT: '65536' } },
        'HEALTH_PORT (server.port): 65536 is not allowed; give a whole number from 0 to 65535',
      ],
      [
        { env: { NOMAD_SKIP_VERIFY: 'yes' } },
        'NOMAD_SKIP_VERIFY (nomad.skip_verify): "yes" is not allowed; give true or false',
      ],
      [{ env: { NOMAD_NAMESPACE: ',' } }, /^NOMAD_NAMESPACE \(nomad\.namespaces\): this list is not allowed/],
      [
        { env: { NOMAD_ADDR: 'nomad:4646' } },
        /^NOMAD_ADDR \(nomad\.address\): "nomad:4646" is not allowed; give an address such/,
      ],
      [{ env: { NOMAD_ADDR: 'http://host:99999' } }, /^NOMAD_ADDR/],
      [{ env: { NOMAD_ADDR: 'http://a:%zz@host' } }, /"\[redacted\]@host" is not allowed/],
      [{ env: { NOMAD_ADDR: 'http://user:pass/word@host' } }, /"\[redacted\]@host" is not allowed/],
      [
        { env: { POLICY_ALLOWED_DOMAINS: 'example.com' } },
        /^POLICY_ALLOWED_DOMAINS \(policy\.allowed_domains\): "" is not allowed; give namespaces, or \* for all others/,
      ],
      [{ env: { POLICY_ALLOWED_DOMAINS: 'shop=*x' } }, /"\*x" is not allowed; give a list of host names such as/],
      [
        { file: file({ policy: { allowed_domains: { 'a b': [] } } }) },
        /allowed_domains: "a b" is not allowed; give names/,
      ],
      [{ file: file({ policy: { allowed_domains: { a: 'x.com' } } }) }, /"x.com" is not allowed; give a list of host/],
      [
        { file: file({ policy: { allowed_domains: [] } }) },
        /allowed_domains: this list is not allowed; give namespaces/,
      ],
      [{ env: { NOMAD_UNIX_ADDR: 'http://host' } }, /^NOMAD_UNIX_ADDR/],
      [
        { env: { HAPROXY_OWNER: 'Nomad' } },
        /^HAPROXY_OWNER .* give 1 to 16 lower-case letters and digits, a letter first$/,
      ],
      [{ env: { DOMAIN_MAP_FILE_PATH: '/etc/haproxy/maps/' } }, /^DOMAIN_MAP_FILE_PATH/],
      [{ env: { DOMAIN_MAP_FILE_PATH: '/etc/haproxy/.map' } }, /^DOMAIN_MAP_FILE_PATH/],
      [{ env: { DOMAIN_MAP_FILE_PATH: '../maps/nomad' } }, /^DOMAIN_MAP_FILE_PATH/],
      [
        { env: { DOMAIN_MAP_FILE_PATH: '/a/nomad', HAPROXY_MAPS_DIR: '/b' } },
        'domain_map.file_path: is in /a, but haproxy.maps_dir is /b; give only one',
      ],
      [
        { env: { NOMAD_CLIENT_CERT: '/c.pem' } },
        'nomad.client_key: is missing, but nomad.client_cert is given; set it in the file or by NOMAD_CLIENT_KEY',
      ],
      [
        { env: { NOMAD_CLIENT_KEY: '/k.pem' } },
        'nomad.client_cert: is missing, but nomad.client_key is given; set it in the file or by NOMAD_CLIENT_CERT',
      ],
      [
        { flags: { 'log-level': 'debgu' } },
        /^--log-level \(log\.level\): "debgu" is not allowed; did you mean debug\?/,
      ],
      [{ env: { HEALTH_HOST: 'x'.repeat(300), HEALTH_PORT: 'y'.repeat(300) } }, /"y{79}\.\.\. is not allowed/],
    ];
    for (const [sources, expected] of cases) {
      it(JSON.stringify(sources).slice(0, 120), () => {
        const found = messages(sources);
        expect(found).to.have.length(1);
        if (typeof expected === 'string') expect(found[0]).to.equal(expected);
        else expect(found[0]).to.match(expected);
      });
    }

    it('are reported all at once, whatever source they come from', () => {
      const loaded = loadConfig({
        file: file({ nomad: { tokn: 'x', region: 7 }, log: 'debug' }),
        env: { HEALTH_PORT: 'http', HAPROXY_USERNAME: 'connector' },
        flags: { 'reload-burst': '-1' },
      });
      expect('errors' in loaded && loaded.errors.map(({ path }) => path)).to.deep.equal([
        'nomad.tokn',
        'nomad.region',
        'log',
        'server.port',
        'reload.burst',
        'haproxy.password',
      ]);
    });

    it('in a value are not reported again as its absence', () => {
      expect(messages({ file: file({ haproxy: { password: '' } }), env: { HAPROXY_PASSWORD: '' } })).to.have.length(1);
    });
  });

  describe('secrets', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9]{1,20}$/).map((text) => `hush-${text}`);
    const places = settingPlaces.filter(({ schema }) => schema.secret);

    it('are the token and the two passwords', () => {
      expect(places.map(({ path }) => path)).to.deep.equal(['nomad.token', 'nomad.http_auth', 'haproxy.password']);
    });

    it('never appear in the configuration that is logged', () => {
      fc.assert(
        fc.property(secret, fc.boolean(), (planted, inAddress) => {
          const env = Object.fromEntries(places.map(({ schema }) => [schema.env, planted]));
          const loaded = config({
            env: inAddress
              ? { NOMAD_ADDR: `http://u:${planted}@n:1`, HAPROXY_DATAPLANE_URL: `http://u:${planted}@h:1` }
              : env,
          });
          expect(JSON.stringify(loaded)).to.include(planted);
          expect(JSON.stringify(redactConfig(loaded))).to.not.include('hush');
        }),
      );
    });

    it('never appear in an error', () => {
      const mangle = fc.constantFrom(
        (planted: string) => `{"haproxy": {"password": ${planted}}}`,
        (planted: string) => `{"haproxy": {"password": "${planted}}}`,
        (planted: string) => `{"haproxy": {"password": "${planted}",}}`,
        (planted: string) => `{"haproxy": {"pasword": "${planted}"}}`,
        (planted: string) => `{"haproxy": {"password": ["${planted}"]}}`,
        (planted: string) => `{"haproxy": ["password", "${planted}"]}`,
        (planted: string) => `{"haproxy": "${planted}"}`,
        (planted: string) => `{"nomad": {"address": "me:${planted}@nomad"}}`,
        (planted: string) => `["${planted}"]`,
        (planted: string) => `"${planted}"`,
      );
      fc.assert(
        fc.property(secret, mangle, (planted, write) => {
          const found = messages({ file: file(write(planted)) });
          expect(found).to.not.be.empty;
          expect(found.join()).to.not.include('hush');
        }),
      );
    });

    it('have no flags', () => {
      expect(configFlags()).to.not.have.any.keys('nomad-token', 'nomad-http-auth', 'haproxy-password');
      expect(config({ flags: { 'haproxy-password': 'x' } }).haproxy.password).to.equal(credentials.HAPROXY_PASSWORD);
    });
  });

  it('takes the flags that parseArgs reads', () => {
    const { values } = parseArgs({
      args: ['--haproxy-owner', 'blue', '--domain-map-enabled=false', '--dry-run'],
      options: { ...configFlags(), 'dry-run': { type: 'boolean' } },
    });
    const { haproxy, domainMap } = config({ flags: values });
    expect([haproxy.owner, domainMap]).to.deep.equal(['blue', { enabled: false, stem: 'blue' }]);
  });

  it('has a schema that is one', () => {
    expect(new Ajv().validateSchema(configSchema)).to.equal(true);
  });

  it('has a row for README for every setting', () => {
    const rows = configRows();
    expect(rows).to.have.length(
      Object.values(configSchema.properties).reduce((sum, { properties }) => sum + Object.keys(properties).length, 0),
    );
    for (const { description, env } of rows) {
      expect(description).to.match(/\.$/);
      expect(env).to.match(/^[A-Z_]+$/);
    }
    expect(new Set(rows.map(({ env }) => env)).size).to.equal(rows.length);
    expect(rows.find(({ path }) => path === 'haproxy.frontend')?.type).to.equal('string or string[]');
    expect(rows.find(({ path }) => path === 'nomad.namespaces')).to.include({ type: 'string[]', default: 'default' });
    expect(rows.find(({ path }) => path === 'nomad.skip_verify')).to.include({ type: 'boolean', default: 'false' });
  });
});
