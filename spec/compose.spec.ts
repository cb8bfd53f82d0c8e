import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { settingPlaces } from '../lib/config-schema.ts';
import { readCompose } from './support/compose.ts';

const files = ['docker-compose.dev.yml', ...globSync('deploy/**/docker-compose.yml').sort()];
const known = [...settingPlaces.map(({ schema }) => schema.env), 'DEBUG_TAP'];
const hasCompose = spawnSync('docker', ['compose', 'version']).status === 0;

describe('compose files', () => {
  it('are those for development and for one machine', () => {
    expect(files).to.deep.equal(['docker-compose.dev.yml', 'deploy/compose/docker-compose.yml']);
  });

  for (const file of files) {
    const compose = readCompose(file);

    it(`${file} mounts, builds and waits for what there is`, () => {
      const beside = (path: string) => join(dirname(file), path);
      for (const source of compose.mounts) {
        if (/^[./]/.test(source)) expect(existsSync(beside(source)), source).to.equal(true);
        else expect(compose.volumes).to.include(source);
      }
      for (const context of compose.builds) expect(existsSync(beside(join(context, 'Dockerfile')))).to.equal(true);
      expect(compose.services).to.include.members(compose.dependsOn);
    });

    it(`${file} configures the connector by settings that there are`, () => {
      const given = Object.keys(compose.environment('connector'));
      expect(given).to.include.members(['NOMAD_ADDR', 'HAPROXY_DATAPLANE_URL', 'HAPROXY_FRONTEND']);
      expect(given.filter((name) => !known.includes(name))).to.deep.equal([]);
    });

    if (hasCompose) {
      it(`${file} is one for Docker`, () => {
        const env = { ...process.env, NOMAD_ADDR: 'http://nomad:4646', HAPROXY_PASSWORD: 'x' };
        execFileSync('docker', ['compose', '--file', file, 'config', '--quiet'], { env });
      });
    }
  }
});
