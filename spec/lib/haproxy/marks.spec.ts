import { expect } from 'chai';
import fc from 'fast-check';
import { readLine } from '../../../lib/haproxy/config-text.ts';
import { isOthersMark, readBackendMark, readSlot, writeBackendMark, writeSlot } from '../../../lib/haproxy/marks.ts';
import { serviceKey } from '../../../lib/model/events.ts';
import { parked } from '../../../lib/model/section.ts';
import type { SlotView } from '../../../lib/model/view.ts';

const wordsOf = (line: string) => readLine(line).words;
const slot = (over: Partial<SlotView> = {}): SlotView => ({
  name: 'nomad01',
  service: 'default/web',
  state: 'serving',
  address: '10.0.0.1',
  port: 80,
  weight: 100,
  alloc: 'a-1',
  options: 'check inter 2s',
  ...over,
});
const freeSlot = slot({ state: 'free', ...parked, alloc: '' });

const anyName = fc
  .oneof(
    fc.string({ minLength: 1 }),
    fc.string({ minLength: 1, unit: 'grapheme' }),
    fc.constantFrom("o'neil", 'a b', '"', '#', '\\', '%', '\n'),
  )
  .filter((text) => text.isWellFormed());
const anyKey = fc
  .tuple(
    anyName.filter((text) => !text.includes('/')),
    anyName,
  )
  .map(([ns, name]) => serviceKey(ns, name));

describe('The mark of a backend', () => {
  it('is a description that HAProxy shows', () => {
    expect(writeBackendMark('nomad', { service: 'default/web', hash: '12ab34cd' })).to.equal(
      'description nomad default/web 12ab34cd',
    );
  });

  it('comes back for any service', () => {
    fc.assert(
      fc.property(anyKey, (service) => {
        const line = writeBackendMark('nomad', { service, hash: '12ab34cd' });
        expect(line).to.match(/^description nomad [!-~]+ 12ab34cd$/);
        expect(readBackendMark('nomad', wordsOf(line))).to.deep.equal({ service, hash: '12ab34cd' });
      }),
    );
  });

  it('is read also where somebody has put it into quotes', () => {
    expect(readBackendMark('nomad', wordsOf('description "nomad default/web 12ab"'))).to.deep.equal({
      service: 'default/web',
      hash: '12ab',
    });
  });

  const foreign = [
    'description edge default/web 12ab',
    'description the nomad default/web backend',
    'description nomad',
    'description nomad web 12ab',
    'description nomad a/b/c 12ab',
    'description nomad default/100% 12ab',
    'option nomad default/web 12ab',
    '',
  ];
  for (const line of foreign) {
    it(`is not ${JSON.stringify(line)}`, () => {
      expect(readBackendMark('nomad', wordsOf(line))).to.equal(undefined);
      expect(isOthersMark('nomad', wordsOf(line))).to.equal(false);
    });
  }

  it('of another owner is told from a description in words', () => {
    const isOthers = (line: string) => isOthersMark('nomad', wordsOf(line));
    expect(isOthers('description edge default/web 12ab34cd')).to.equal(true);
    expect(isOthers('description nomad default/web 12ab34cd')).to.equal(false);
    expect(isOthers('description The default/web 12ab34cd')).to.equal(false);
  });
});

describe('A slot line', () => {
  const lines: readonly (readonly [what: string, slot: SlotView, line: string])[] = [
    [
      'that serves',
      slot(),
      '  server nomad01 10.0.0.1:80 check inter 2s weight 100 # {"alloc":"a-1","owner":"nomad","service":"default/web"}',
    ],
    [
      'that drains',
      slot({ state: 'draining', weight: 0 }),
      '  server nomad01 10.0.0.1:80 check inter 2s weight 0 disabled # {"alloc":"a-1","owner":"nomad","service":"default/web"}',
    ],
    [
      'that is free',
      slot({ state: 'free' }),
      '  server nomad01 127.0.0.1:1 check inter 2s weight 100 disabled # {"owner":"nomad","service":"default/web"}',
    ],
    [
      'without options',
      slot({ options: '', alloc: '' }),
      '  server nomad01 10.0.0.1:80 weight 100 # {"owner":"nomad","service":"default/web"}',
    ],
    [
      'with an IPv6 address',
      slot({ address: '2001:db8::1', options: '', alloc: '' }),
      '  server nomad01 [2001:db8::1]:80 weight 100 # {"owner":"nomad","service":"default/web"}',
    ],
    [
      'with a host name, which need not resolve at start',
      slot({ address: 'app.internal', options: '', alloc: '' }),
      '  server nomad01 app.internal:80 weight 100 init-addr last,libc,none # {"owner":"nomad","service":"default/web"}',
    ],
  ];
  for (const [what, view, line] of lines) {
    it(`${what} is written and read`, () => {
      expect(writeSlot('nomad', view)).to.equal(line);
      const expected = view.state === 'free' ? { ...view, ...parked, alloc: '' } : view;
      expect(readSlot('nomad', line)).to.deep.equal(expected);
    });
  }

  it('comes back for any service, allocation and options', () => {
    const anySlot = fc.record({
      service: anyKey,
      state: fc.constantFrom('serving', 'draining' as const),
      alloc: anyName,
      address: fc.constantFrom('10.0.0.1', '::1', 'app.internal'),
      weight: fc.integer({ min: 0, max: 256 }),
      port: fc.integer({ min: 2, max: 65_535 }),
      options: fc.constantFrom('', 'check inter 2s', 'check inter 1500ms backup maxconn 5', 'maxconn 5'),
    });
    fc.assert(
      fc.property(anySlot, (over) => {
        const line = writeSlot('nomad', slot(over));
        expect(line).not.to.contain('\n');
        expect(readSlot('nomad', line)).to.deep.equal(slot(over));
      }),
    );
  });

  it('comes back when it is free', () => {
    expect(readSlot('nomad', writeSlot('nomad', freeSlot))).to.deep.equal(freeSlot);
  });

  it('has the default weight where it says none', () => {
    const line = 'server nomad01 10.0.0.1:80 # {"owner":"nomad","service":"default/web"}';
    expect(readSlot('nomad', line)).to.deep.equal(slot({ alloc: '', options: '' }));
  });

  it('is read also where it says less than it should', () => {
    expect(readSlot('nomad', 'server # {"owner":"nomad","service":"default/web"}')).to.include({
      name: '',
      address: '',
      port: 0,
    });
  });

  const foreign = [
    '  server s1 10.0.0.1:80 check',
    '  server s1 10.0.0.1:80 # by hand',
    '  server s1 10.0.0.1:80 # {"comment":"by hand"}',
    '  server s1 10.0.0.1:80 # {"owner":"edge","service":"default/web"}',
    '  server s1 10.0.0.1:80 # {"owner":"nomad"}',
    '  server s1 10.0.0.1:80 # {"owner":"nomad","service":"web"}',
    '  server s1 10.0.0.1:80 # {"owner":"nomad","service":"default/web","alloc":5}',
    '  server s1 10.0.0.1:80 # {"owner":1,"service":"default/web"}',
    '  server s1 10.0.0.1:80 # {"owner":"nomad","service":7}',
    '  server s1 10.0.0.1:80 # {broken',
    '  server s1 10.0.0.1:80 # null',
    '  # server s1 10.0.0.1:80 # {"owner":"nomad","service":"default/web"}',
    '  acl s1 path / # {"owner":"nomad","service":"default/web"}',
  ];
  for (const line of foreign) {
    it(`is not ${line.trim()}`, () => {
      expect(readSlot('nomad', line)).to.equal(undefined);
    });
  }
});
