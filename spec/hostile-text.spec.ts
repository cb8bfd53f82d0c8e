import { expect } from 'chai';
import fc from 'fast-check';
import { serializeActions } from '../lib/haproxy/client-actions.ts';
import { plainConfig } from '../lib/haproxy/dry-run.ts';
import { parseRows, renderRows } from '../lib/haproxy/map-writer.ts';
import { runtimeActions } from '../lib/haproxy/write-steps.ts';
import { isIpLiteral } from '../lib/model/instance.ts';
import type { Registration } from '../lib/model/events.ts';
import { aliasSets, followAliases } from '../lib/model/tag-aliases.ts';
import { tags } from '../lib/model/tags.ts';
import { isSlotStep } from '../lib/model/step.ts';
import { admitted, enabled, given, givenView, job, jobCheck, registration, snapshot, stays } from './support/given.ts';

/** Text that means something to somebody on its way: HAProxy's configuration, its maps, its command line, a URL, a log. */
const meaningful = [
  ...[
    '\n',
    '\r\n',
    ' ',
    '\t',
    '"',
    "'",
    '\\',
    '#',
    ';',
    '{}',
    '%[src]',
    '${HOME}',
    '$HOME',
    '%n',
    '<<',
    '*',
    '..',
    '.',
    '/',
  ],
  ...[
    '\nbackend evil',
    '\n  server evil 6.6.6.6:6',
    ' # {"owner":"nomad"}',
    '";SetServerState web nomad01 maint',
    '@1 ',
  ],
  ...[
    '\u0000',
    '\u007f',
    '\u009b2J',
    '\u001b[2J',
    '\u2028',
    '\u202e',
    '\ufeff',
    '\ud800',
    'ü',
    '😀',
    '__proto__',
    '%2e%2e',
  ],
  ...[
    '(a+)+$',
    '^(a|a)*$',
    'a.example.com',
    'A.example.com:80',
    '169.254.169.254',
    '::1',
    'fe80::1',
    'localhost',
    'x'.repeat(10_000),
  ],
];
const piece = fc.oneof(fc.constantFrom(...meaningful), fc.string(), fc.string({ unit: 'binary' }));
const hostile = fc.array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join(''));
/** Tags that are read as ours, some of them as they should be. */
const theirs = fc
  .tuple(
    fc.constantFrom(...aliasSets.traefik.rows.map((row) => row.tag.replaceAll('<name>', 'web').replaceAll('*', 'x'))),
    fc.oneof(
      hostile,
      hostile.map((text) => `Host(\`${text}\`)`),
      hostile.map((text) => `HostRegexp(\`${text}\`)`),
      fc.constantFrom('Host(`A.example.com`) || Host("b.example.com")', '/up', 'GET', 'web'),
    ),
  )
  .map(([name, value]) => `${name}=${value}`);
const tag = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...Object.values(tags)), hostile)
      .map(([{ name }, value]) => `haproxy.${name}=${value}`),
  },
  fc.constantFrom(
    'haproxy.domain.type=regex',
    'haproxy.domain.type=prefix',
    'haproxy.domain=a.example.com',
    'haproxy.check.path=/x',
  ),
  hostile.map((text) => `haproxy.${text}`),
  theirs,
  hostile,
);
const check = fc
  .record({
    path: hostile,
    method: fc.oneof(hostile, fc.constant('GET')),
    host: hostile,
    portLabel: fc.oneof(hostile, fc.constant('')),
  })
  .map(({ host, ...over }) => jobCheck({ ...over, headers: { Host: [host] } }));
const instance = fc
  .record(
    {
      tags: fc.array(tag, { maxLength: 6 }),
      service: hostile,
      alloc: hostile,
      address: hostile,
      node: hostile,
      job: hostile,
      namespace: fc.constantFrom('default', 'shop'),
    },
    { requiredKeys: ['tags'] },
  )
  .map((over): Registration => registration({ ...over, tags: [enabled, ...over.tags], job: 'web' }));

