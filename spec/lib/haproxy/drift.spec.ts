import { expect } from 'chai';
import type { RuntimeServer } from '../../../lib/haproxy/client.ts';
import { compareSlot } from '../../../lib/haproxy/drift.ts';
import type { SlotView } from '../../../lib/model/view.ts';

const at = { address: '10.0.0.1', port: 80 } as const;
const elsewhere = { address: '10.0.0.2', port: 81 } as const;
const serving: SlotView = {
  name: 'nomad01',
  service: 'default/web',
  state: 'serving',
  ...at,
  weight: 100,
  alloc: 'a1',
  options: 'check',
};
const draining: SlotView = { ...serving, state: 'draining' };
const free: SlotView = { ...serving, state: 'free', address: '127.0.0.1', port: 1, alloc: '' };
const ready: RuntimeServer = { name: 'nomad01', ...at, adminState: 'ready', operationalState: 'up' };
const drain: RuntimeServer = { ...ready, adminState: 'drain' };
const maint: RuntimeServer = { ...ready, adminState: 'maint', operationalState: 'down' };
/** What the API makes of a drain where HAProxy loaded the server as disabled. */
const misread: RuntimeServer = { ...ready, adminState: 'maint' };

describe('compareSlot', () => {
  const same: readonly (readonly [string, SlotView, RuntimeServer])[] = [
    ['one that serves', serving, ready],
    ['one that serves and fails its check', serving, { ...ready, operationalState: 'down' }],
    ['one that serves with its weight', serving, { ...ready, weight: 100 }],
    ['one at the same IPv6 address in other words', { ...serving, address: '::1' }, { ...ready, address: '0:0::1' }],
    ['one whose name HAProxy resolved', { ...serving, address: 'app.internal' }, ready],
    ['one whose name HAProxy could not resolve', { ...serving, address: 'app.internal' }, { ...maint, address: '-' }],
    ['one that drains', draining, drain],
    ['one that drains, misread', draining, misread],
    ['one that drains in maintenance', draining, maint],
    ['one that drains elsewhere', draining, { ...drain, ...elsewhere }],
    ['one that is free', free, { ...maint, address: '127.0.0.1', port: 1 }],
    ['one that is free where it served last, whatever its weight', free, { ...maint, ...elsewhere, weight: 3 }],
  ];
  for (const [what, slot, server] of same) {
    it(`has nothing to say of ${what}`, () => {
      expect(compareSlot(slot, server)).to.equal(undefined);
    });
  }

  const different: readonly (readonly [string, SlotView, RuntimeServer, string, Partial<SlotView>])[] = [
    ['state', serving, drain, 'drain at 10.0.0.1:80 instead of ready', { state: 'draining', alloc: 'a1' }],
    ['state', serving, misread, 'drain at 10.0.0.1:80 instead of ready', { state: 'draining' }],
    ['state', serving, maint, 'maint at 10.0.0.1:80 instead of ready', { state: 'draining' }],
    ['state', draining, ready, 'ready at 10.0.0.1:80 instead of draining', { state: 'serving', alloc: '' }],
    ['state', draining, { ...ready, ...elsewhere }, 'ready at 10.0.0.2:81 instead of draining', { alloc: '' }],
    ['state', free, ready, 'ready at 10.0.0.1:80 instead of free', { state: 'serving', ...at, alloc: '' }],
    ['state', free, drain, 'drain at 10.0.0.1:80 instead of free', { state: 'draining', ...at }],
    ['state', free, misread, 'drain at 10.0.0.1:80 instead of free', { state: 'draining', ...at }],
    [
      'address',
      serving,
      { ...ready, ...elsewhere },
      'at 10.0.0.2:81 instead of 10.0.0.1:80',
      { ...elsewhere, alloc: '' },
    ],
    ['address', serving, { ...ready, port: 81 }, 'at 10.0.0.1:81 instead of 10.0.0.1:80', { port: 81 }],
    ['weight', serving, { ...ready, weight: 7 }, 'weight 7 instead of 100', { weight: 7, alloc: 'a1' }],
  ];
  for (const [what, slot, server, text, found] of different) {
    it(`finds a difference in ${what}: ${text} (${server.adminState}, ${server.operationalState})`, () => {
      const drift = compareSlot(slot, server);
      expect(drift).to.include({ what, text });
      expect(drift?.found).to.include({ name: 'nomad01', service: 'default/web', options: 'check', ...found });
    });
  }

  it('tells the maintenance of a server that should serve from everything else', () => {
    const isManual = (slot: SlotView, server: RuntimeServer) => compareSlot(slot, server)?.isManualMaint;
    expect(isManual(serving, maint)).to.equal(true);
    expect(isManual(serving, misread)).to.equal(false);
    expect(isManual(serving, drain)).to.equal(false);
    expect(isManual(free, ready)).to.equal(false);
  });
});
