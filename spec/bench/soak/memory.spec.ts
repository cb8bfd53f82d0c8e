import { expect } from 'chai';
import { claimHeap, claimMemory } from '../../../bench/soak/memory.ts';

const MiB = 2 ** 20;

/** One sample a second. */
function grown(seconds: number, bytesEach: number): readonly number[] {
  return Array.from({ length: seconds }, (_, at) => 200 * MiB + at * bytesEach + (at % 10) * MiB);
}

describe('claimMemory', () => {
  const cases = [
    { what: 'level', samples: grown(400, 0), holds: true },
    { what: 'high at first', samples: [...grown(200, MiB), ...grown(200, 0)], holds: true },
    { what: 'shrinking', samples: grown(400, -MiB / 4), holds: true },
    { what: 'growing by 3 MiB a minute', samples: grown(400, (3 * MiB) / 60), holds: true },
    { what: 'growing by 18 MiB a minute', samples: grown(400, (18 * MiB) / 60), holds: false },
    { what: 'growing in a short life', samples: grown(100, MiB), holds: true },
    { what: 'growing too much in a short life', samples: grown(100, 4 * MiB), holds: false },
    { what: 'never measured', samples: [], holds: false },
  ];
  for (const { what, samples, holds } of cases) {
    it(`${holds ? 'holds' : 'does not hold'} for memory that is ${what}`, () => {
      expect(claimMemory(samples).holds).to.equal(holds);
    });
  }

  it('claims that it is flat of a long life alone', () => {
    expect(claimMemory(grown(239, 0)).claim).to.equal('memory stays within its limit');
    expect(claimMemory(grown(240, 0)).claim).to.equal('memory is flat');
  });
});

describe('claimHeap', () => {
  const cases = [
    { lived: 40, fresh: 40, holds: true },
    { lived: 30, fresh: 40, holds: true },
    { lived: 48, fresh: 40, holds: true },
    { lived: 49, fresh: 40, holds: false },
    { lived: 219, fresh: 200, holds: true },
    { lived: 221, fresh: 200, holds: false },
  ];
  for (const { lived, fresh, holds } of cases) {
    it(`${holds ? 'holds' : 'does not hold'} with ${lived} MiB alive where a fresh process has ${fresh}`, () => {
      expect(claimHeap(lived * MiB, fresh * MiB).holds).to.equal(holds);
    });
  }

  it('does not hold where nothing could be measured', () => {
    expect(claimHeap(NaN, 40 * MiB).holds).to.equal(false);
  });
});
