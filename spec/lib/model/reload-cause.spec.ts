import { expect } from 'chai';
import type { Notice } from '../../../lib/model/notice.ts';
import { reloadCause, reloadCauses } from '../../../lib/model/reload-cause.ts';
import type { Step } from '../../../lib/model/step.ts';
import { appears, becomes, givenView, registration, serving, tagged } from '../../support/given.ts';

type Applied = Extract<Notice, { kind: 'applied' }>;

function commit(steps: readonly Step[], over: Partial<Applied> = {}): Applied {
  return { kind: 'applied', lane: 'commit', steps, reloaded: true, tookMs: 1, ...over };
}

describe('The cause of a reload', () => {
  const web = serving(registration());
  const many = Array.from({ length: 5 }, (_, n) => registration({ port: 8001 + n }));
  const settled = () => givenView().settle(appears(web));
  const named = serving(registration({ address: 'app.internal' }));

  const cases: readonly (readonly [what: string, steps: readonly Step[], cause: string])[] = [
    ['a new service', givenView().plan(appears(web)).steps, 'new-backend'],
    ['a fifth instance', settled().plan(becomes(web, serving(...many))).steps, 'more-slots'],
    [
      'another balance algorithm',
      settled().plan(becomes(web, serving(tagged('haproxy.balance=leastconn')))).steps,
      'settings',
    ],
    ['an address that is a name', settled().plan(becomes(web, named)).steps, 'host-name'],
    ['a service that went', [{ kind: 'remove-backend', service: 'default/web', backend: 'web', dueAt: 0 }], 'removal'],
    ['a frontend alone', [{ kind: 'install-routing', service: 'default/web', frontend: 'www' }], 'routing-rule'],
  ];
  for (const [what, steps, cause] of cases) {
    it(`is ${cause} for ${what}`, () => {
      expect(steps).to.not.be.empty;
      expect(reloadCause(commit(steps))).to.equal(cause);
    });
  }

  it('is what the notice says where no step asks for it', () => {
    for (const unasked of ['rows', 'repair'] as const) {
      expect(reloadCause(commit([], { unasked }))).to.equal(unasked);
    }
  });

  it('is the first of several, in whatever order their steps come', () => {
    const [first, last] = [givenView().plan(appears(web)).steps, settled().plan(becomes(web, named)).steps];
    expect(reloadCause(commit([...last, ...first]))).to.equal(reloadCauses[0]);
    expect(reloadCause(commit([...first, ...last]))).to.equal(reloadCauses[0]);
  });
});
