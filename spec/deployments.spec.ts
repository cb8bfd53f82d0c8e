import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'yaml';
import { settingPlaces } from '../lib/config-schema.ts';
import { loadConfig } from '../lib/config.ts';

describe('deployments', () => {
  const compose = parse(read('compose/docker-compose.yml')) as {
    services: { connector: { environment: Record<string, string> } };
  };
  const job = read('nomad/haproxy.nomad.hcl');
  const [, jobEnv = ''] = /^ +env \{\n(.*?)^ +\}/ms.exec(job) ?? [];

  const given: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'the Nomad job': {
      ...variables(jobEnv, /^ *(\w+) *= *(.*)$/gm),
      ...variables(job, /data += "(HAPROXY_PASSWORD)=(.*)"/g),
    },
    compose: compose.services.connector.environment,
    systemd: {
      ...variables(read('systemd/haproxy-nomad-connector.env'), /^(\w+)=(.*)$/gm),
      ...variables(read('systemd/haproxy-nomad-connector.service'), /\b(NOMAD_TOKEN_FILE)=(\S+)/g),
    },
  };

  for (const [name, env] of Object.entries(given)) {
    it(`${name} sets what there is to set, and all that run needs`, () => {
      const settings = settingPlaces.map(({ schema }) => schema.env);
      expect(Object.keys(env)).to.include.members(['NOMAD_ADDR', 'NOMAD_NAMESPACE', 'HAPROXY_PASSWORD']);
      expect(Object.keys(env).filter((variable) => !settings.includes(variable))).to.deep.equal([]);
      expect(env['HAPROXY_FRONTEND']?.replaceAll('"', '')).to.equal('www');
      expect(env['HAPROXY_USERNAME']?.replaceAll('"', '')).to.equal('connector');
      const filled = { ...env, NOMAD_ADDR: 'http://nomad:4646', NOMAD_NAMESPACE: '*', HAPROXY_PASSWORD: 'sesame' };
      const literal = Object.entries(filled).map(([variable, value]) => [
        variable,
        value.replaceAll(/"|\$\{.*\}/g, ''),
      ]);
      expect(loadConfig({ env: Object.fromEntries(literal) as Record<string, string> })).to.have.property('config');
    });
  }

  it('name the frontend and the user that the HAProxy beside them has, on loopback', () => {
    const { dataplaneapi } = parse(read('haproxy/dataplaneapi.yml')) as {
      dataplaneapi: { host: string; port: number; user: readonly { name: string; password: string }[] };
    };
    expect(dataplaneapi).to.include({ host: '127.0.0.1', port: 5555 });
    expect(dataplaneapi.user).to.deep.equal([{ name: 'connector', insecure: true, password: 'change-me' }]);
    expect(read('haproxy/haproxy.cfg')).to.match(/^frontend www from main$/m);
    for (const env of Object.values(given)) {
      expect(env['HAPROXY_DATAPLANE_URL']?.replaceAll('"', '')).to.equal('http://127.0.0.1:5555');
    }
  });
});

function read(path: string): string {
  return readFileSync(`deploy/${path}`, 'utf8');
}

describe('the image', () => {
  it('has the version of the package, unless it is given another', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(readFileSync('Dockerfile', 'utf8')).to.match(new RegExp(`^ARG VERSION=${version}$`, 'm'));
  });

  it('lets V8 use as much of its memory as operations.md says', () => {
    const [, share] =
      /^ENTRYPOINT .*"--max-old-space-size-percentage=(\d+)"/m.exec(readFileSync('Dockerfile', 'utf8')) ?? [];
    const said = [...readFileSync('docs/operations.md', 'utf8').matchAll(/(?:percentage=(\d+)|use (\d+) %)/g)];
    expect(said.map(([, flag, words]) => flag ?? words)).to.deep.equal([share, share]);
  });
});

function variables(text: string, pattern: RegExp): Readonly<Record<string, string>> {
  return Object.fromEntries([...text.matchAll(pattern)].map(([, name = '', value = '']) => [name, value]));
}
