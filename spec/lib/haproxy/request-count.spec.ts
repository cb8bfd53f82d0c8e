import { expect } from 'chai';
import { NEVER, of, throwError, type Observable } from 'rxjs';
import type { Call, Send } from '../../../lib/haproxy/client-http.ts';
import { createMapCalls } from '../../../lib/haproxy/client-maps.ts';
import { createTransactionCalls } from '../../../lib/haproxy/client-transactions.ts';
import { countResult, laneOf } from '../../../lib/haproxy/request-count.ts';
import { FailureError } from '../../../lib/model/failure.ts';

const failure = new FailureError({ kind: 'conflict', message: 'version', where: 'POST /', hint: 'again' });

/** The lanes of what these calls send. */
function lanesOf(send: (send: Send) => readonly Observable<unknown>[]): readonly string[] {
  const lanes: string[] = [];
  const calls = send((call) => {
    lanes.push(`${call.method} ${laneOf(call)}`);
    return NEVER;
  });
  for (const call of calls) call.subscribe().unsubscribe();
  return lanes;
}

describe('A request to the Data Plane API', () => {
  const raw = '/services/haproxy/configuration/raw';
  const cases: readonly (readonly [lane: string, call: Call])[] = [
    ['read', { method: 'GET', path: raw }],
    ['commit', { method: 'POST', path: raw, query: { version: 1, force_reload: true } }],
    ['slots', { method: 'POST', path: raw, query: { version: 1, skip_reload: true } }],
    ['check', { method: 'POST', path: raw, query: { only_validate: true } }],
    ['runtime', { method: 'PUT', path: '/services/haproxy/runtime/backends/web/servers/nomad01' }],
    ['runtime', { method: 'PUT', path: '/services/haproxy/runtime/backends/maps/servers/nomad01' }],
  ];
  for (const [lane, call] of cases) {
    it(`goes by ${lane}: ${call.method} ${call.path} ${JSON.stringify(call.query ?? {})}`, () => {
      expect(laneOf(call)).to.equal(lane);
    });
  }

  it('goes by maps where it writes one, by check where it previews', () => {
    const maps = lanesOf((send) => {
      const calls = createMapCalls(send);
      return [
        calls.listMaps(),
        calls.createMap('a.map', ''),
        calls.writeMapFile('a.map', ''),
        calls.addEntry('a.map', 'k', 'v', { forceSync: true }),
        calls.deleteEntry('a.map', 'k', { forceSync: true }),
        calls.addEntries('a.map', [{ key: 'k', value: 'v' }]),
      ];
    });
    expect(maps).to.deep.equal(['GET read', 'POST maps', 'PUT maps', 'POST maps', 'DELETE maps', 'PUT maps']);
    const transactions = lanesOf((send) => {
      const calls = createTransactionCalls(send);
      return [calls.listTransactions(), calls.startTransaction(1), calls.deleteTransaction('t')];
    });
    expect(transactions).to.deep.equal(['GET read', 'POST check', 'DELETE check']);
  });

  it('is counted by how it ended, and not at all where nobody waited for that', () => {
    const counted: string[] = [];
    const call: Call = { method: 'GET', path: raw };
    const count = countResult<unknown>(call, (lane, result) => counted.push(`${lane} ${result}`));
    of('answer').pipe(count).subscribe();
    throwError(() => failure)
      .pipe(count)
      .subscribe({ error: () => undefined });
    NEVER.pipe(count).subscribe().unsubscribe();
    expect(counted).to.deep.equal(['read ok', 'read conflict']);
  });
});
