import { expect } from 'chai';
import { backendLines, settingsHash, slotOptions } from '../../../lib/model/section.ts';
import type { Check } from '../../../lib/model/service.ts';
import type { BackendSettings, SlotSettings } from '../../../lib/model/step.ts';

const tcp: Check = { kind: 'tcp', intervalMs: 2000 };
const http: Check = { kind: 'http', method: 'GET', path: '/up', intervalMs: 1500 };
const settings: BackendSettings = { from: 'main', mode: 'http', balance: 'roundrobin', check: tcp };
const slots: SlotSettings = { check: tcp, backup: false, maxconn: 0 };

describe('backendLines', () => {
  const retries = [
    'http-request disable-l7-retry if METH_POST or { method PATCH }',
    'retry-on conn-failure empty-response',
  ];
  const cases: readonly (readonly [what: string, over: Partial<BackendSettings>, lines: readonly string[]])[] = [
    ['an http backend', {}, ['mode http', 'balance roundrobin', 'option redispatch 1', 'option tcp-check', ...retries]],
    [
      'a tcp backend',
      { mode: 'tcp', balance: 'first' },
      ['mode tcp', 'balance first', 'option redispatch 1', 'option tcp-check'],
    ],
    [
      'one without a check',
      { check: { kind: 'none' } },
      ['mode http', 'balance roundrobin', 'option redispatch 1', ...retries],
    ],
    [
      'one with an HTTP check',
      { check: http },
      ['mode http', 'balance roundrobin', 'option redispatch 1', 'option httpchk GET /up', ...retries],
    ],
    [
      'one with a host to ask for',
      { check: { ...http, host: 'a.com' } },
      ['mode http', 'balance roundrobin', 'option redispatch 1', 'option httpchk GET /up HTTP/1.1 a.com', ...retries],
    ],
  ];
  for (const [what, over, lines] of cases) {
    it(`writes ${what}`, () => {
      expect(backendLines({ ...settings, ...over })).to.deep.equal(lines);
    });
  }
});

describe('slotOptions', () => {
  const cases: readonly (readonly [over: Partial<SlotSettings>, options: string])[] = [
    [{}, 'check inter 2s'],
    [{ check: http }, 'check inter 1500ms'],
    [{ check: { kind: 'none' } }, ''],
    [{ backup: true, maxconn: 7 }, 'check inter 2s backup maxconn 7'],
    [{ check: { kind: 'none' }, maxconn: 7 }, 'maxconn 7'],
  ];
  for (const [over, options] of cases) {
    it(`says ${JSON.stringify(options)}`, () => {
      expect(slotOptions({ ...slots, ...over })).to.equal(options);
    });
  }
});

describe('settingsHash', () => {
  it('changes with everything that is written, and with nothing else', () => {
    const base = settingsHash(settings, slots);
    expect(base).to.match(/^[0-9a-f]{8}$/);
    expect(settingsHash({ ...settings }, { ...slots })).to.equal(base);
    const others = [
      settingsHash({ ...settings, from: 'other' }, slots),
      settingsHash({ ...settings, mode: 'tcp' }, slots),
      settingsHash({ ...settings, balance: 'first' }, slots),
      settingsHash({ ...settings, check: http }, slots),
      settingsHash(settings, { ...slots, check: http }),
      settingsHash(settings, { ...slots, backup: true }),
      settingsHash(settings, { ...slots, maxconn: 1 }),
    ];
    expect(new Set([base, ...others]).size).to.equal(8);
  });
});
