import { expect } from 'chai';
import { defer, of, throwError, VirtualTimeScheduler, type Observable } from 'rxjs';
import type { HaproxyEnd } from '../../lib/haproxy/end.ts';
import type { Event } from '../../lib/model/events.ts';
import { FailureError } from '../../lib/model/failure.ts';
import type { Notice } from '../../lib/model/notice.ts';
import type { View } from '../../lib/model/view.ts';
import { marksFound } from '../../streams/marks-found.ts';
import { appears, enabled, givenView, registration, serving } from '../support/given.ts';

const { view } = givenView().settle(appears(serving(registration({ tags: [enabled, 'haproxy.domain=a.com'] }))));
const unreachable = new FailureError({ kind: 'unreachable', message: 'refused', where: 'GET /', hint: 'start it' });

function run(...answers: readonly Observable<View>[]) {
  let reads = 0;
  const end: Pick<HaproxyEnd, 'read'> = { read: () => defer(() => answers[reads++]!) };
  const scheduler = new VirtualTimeScheduler();
  const said: (Event | Notice)[] = [];
  const ended: unknown[] = [];
  marksFound(end as HaproxyEnd, scheduler).subscribe({
    next: (one) => said.push(one),
    error: (error: unknown) => ended.push(error),
    complete: () => ended.push('completed'),
  });
  scheduler.flush();
  return { said, ended, reads, tookMs: scheduler.now() };
}

describe('marksFound', () => {
  it('says what an earlier run left in HAProxy, once', () => {
    const { said, ended, reads } = run(of(view()));
    expect(said).to.deep.equal([
      {
        kind: 'marks-found',
        marks: [{ service: 'default/web', backend: 'web', owned: true, routes: [{ map: 'exact', key: 'a.com' }] }],
      },
    ]);
    expect([ended, reads]).to.deep.equal([['completed'], 1]);
  });

  it('tries until HAProxy can be read, and says so meanwhile', () => {
    const failing = throwError(() => unreachable);
    const { said, ended, reads, tookMs } = run(failing, failing, of(view()));
    expect(said.map(({ kind }) => kind)).to.deep.equal(['haproxy-lost', 'haproxy-lost', 'marks-found']);
    expect(said[0]).to.deep.equal({ kind: 'haproxy-lost', failure: unreachable.failure });
    expect([ended, reads]).to.deep.equal([['completed'], 3]);
    expect(tookMs).to.be.within(500, 5000);
  });

  it('passes a bug on', () => {
    const bug = new Error('bug');
    const { said, ended } = run(throwError(() => bug));
    expect([said, ended]).to.deep.equal([[], [bug]]);
  });
});
