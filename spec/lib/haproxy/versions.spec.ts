import { expect } from 'chai';
import { capabilitiesOf, isBehind } from '../../../lib/haproxy/versions.ts';
import { FailureError } from '../../../lib/model/failure.ts';

describe('capabilitiesOf', () => {
  const table: readonly (readonly [haproxy: string, dataplane: string, runtimeAddress: boolean])[] = [
    ['3.0', 'v3.0.0', false],
    ['3.0.11-1+deb13u4', 'v3.0.23', false],
    ['3.2.26', 'v3.2.15', false],
    ['3.2.26', 'v3.3.0', false],
    ['3.2.26', 'v3.3.1', true],
    ['3.2.26', 'v3.3.10', true],
    ['3.0.11', 'v3.4', true],
    ['3.4-dev3', 'v3.4.2', true],
    ['3.10.0', 'v3.10.0', true],
    ['4.0', 'v4', true],
  ];
  for (const [haproxy, dataplane, runtimeAddress] of table) {
    it(`lets ${dataplane} beside HAProxy ${haproxy} set ${runtimeAddress ? 'addresses' : 'states alone'} at runtime`, () => {
      expect(capabilitiesOf({ haproxy, dataplane })).to.deep.equal({ runtimeAddress });
    });
  }

  const refused: readonly (readonly [haproxy: string, dataplane: string, names: string])[] = [
    ['2.6.12', 'v3.0.0', 'HAProxy 2.6.12'],
    ['2.9.15', 'v3.4.2', 'HAProxy 2.9.15'],
    ['3.0.0', 'v2.9.20', 'Data Plane API v2.9.20'],
    ['', 'v3.4.2', 'HAProxy does not tell its version, but ""'],
    ['3.4.7', 'unknown', 'Data Plane API does not tell its version, but "unknown"'],
  ];
  for (const [haproxy, dataplane, names] of refused) {
    it(`refuses ${dataplane} beside HAProxy ${haproxy || 'of no version'}`, () => {
      expect(() => capabilitiesOf({ haproxy, dataplane }))
        .to.throw(FailureError, names)
        .with.nested.property('failure.kind', 'unsupported');
    });
  }
});

describe('isBehind', () => {
  for (const [haproxy, dataplane, behind] of [
    ['3.4.7', 'v3.2.15', true],
    ['3.4-dev3', 'v3.3.9', true],
    ['3.4.7', 'v3.4.2', false],
    ['3.0.11', 'v3.4.2', false],
    ['3.10.1', 'v3.4.2', true],
  ] as const) {
    it(`takes ${dataplane} beside HAProxy ${haproxy} for ${behind ? 'an older' : 'no older'} line`, () => {
      expect(isBehind({ haproxy, dataplane })).to.equal(behind);
    });
  }
});
