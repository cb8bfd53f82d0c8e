import { expect } from 'chai';
import { isIpLiteral, readInstance, servingInstances } from '../../../lib/model/instance.ts';
import type { Registration } from '../../../lib/model/events.ts';
import type { Problem } from '../../../lib/model/problem.ts';
import type { Instance } from '../../../lib/model/service.ts';
import { registration, tagged } from '../../support/given.ts';

const up = (one: Registration): Instance => readInstance(one, true, 'haproxy');
const down = (one: Registration): Instance => readInstance(one, false, 'haproxy');
const textOf = ({ subject, text }: Problem) => `${subject} ${text}`;

describe('readInstance', () => {
  it('is managed, with the default weight, when its tags enable it', () => {
    expect(down(registration())).to.include({ managed: true, weight: 100, admitted: false });
    expect(up(tagged('haproxy.weight=5'))).to.include({ managed: true, weight: 5, admitted: true });
    expect(up(registration({ tags: [] }))).to.include({ managed: false, weight: 100 });
  });

  const usable = ['10.0.0.1', '2001:db8::1', '::1', '::ffff:10.0.0.1', 'app.internal', 'node-1', 'A.example.com'];
  for (const address of usable) {
    it(`takes the address ${address}`, () => {
      expect(up(registration({ address }))).to.deep.include({ managed: true, problems: [] });
    });
  }

  const unusable: readonly (readonly [what: string, over: Partial<Registration>, why: RegExp])[] = [
    ['an empty address', { address: '' }, /has no address: give its port label a mapped port; it is left out/],
    ['port 0', { port: 0 }, /has port 0: give the service a port label; it is left out/],
    ['a negative port', { port: -1 }, /has port -1/],
    ['port 65536', { port: 65_536 }, /has port 65536/],
    ['half a port', { port: 1.5 }, /has port 1.5/],
    ['an impossible IPv4 address', { address: '300.1.1.1' }, /neither an IP nor a host name: "300.1.1.1"/],
    ['an impossible IPv6 address', { address: '::::' }, /neither an IP nor a host name: "::::"/],
    ['a line end in the address', { address: '10.0.0.1\nserver evil 1.2.3.4:1' }, /"10.0.0.1\\nserver evil/],
    ['an option in the address', { address: '10.0.0.1 backup' }, /neither an IP nor a host name/],
    ['a comment in the address', { address: 'a#b' }, /neither an IP nor a host name/],
    ['a zone in the address', { address: 'fe80::1%eth0' }, /neither an IP nor a host name/],
    ['an option as address', { address: '-f' }, /neither an IP nor a host name/],
    [
      'a metadata address',
      { address: '169.254.169.254' },
      /link-local or metadata address, "169.254.169.254", where HAProxy/,
    ],
    ['such an address spelled otherwise', { address: '0xa9fea9fe' }, /link-local or metadata address, "0xa9fea9fe"/],
    ['a mapped one', { address: '::ffff:a9fe:a9fe' }, /link-local or metadata address/],
    [
      'a line end in its name',
      { id: '_nomad-task', service: 'web\nevil' },
      /has a name that cannot be used: up to 512 characters without control/,
    ],
    ['half a character in its name', { service: 'web\ud800', id: '_nomad-task' }, /has a name that cannot be used/],
    ['a way in its name', { id: '_nomad-task', service: '..' }, /has a name that cannot be used/],
    ['a name of 10 kB', { service: 'x'.repeat(10_000) }, /has a name that cannot be used/],
    [
      'a line separator in its allocation',
      { id: '_nomad-task', alloc: 'a\u2028b' },
      /has a namespace or allocation of more/,
    ],
    ['a very long address', { address: 'a'.repeat(10_000) }, /neither an IP nor a host name: "a{80}\.\.\."/],
  ];
  for (const [what, over, why] of unusable) {
    it(`leaves an instance with ${what} out and says so`, () => {
      const instance = up(registration(over));
      expect(instance.managed).to.equal(false);
      expect(instance.problems.map(textOf)).to.have.length(1);
      expect(textOf(instance.problems[0]!)).to.match(why);
      expect(textOf(instance.problems[0]!)).to.match(/^registration _nomad-task/);
      expect(textOf(instance.problems[0]!).length).to.be.below(400);
    });
  }

  it('does not mind the address of an instance that is not enabled', () => {
    expect(up(registration({ address: '', tags: [] })).problems).to.deep.equal([]);
  });

  it('shares tags, settings and problems with a sibling of the same tags', () => {
    const sibling = up(tagged('haproxy.weight=5', 'haproxy.wieght=5'));
    const other = tagged('haproxy.weight=6');
    const again = registration({ port: 8002, tags: [...sibling.registration.tags] });
    const instance = readInstance(again, true, 'haproxy', [up(other), sibling]);
    expect(instance).to.deep.equal(up(again));
    expect(instance.settings).to.equal(sibling.settings);
    expect(instance.problems).to.equal(sibling.problems);
    expect(instance.registration.tags).to.equal(sibling.registration.tags);
  });

  it('takes nothing over from a sibling whose address is at fault', () => {
    const sibling = up(registration({ address: '' }));
    expect(readInstance(registration(), true, 'haproxy', [sibling])).to.deep.equal(up(registration()));
    expect(readInstance(registration({ address: '' }), true, 'haproxy', [up(registration())])).to.deep.equal(sibling);
  });
});

describe('servingInstances', () => {
  it('are the managed and admitted ones, in their order', () => {
    const [first, second] = [registration({ port: 1, createIndex: 5 }), registration({ port: 2, createIndex: 9 })];
    const list = [up(first), down(registration({ port: 3 })), up(registration({ port: 4, tags: [] })), up(second)];
    expect([...servingInstances(list).values()].map((one) => one.registration)).to.deep.equal([first, second]);
  });

  it('has one for each address: the newest', () => {
    const [old, fresh] = [
      registration({ alloc: 'old', createIndex: 5 }),
      registration({ alloc: 'new', createIndex: 9 }),
    ];
    const [instance, ...others] = servingInstances([up(old), up(fresh)]).values();
    expect(instance?.registration.alloc).to.equal('new');
    expect(others).to.deep.equal([]);
  });
});

describe('isIpLiteral', () => {
  it('tells addresses from host names', () => {
    expect(['10.0.0.1', '::1', '2001:db8::1'].map(isIpLiteral)).to.deep.equal([true, true, true]);
    expect(['localhost', 'a.example.com', '10.example.com'].map(isIpLiteral)).to.deep.equal([false, false, false]);
  });
});
