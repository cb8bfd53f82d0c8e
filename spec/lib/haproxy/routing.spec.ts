import { expect } from 'chai';
import { parseConfig, renderConfig, type Section } from '../../../lib/haproxy/config-text.ts';
import { installRouting, isRouted, isRoutingLine, mapPaths, routingLines } from '../../../lib/haproxy/routing.ts';

const paths = mapPaths('/maps', 'nomad');
const rule = routingLines('nomad', paths);

function frontend(...lines: readonly string[]): Section {
  const [, section] = parseConfig(['frontend www', ...lines].join('\n'));
  return section!;
}
function installed(...lines: readonly string[]): readonly string[] {
  const section = frontend(...lines);
  installRouting(section, 'nomad', paths);
  expect(isRouted(section, 'nomad', paths)).to.equal(true);
  return renderConfig([section]).split('\n').slice(1);
}
const [host, exact, prefix, regex, use] = rule.map((line) => `  ${line}`);

describe('mapPaths', () => {
  it('are three files with one stem', () => {
    expect(mapPaths('/etc/maps', 'edge')).to.deep.equal({
      exact: '/etc/maps/edge-exact.map',
      prefix: '/etc/maps/edge-prefix.map',
      regex: '/etc/maps/edge-regex.map',
    });
  });
});

describe('The routing rule', () => {
  it('looks the host up exactly, by prefix and by regex, and routes only to a backend that is there', () => {
    expect(rule).to.deep.equal([
      'http-request set-var(txn.nomad_host) req.hdr(host),host_only,lower if { req.hdr(host),host_only,length le 253 }',
      'http-request set-var(txn.nomad_be) var(txn.nomad_host),map_str(/maps/nomad-exact.map)',
      'http-request set-var(txn.nomad_be) var(txn.nomad_host),map_beg(/maps/nomad-prefix.map) unless { var(txn.nomad_be) -m found }',
      'http-request set-var(txn.nomad_be) var(txn.nomad_host),map_reg(/maps/nomad-regex.map) unless { var(txn.nomad_be) -m found }',
      'use_backend %[var(txn.nomad_be)] if { var(txn.nomad_be),nbsrv ge 0 }',
    ]);
  });

  const places: readonly (readonly [
    what: string,
    before: readonly string[],
    after: readonly (string | undefined)[],
  ])[] = [
    ['at the end of a frontend that says nothing', [], [host, exact, prefix, regex, use]],
    [
      'before the comments of the next section',
      ['  bind :80', '', '# next'],
      ['  bind :80', host, exact, prefix, regex, use, '', '# next'],
    ],
    [
      'before the default backend',
      ['  bind :80', '  default_backend d'],
      ['  bind :80', host, exact, prefix, regex, use, '  default_backend d'],
    ],
    [
      'behind the hand-written rules of each kind',
      ['  http-request deny if evil', '  use_backend a if x', '  use_backend b unless y', '  default_backend d'],
      [
        '  http-request deny if evil',
        host,
        exact,
        prefix,
        regex,
        '  use_backend a if x',
        '  use_backend b unless y',
        use,
        '  default_backend d',
      ],
    ],
    [
      'before hand-written use_backend lines where there is no http-request line',
      ['  use_backend a if x'],
      [host, exact, prefix, regex, '  use_backend a if x', use],
    ],
    [
      'in the place of an older form of it',
      ['  http-request set-var(txn.nomad_be) req.hdr(host),map(/old.map)', '  use_backend %[var(txn.nomad_be)]'],
      [host, exact, prefix, regex, use],
    ],
  ];
  for (const [what, before, after] of places) {
    it(`is put ${what}`, () => {
      expect(installed(...before)).to.deep.equal(after);
      expect(installed(...installed(...before))).to.deep.equal(after);
    });
  }

  const lines: readonly (readonly [line: string, ours: boolean])[] = [
    ...rule.map((line) => [line, true] as const),
    ['use_backend %[var(txn.nomad_be)]', true],
    ['http-request set-var(txn.nomad_host) str(x)', true],
    ['http-request set-var(txn.edge_host) str(x)', false],
    ['http-request deny if { var(txn.nomad_be) -m found }', false],
    ['use_backend web if { var(txn.nomad_be) -m found }', false],
    ['# use_backend %[var(txn.nomad_be)]', false],
    ['', false],
  ];
  for (const [line, ours] of lines) {
    it(`${ours ? 'has' : 'has not'} the line ${JSON.stringify(line)}`, () => {
      expect(isRoutingLine('nomad', line)).to.equal(ours);
    });
  }

  it('is not complete without one of its lines, in another order or with other files', () => {
    expect(isRouted(frontend(...rule), 'nomad', paths)).to.equal(true);
    expect(isRouted(frontend(...rule.slice(1)), 'nomad', paths)).to.equal(false);
    expect(isRouted(frontend(...rule.toReversed()), 'nomad', paths)).to.equal(false);
    expect(isRouted(frontend(...rule), 'nomad', mapPaths('/other', 'nomad'))).to.equal(false);
    expect(isRouted(frontend(), 'nomad', paths)).to.equal(false);
  });
});
