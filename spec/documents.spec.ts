import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { settingPlaces } from '../lib/config-schema.ts';
import { loadConfig } from '../lib/config.ts';
import { parseCommandLine } from '../lib/main.ts';
import { followAliases } from '../lib/model/tag-aliases.ts';
import { parseTags } from '../lib/model/tags.ts';
import { readCompose } from './support/compose.ts';
import { anchorsOf, blocksOf, commandsOf, documents, type Block } from './support/documents.ts';
import { registration } from './support/given.ts';
import { fillTables, documents as withTables } from './support/readme-tables.ts';

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
const credentials = { HAPROXY_USERNAME: 'connector', HAPROXY_PASSWORD: 's3cret' };

/** Commands that are not tried, and why. Everything else in a block of shell is run or judged. */
const exceptions: readonly (readonly [command: RegExp, why: string])[] = [
  [/^npm ci$/, 'it would take away what the specs run on'],
  [/^npm test$/, 'it is what runs this'],
  [/^npm pack$/, 'spec/package.spec.ts does it'],
  [/^npm install --global \.\/haproxy-nomad-connector-\*\.tgz$/, 'spec/package.spec.ts installs it elsewhere'],
];

/** What is done with every other command. */
const judged: readonly (readonly [command: RegExp, judge: (words: readonly string[], block: Block) => unknown])[] = [
  [/^npm run (demo|sbom)\b/, (words) => promisify(execFile)(words[0]!, words.slice(1), { maxBuffer: 2 ** 26 })],
  [/^npm run /, ([, , script]) => expect(scripts).to.have.property(script!)],
  [/^export /, (words) => expect(settingPlaces.map(({ schema }) => schema.env)).to.include.members(variables(words))],
  [/^haproxy-nomad-connector\b/, ([, ...args], block) => expect(mistakes(args, block)).to.deep.equal([])],
  [
    /^docker compose -f /,
    (words) => {
      expectCompose(words);
    },
  ],
  [/^curl /, (words) => expect(published).to.include(Number(new URL(words.at(-1)!).port))],
];

const published = readCompose('docker-compose.dev.yml').ports;

function variables(words: readonly string[]): readonly string[] {
  return words.slice(1).map((word) => word.split('=')[0]!);
}

/** What the command line, and the configuration of it and of what its block exports, are refused for. */
function mistakes(args: readonly string[], block: Block): readonly string[] {
  const line = parseCommandLine(args);
  if (!('command' in line)) return 'problem' in line ? [line.problem] : [];
  const env: Record<string, string> = { ...credentials };
  for (const [, name = '', value = ''] of block.text.matchAll(/([A-Z_]+)=(\S+)/g)) env[name] = value;
  const loaded = loadConfig({ env, flags: line.flags });
  return 'errors' in loaded ? loaded.errors.map(({ message }) => message) : [];
}

/** `docker compose -f <file> <verb> ... [service]`, of which the service counts for `exec` and `logs`. */
function expectCompose([, , , file, verb, service]: readonly string[]): void {
  const { services } = readCompose(file!);
  expect(['up', 'down', 'exec', 'logs']).to.include(verb);
  if (verb === 'exec' || verb === 'logs') expect(services).to.include(service);
}

/** Strings of the lists that are given to `tags` in HCL. */
function tagsIn(hcl: string): readonly (readonly string[])[] {
  return [...hcl.matchAll(/tags\s*= \[([^\]]*)\]/g)].map(([, list = '']) =>
    [...list.matchAll(/"([^"]*)"/g)].map(([, tag = '']) => tag),
  );
}

/** What is done with a block, by what stands behind its fence. */
const blockChecks: Readonly<Record<string, (block: Block) => unknown>> = {
  sh: async (block) => {
    for (const command of commandsOf(block)) {
      if (exceptions.some(([pattern]) => pattern.test(command))) continue;
      const [, judge] = judged.find(([pattern]) => pattern.test(command)) ?? expect.fail(`nobody judges: ${command}`);
      await judge(command.split(/\s+/), block);
    }
  },
  json: ({ at, text }) => {
    const loaded = loadConfig({ file: { path: at, text }, env: credentials });
    expect('errors' in loaded ? loaded.errors : []).to.deep.equal([]);
  },
  // spec-integration/getting-started.spec.ts compares it.
  'json answer': ({ text }) => expect(JSON.parse(text)).to.be.an('object'),
  hcl: ({ text }) => {
    const lists = tagsIn(text);
    if (text.startsWith('namespace')) {
      expect(readFileSync('deploy/nomad/connector.policy.hcl', 'utf8')).to.include(text);
      return;
    }
    expect(lists).to.have.length.above(0);
    for (const tags of lists) {
      const { tags: all, problems = [] } = followAliases(registration({ tags }), 'haproxy', ['traefik']);
      const ours = parseTags(all, 'haproxy');
      expect([...problems, ...ours.problems]).to.deep.equal([]);
      expect(ours.settings.enable).to.equal(true);
      expect(ours.settings.domains).to.have.length.above(0);
    }
  },
};

/** Blocks that are not judged, by what stands behind the fence, and why. */
const unjudged: Readonly<Record<string, string>> = {
  '': 'a drawing, and what a plan of an imagined cluster prints',
  mermaid: 'drawn by whoever shows it; nothing here knows its syntax',
  'text answer': 'spec-integration/getting-started.spec.ts compares it',
};

for (const path of documents) {
  describe(path, () => {
    for (const block of blocksOf(path).filter(({ info }) => !(info in unjudged))) {
      it(`has a block of ${block.info} that holds, at ${block.at}`, async () => {
        const check = blockChecks[block.info] ?? expect.fail(`nobody knows a block of ${block.info}`);
        await check(block);
      });
    }

    it('links to files and headings that there are', () => {
      const links = [...readFileSync(path, 'utf8').matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, link = '']) => link);
      for (const link of links) {
        const [file = '', anchor] = link.split('#');
        const target = file === '' ? path : join(dirname(path), file);
        expect(existsSync(target), link).to.equal(true);
        if (anchor !== undefined) expect(anchorsOf(target), link).to.include(anchor);
      }
    });

    if (path in withTables) {
      it('has its tables as they are in the code (else: npm run readme)', async () => {
        expect(readFileSync(path, 'utf8')).to.equal(await fillTables(path));
      });
    }
  });
}

describe('the documents', () => {
  it('are all named in README', () => {
    const readme = readFileSync('README.md', 'utf8');
    for (const path of documents.slice(1)) expect(readme).to.include(`(${path})`);
  });

  it('need every exception', () => {
    const blocks = documents.flatMap(blocksOf);
    const commands = blocks.filter(({ info }) => info === 'sh').flatMap(commandsOf);
    for (const [pattern] of exceptions)
      expect(
        commands.some((one) => pattern.test(one)),
        String(pattern),
      ).to.equal(true);
    expect(Object.keys(unjudged)).to.have.members(
      [...new Set(blocks.map(({ info }) => info))].filter((info) => info in unjudged),
    );
  });
});
