import { expect } from 'chai';
import fc from 'fast-check';
import { createDriftRotation } from '../../../lib/haproxy/drift-rotation.ts';
import { mapPaths } from '../../../lib/haproxy/routing.ts';
import { readView } from '../../../lib/haproxy/view.ts';

const rows = { exact: new Map<string, string>(), prefix: new Map<string, string>(), regex: new Map<string, string>() };
const slot = '  server nomad01 127.0.0.1:1 disabled # {"owner":"nomad","service":"default/web"}\n';

function viewOf(names: readonly string[]) {
  const sections = names.map((name) => `backend ${name}\n${slot}`).join('\n');
  return readView(
    `${sections}\nbackend by_hand\n  server one 10.0.0.1:80\n`,
    1,
    rows,
    'nomad',
    mapPaths('/maps', 'nomad'),
  );
}

describe('the rotation', () => {
  it('comes to every backend with slots of ours once in a round, spread evenly, whatever their number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 60 }), (count, ticks) => {
        const names = Array.from({ length: count }, (_, n) => `b${n}`);
        const view = viewOf(names);
        const rotation = createDriftRotation(ticks);
        for (const round of [1, 2]) {
          const seen: string[] = [];
          for (let tick = 0; tick < ticks; tick += 1) {
            expect(rotation.tick(view)).to.equal(tick === 0);
            expect(rotation.due.size, `round ${round}`).to.be.at.most(Math.ceil(count / ticks));
            seen.push(...rotation.due);
            rotation.due.clear();
          }
          expect(seen).to.deep.equal(names);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('has all of them due at once when asked, and keeps due what nobody took', () => {
    const rotation = createDriftRotation(60);
    rotation.all(viewOf(['one', 'two']));
    expect([...rotation.due]).to.deep.equal(['one', 'two']);
    rotation.tick(viewOf(['one', 'two', 'three']));
    rotation.due.delete('one');
    rotation.tick(viewOf(['one', 'two', 'three']));
    expect([...rotation.due]).to.include('two');
  });
});
