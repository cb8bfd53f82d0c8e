import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { createWriteBehind } from '../../../lib/haproxy/write-behind.ts';

describe('createWriteBehind', () => {
  const now = () => performance.now();

  function writing(delayMs: number, maxMs: number, results: readonly boolean[] = []) {
    const writes: number[] = [];
    const startedAt = now();
    const behind = createWriteBehind(
      () => {
        writes.push(now() - startedAt);
        return Promise.resolve(results[writes.length - 1] ?? true);
      },
      { delayMs, maxMs, now },
    );
    return { behind, writes };
  }

  it('lets changes share one write, some time after the last', async () => {
    const { behind, writes } = writing(60, 1000);
    behind.soon();
    await setTimeout(30);
    behind.soon();
    await setTimeout(120);
    expect(writes).to.have.length(1);
    expect(writes[0]).to.be.at.least(85);
  });

  it('does not put a write off for ever', async () => {
    const { behind, writes } = writing(400, 600);
    while (writes.length === 0) {
      behind.soon();
      await setTimeout(20);
    }
    expect(writes[0]).to.be.within(590, 990);
    await behind.finish();
  });

  it('writes at once when it is finished, and not again', async () => {
    const { behind, writes } = writing(30, 1000);
    behind.soon();
    await behind.finish();
    expect(writes).to.have.length(1);
    behind.soon();
    await setTimeout(60);
    expect(writes).to.have.length(1);
  });

  it('tries again what could not be written', async () => {
    const { behind, writes } = writing(0, 1000, [false, true]);
    behind.soon();
    await setTimeout(1100);
    expect(writes).to.have.length(2);
    expect(writes[1]! - writes[0]!).to.be.at.least(990);
  });
});
