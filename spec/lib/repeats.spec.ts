import { expect } from 'chai';
import { createRepeats } from '../../lib/repeats.ts';
import type { Failure } from '../../lib/model/failure.ts';
import type { ServiceKey } from '../../lib/model/events.ts';

const refused: Failure = {
  kind: 'reload-failed',
  message: 'executing false failed',
  where: 'POST /raw',
  hint: 'mend it',
};

describe('createRepeats', () => {
  function given() {
    let at = 0;
    const repeats = createRepeats(() => at);
    return {
      holds: (service: ServiceKey, failure = refused) => repeats.holds({ kind: 'service-failed', service, failure }),
      other: () => repeats.holds({ kind: 'first-pass-done' }),
      after: (ms: number) => {
        at += ms;
        return repeats.due();
      },
    };
  }

  it('lets the first of a cause pass, and holds what has the same', () => {
    const { holds, other } = given();
    expect(holds('default/web')).to.equal(false);
    expect(holds('default/web')).to.equal(true);
    expect(holds('default/api')).to.equal(true);
    expect(holds('default/api', { ...refused, message: 'another' })).to.equal(false);
    expect(other()).to.equal(false);
  });

  it('tells soon of all whom a cause meets, and then rarely', () => {
    const { holds, after } = given();
    for (const service of ['default/web', 'default/web', 'default/api'] as const) holds(service);
    expect(after(4000)).to.deep.equal([]);
    expect(after(1000)).to.deep.equal([
      {
        level: 'warn',
        message: 'could not bring services to HAProxy, for one cause',
        fields: {
          ...{ services: ['default/web', 'default/api'], servicesInAll: 2, tries: 2 },
          ...{ failure: 'reload-failed', what: 'executing false failed', where: 'POST /raw', hint: 'mend it' },
        },
      },
    ]);
    holds('default/web');
    expect(after(599_000)).to.deep.equal([]);
    expect(after(1000).map(({ fields }) => fields['tries'])).to.deep.equal([1]);
  });

  it('tells rarely of one that goes on to meet a single service', () => {
    const { holds, after } = given();
    holds('default/web');
    holds('default/web');
    expect(after(5000)).to.deep.equal([]);
    holds('default/web');
    expect(after(595_000).map(({ fields }) => fields['tries'])).to.deep.equal([2]);
  });

  it('forgets a cause that has not come again', () => {
    const { holds, after } = given();
    holds('default/web');
    expect([after(5000), after(600_000)]).to.deep.equal([[], []]);
    expect(holds('default/web')).to.equal(false);
  });

  it('keeps a hundred causes at most', () => {
    const { holds } = given();
    const of = (n: number) => ({ ...refused, message: `cause ${n}` });
    for (let n = 0; n < 101; n += 1) holds('default/web', of(n));
    expect(holds('default/web', of(100))).to.equal(true);
    expect(holds('default/web', of(0))).to.equal(false);
  });
});
