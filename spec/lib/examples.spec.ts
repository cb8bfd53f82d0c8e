import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { loadConfig, readConfigFile } from '../../lib/config.ts';
import { settingPlaces } from '../../lib/config-schema.ts';
import { isEnabled, parseTags } from '../../lib/model/tags.ts';
import { parseJob } from '../../lib/nomad/job.ts';

interface TaggedService {
  readonly Name: string;
  readonly Tags: readonly string[];
  readonly CanaryTags?: readonly string[];
}
interface JobFile {
  readonly Job: {
    readonly ID: string;
    readonly TaskGroups: readonly { readonly ShutdownDelay: number; readonly Services: readonly TaggedService[] }[];
  };
}

const files = readdirSync('examples').sort();
const configs = files.filter((name) => /^config\..*\.json$/.test(name));
const jobs = files.filter((name) => name.endsWith('.nomad.json')).map((name) => name.replace(/\.json$/, ''));

function readJob(name: string): JobFile {
  return JSON.parse(readFileSync(`examples/${name}.json`, 'utf8')) as JobFile;
}

describe('examples', () => {
  it('are two configurations and each job in both forms', () => {
    expect(files).to.deep.equal(
      ['config.full.json', 'config.minimal.json', ...jobs.flatMap((name) => [`${name}.hcl`, `${name}.json`])].sort(),
    );
    expect(jobs).to.deep.equal(['job.canary.nomad', 'job.custom-backend.nomad', 'job.web.nomad']);
  });

  for (const name of configs) {
    it(`${name} is a configuration`, () => {
      const read = readConfigFile(`examples/${name}`);
      const file = 'file' in read ? read.file : expect.fail(read.errors[0]?.message ?? '');
      const loaded = loadConfig({ file, env: {} });
      expect('errors' in loaded ? loaded.errors : []).to.deep.equal([]);
    });
  }

  it('config.full.json has every setting', () => {
    const full = JSON.parse(readFileSync('examples/config.full.json', 'utf8')) as Record<string, object>;
    const paths = Object.entries(full).flatMap(([section, settings]) =>
      Object.keys(settings).map((key) => `${section}.${key}`),
    );
    expect(paths).to.have.members(settingPlaces.map(({ path }) => path));
  });

  for (const name of jobs) {
    describe(name, () => {
      const { Job } = readJob(name);
      const services = Job.TaskGroups.flatMap(({ Services }) => Services);
      const lists = services.flatMap(({ Tags, CanaryTags }) => (CanaryTags ? [Tags, CanaryTags] : [Tags]));

      it('is a job with a service of provider nomad', () => {
        const filledByNomad = { Namespace: 'default', CreateIndex: 1, JobModifyIndex: 1, Stable: false };
        expect(parseJob({ ...Job, ...filledByNomad })).to.have.nested.property(
          'value.services[0].name',
          services[0]!.Name,
        );
      });

      it('has tags that the connector knows, and enables HAProxy', () => {
        for (const tags of lists) {
          expect(isEnabled(tags, 'haproxy')).to.equal(true);
          expect(tags.filter((tag) => !tag.startsWith('haproxy.'))).to.deep.equal([]);
          expect(parseTags(tags, 'haproxy').problems).to.deep.equal([]);
        }
      });

      it('lets requests end before its instances do', () => {
        expect(Job.TaskGroups.map(({ ShutdownDelay }) => ShutdownDelay)).to.deep.equal([10e9]);
        expect(readFileSync(`examples/${name}.hcl`, 'utf8')).to.include('shutdown_delay = "10s"');
      });

      it('says the same in HCL', () => {
        const hcl = readFileSync(`examples/${name}.hcl`, 'utf8');
        const tags = [...hcl.matchAll(/tags = \[(.*?)\]/gs)].map(([, list = '']) =>
          [...list.matchAll(/"(.*?)"/g)].map(([, tag]) => tag),
        );
        expect(tags).to.deep.equal(lists);
        for (const text of [`job "${Job.ID}"`, `name     = "${services[0]!.Name}"`, 'provider = "nomad"']) {
          expect(hcl).to.include(text);
        }
      });
    });
  }
});
