import { config } from 'chai';
import fc from 'fast-check';
import { clusterCommands, type Command } from './commands.ts';
import { seed } from '../support/seed.ts';
import { runs } from './effort.ts';
import { haproxyFaults, nomadFaults, otherWriters, timeCommands } from './faults.ts';
import { tell } from './story.ts';
import type { Circumstances } from './world.ts';

const circumstances: fc.Arbitrary<Circumstances> = fc.record({
  namespaces: fc.constantFrom(['*'], ['default', 'prod']),
  strategy: fc.constantFrom('use_existing', 'create_new', 'fail_on_conflict'),
  runtime: fc.constantFrom('nothing', 'state', 'address'),
});

const kinds: readonly (readonly [when: string, faults: readonly fc.Arbitrary<Command>[]])[] = [
  ['when all is well', []],
  ['when Nomad fails', nomadFaults],
  ['when HAProxy fails', haproxyFaults],
  ['when others write', otherWriters],
  ['when everything goes wrong', [...nomadFaults, ...haproxyFaults, ...otherWriters]],
];

/** A counterexample is a list of commands, and reads as a story; `path` and `replayPath` in it tell it again. */
describe('whatever happens', function () {
  this.timeout(600_000);
  let threshold = 0;
  before(() => {
    threshold = config.truncateThreshold;
    config.truncateThreshold = 0;
  });
  after(() => {
    config.truncateThreshold = threshold;
  });

  for (const [when, faults] of kinds) {
    it(`${when}, HAProxy ends up as a fresh start would make it: ${runs} stories of seed ${seed}`, () => {
      const story = fc.commands([...clusterCommands, ...timeCommands, ...faults], { maxCommands: 25, size: 'max' });
      fc.assert(fc.property(circumstances, story, tell), { numRuns: runs, seed });
    });
  }
});
