import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHeldLosses } from '../../../lib/commands/held-losses.ts';
import type { Event, ServiceKey } from '../../../lib/model/events.ts';
import type { Notice } from '../../../lib/model/notice.ts';

const held = (confirmInMs: number, ...services: readonly ServiceKey[]): Notice => ({
  kind: 'losses-held',
  services,
  namespaces: [],
  why: 'so',
  confirmInMs,
});

describe('held losses', () => {
  function create() {
    const losses = createHeldLosses();
    const words: Event[] = [];
    let confirmed = 0;
    const error = (reason: unknown) => {
      throw reason;
    };
    const subscription = losses.words.subscribe({ next: (word) => words.push(word), error });
    subscription.add(losses.confirm.subscribe({ next: () => (confirmed += 1), error }));
    return {
      ...losses,
      words,
      confirmed: () => confirmed,
      end: () => {
        subscription.unsubscribe();
      },
    };
  }

  it('asks for a second snapshot when it is due, by the newest notice alone', async () => {
    const { observe, confirmed, end } = create();
    observe(held(20, 'default/web'));
    observe(held(60, 'default/web'));
    await sleep(40);
    expect(confirmed()).to.equal(0);
    await sleep(80);
    expect(confirmed()).to.equal(1);
    end();
  });

  it("turns an operator's word into a fact about what is held", () => {
    const { observe, release, words, end } = create();
    expect(release()).to.deep.equal([]);
    observe(held(1000, 'default/web', 'default/db'));
    observe({ kind: 'losses-released', services: ['default/db'], by: 'return' });
    observe({ kind: 'first-pass-done' });
    expect(release()).to.deep.equal(['default/web']);
    expect(words).to.deep.equal([{ kind: 'losses-accepted', services: ['default/web'] }]);
    end();
  });
});
