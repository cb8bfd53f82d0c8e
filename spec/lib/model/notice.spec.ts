import { expect } from 'chai';
import type { Event } from '../../../lib/model/events.ts';
import { isNotice, type Notice, type Outcome } from '../../../lib/model/notice.ts';
import { admitted, registered, registration, snapshot } from '../../support/given.ts';

describe('isNotice', () => {
  const notices: readonly Notice[] = [
    { kind: 'first-pass-done' },
    { kind: 'settled', service: 'default/web' },
    { kind: 'haproxy-moved', what: 'a reload' },
    { kind: 'drift-found', where: 'map', what: 'rows', differs: '1 row', repair: 'mended' },
    { kind: 'service-problems', service: 'default/web', problems: [] },
  ];
  const others: readonly (Event | Outcome)[] = [
    registered(registration()),
    admitted(registration()),
    snapshot([]),
    { kind: 'snapshot-probed' },
    { kind: 'marks-found', marks: [] },
    { kind: 'done', key: 'default/web' },
    { kind: 'again', key: 'default/web', afterMs: 1 },
  ];

  it('knows notices from the facts and outcomes beside them', () => {
    const all: readonly (Event | Outcome | Notice)[] = [...notices, ...others];
    expect(all.filter((one) => isNotice(one))).to.deep.equal(notices);
  });
});