/** Everything that the connector writes, as its readers know it. */
const shapes: readonly RegExp[] = [
  /^backend [A-Za-z0-9_.:-]{1,260} from main$/,
  /^ {2}description nomad [!-.0-~]+\/[!-.0-~]+ [0-9a-f]{8}$/,
  /^ {2}mode (http|tcp)$/,
  /^ {2}balance (roundrobin|leastconn|random|first)$/,
  /^ {2}option (redispatch 1|tcp-check)$/,
  /^ {2}option httpchk (GET|HEAD) \/[A-Za-z0-9\-._~!$&()*+,;=:@/?%]*( HTTP\/1\.1 [A-Za-z0-9.-]+(:\d+)?)?$/,
  /^ {2}http-request disable-l7-retry if METH_POST or \{ method PATCH \}$/,
  /^ {2}retry-on conn-failure empty-response$/,
  /^ {2}server nomad\d{2,3} [A-Za-z0-9.[\]:-]+:\d+( check inter \d+m?s)?( backup)?( maxconn \d+)? weight \d+( init-addr last,libc,none)?( disabled)? # \{.*\}$/,
  /^ {2}(http-request set-var\(txn\.nomad_(host|be)\)|use_backend %\[var\(txn\.nomad_be\)\]) /,
];

function expectShapes(text: string): void {
  const byHand = plainConfig.split('\n');
  for (const line of text.split('\n')) {
    expect(line).to.not.match(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u);
    if (line === byHand[0]) {
      byHand.shift();
      continue;
    }
    expect(line).to.satisfy((one: string) => one === '' || shapes.some((shape) => shape.test(one)));
    const [, mark] = / # (\{.*)$/.exec(line) ?? [];
    if (mark !== undefined) expect(JSON.parse(mark)).to.include({ owner: 'nomad' });
  }
  expect(byHand).to.deep.equal([]);
}

describe('text of a job’s author', () => {
  it('becomes no line of the configuration, no row, no call and no log line that it should not be', () => {
    fc.assert(
      fc.property(fc.array(instance, { maxLength: 3 }), check, (registrations, checked) => {
        const good = registration({
          service: 'good',
          tags: [enabled, 'haproxy.domain=good.example.com'],
          createIndex: 1,
        });
        const all = [good, ...registrations.map((one, n) => ({ ...one, id: `${one.id}-${n}`, port: 9000 + n }))].map(
          (one) => followAliases(one, 'haproxy', ['traefik']),
        );
        const services = given(snapshot(all, [job({}, { checks: [checked] })]), ...all.map(admitted)).services();
        const world = givenView();
        const steps = services.flatMap((service) => world.plan(stays(service)).steps);
        world.settle(...services.map(stays));

        expectShapes(world.state.text);
        for (const map of ['exact', 'prefix', 'regex'] as const) {
          const rows = world.state.maps[map];
          expect(parseRows(renderRows(rows))).to.deep.equal(rows);
          expect(renderRows(rows)).to.match(/^([!-~]+ [A-Za-z0-9_.:-]+\n)*$/);
        }
        for (const step of steps.filter(isSlotStep)) {
          const sent = serializeActions(runtimeActions(step));
          expect(sent).to.match(/^(;?SetServer(Addr|State|Weight)( [A-Za-z0-9_.:-]+){3,4})+$/);
          if (step.kind === 'fill-slot' && !isIpLiteral(step.address)) expect(sent).to.not.include('Addr');
        }
        for (const { problems } of services) {
          expect(problems.length).to.be.below(22);
          for (const { subject, text } of problems) {
            expect(`${subject} ${text}`).to.not.match(/[\p{C}\p{Zl}\p{Zp}]/u);
            expect(subject.length + text.length).to.be.below(1000);
          }
        }
        expect(world.slots('good')).to.include('nomad01 serving 10.0.0.1:8001');
        expect(world.rows('exact')).to.include({ 'good.example.com': 'good' });
        expect(world.plans(...services.map(stays))).to.deep.equal([]);
      }),
      { numRuns: 300 },
    );
  }).timeout(60_000);
});
