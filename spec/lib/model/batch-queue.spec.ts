import { expect } from 'chai';
import { accept, close, createQueue, hurryFailed, settle, takeDue } from '../../../lib/model/batch-queue.ts';
import type { Failure, FailureKind } from '../../../lib/model/failure.ts';
import type { Outcome } from '../../../lib/model/notice.ts';
import type { ServiceChange } from '../../../lib/model/service.ts';
import { goes, registration, serving, stays } from '../../support/given.ts';

const web = serving(registration());
const failed = (kind: FailureKind, afterMs?: number): Outcome => {
  const failure: Failure = { kind, message: '', where: '', hint: '' };
  return { kind: 'failed', key: web.key, failure, ...(afterMs !== undefined && { afterMs }) };
};
const backoff = (attempt: number) => attempt * 100;

/** A queue in which the outcome of the work on one change has been settled at 1000 ms. */
function settled(outcome: Outcome, given: ServiceChange = stays(web), closing = false) {
  const queue = createQueue();
  accept(queue, given);
  const [entry] = takeDue(queue, 0).values();
  const notice = settle(queue, entry!, outcome, { now: 1000, backoff, closing });
  const dueAt = queue.agenda.next();
  return { queue, notice, dueAt, waits: queue.entries.size };
}

describe('batch queue', () => {
  it('has one change a key: the first before, the last after', () => {
    const queue = createQueue();
    accept(queue, goes(web));
    accept(queue, { key: web.key, after: web });
    expect([...takeDue(queue, 0).values()].map((one) => one.change)).to.deep.equal([stays(web)]);
    expect(queue.entries.size).to.equal(0);
  });

  it('forgets what is done or handed over, and says so of the first', () => {
    expect(settled({ kind: 'done', key: web.key })).to.deep.include({
      notice: { kind: 'settled', service: web.key },
      waits: 0,
    });
    expect(settled({ kind: 'handed-over', key: web.key })).to.include({ notice: undefined, waits: 0 });
  });

  it('brings back what asks for it, after 1 ms at the least', () => {
    expect(settled({ kind: 'again', key: web.key, afterMs: 0 }).dueAt).to.equal(1001);
    expect(settled({ kind: 'again', key: web.key, afterMs: 70 }).dueAt).to.equal(1070);
  });

  it('tries a transient failure again by its count, which starts anew when it may be over', () => {
    const { queue, notice, dueAt } = settled(failed('unreachable'));
    expect(dueAt).to.equal(1100);
    expect(notice).to.include({ kind: 'service-failed', retryInMs: 100 });
    const [entry] = takeDue(queue, 1100).values();
    settle(queue, entry!, failed('unreachable'), { now: 2000, backoff, closing: false });
    expect(queue.agenda.next()).to.equal(2200);
    hurryFailed(queue);
    expect([...takeDue(queue, 2000).values()].map(({ failures }) => failures)).to.deep.equal([0]);
  });

  it('keeps what was refused until it changes; a resync of the same is no news', () => {
    const { queue, dueAt } = settled(failed('rejected'));
    expect(dueAt).to.equal(Infinity);
    accept(queue, stays(web));
    expect(queue.agenda.next()).to.equal(Infinity);
    accept(queue, { ...stays(web), moved: true });
    expect(takeDue(queue, 1000).size).to.equal(1);
  });

  it('tries what was refused to a service that went every minute, and while only a part failed when that says', () => {
    expect(settled(failed('rejected'), goes(web)).dueAt).to.equal(61_000);
    expect(settled(failed('rejected', 50)).dueAt).to.equal(1050);
  });

  it('waits for no change once it is closed, but for what time brings back', () => {
    expect(settled(failed('rejected'), goes(web), true).dueAt).to.equal(Infinity);
    const refused = settled(failed('rejected'), goes(web));
    close(refused.queue);
    expect(refused.queue.agenda.next()).to.equal(Infinity);
    const again = settled({ kind: 'again', key: web.key, afterMs: 9 });
    close(again.queue);
    expect(again.queue.agenda.next()).to.equal(1009);
  });

  it('treats a change that came meanwhile as news', () => {
    const queue = createQueue();
    accept(queue, stays(web));
    const [entry] = takeDue(queue, 0).values();
    accept(queue, goes(web));
    settle(queue, entry!, { kind: 'again', key: web.key, afterMs: 500 }, { now: 1000, backoff, closing: false });
    expect([...takeDue(queue, 1000).values()].map((one) => one.change)).to.deep.equal([goes(web)]);
  });
});
