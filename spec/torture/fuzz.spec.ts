import { expect } from 'chai';
import fc from 'fast-check';
import { from, toArray } from 'rxjs';
import { nameSections, parseConfig, renderConfig } from '../../lib/haproxy/config-text.ts';
import { isRoutingLine, mapPaths } from '../../lib/haproxy/routing.ts';
import { readView } from '../../lib/haproxy/view.ts';
import { writeSteps } from '../../lib/haproxy/write-steps.ts';
import type { Step } from '../../lib/model/step.ts';
import { parseFrame, type Frame } from '../../lib/nomad/frames.ts';
import { decodeFrames } from '../../operators/decode-frames.ts';
import { valueNow } from '../model-based/value-now.ts';
import { isThorough } from '../model-based/effort.ts';
import { seed } from '../support/seed.ts';

const rounds = { numRuns: isThorough ? 20_000 : 300, seed };

/** A configuration as nobody would write it, of the words that mean something and of anything else. */
const word = fc.constantFrom(
  ...['backend', 'frontend', 'defaults', 'global', 'listen', 'from', 'server', 'description', 'nomad', 'use_backend'],
  ...['www', 'theirs', 'ours', 'http-request', 'default_backend', 'balance', 'mode', '#', '"', "'", '\\', '{', '}'],
  ...[' ', '\t', '\r', '\f', '\u00a0', '# {"owner":"nomad","service":"a/b"}'],
);
const line = fc
  .array(
    fc.oneof({ weight: 5, arbitrary: word }, { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 5 }) }),
    { maxLength: 9 },
  )
  .chain((parts) => fc.constantFrom('', ' ').map((between) => parts.join(between)));
const text = fc.oneof(
  fc.array(line, { maxLength: 25 }).map((lines) => lines.join('\n')),
  fc.string({ unit: 'binary', maxLength: 300 }),
);

const paths = mapPaths('/maps', 'nomad');
const write = (into: string, ...steps: readonly Step[]) => writeSteps(into, steps, 'nomad', paths).text;
const check = { kind: 'tcp', intervalMs: 2000 } as const;
const slotSettings = { check, backup: false, maxconn: 0 };
const at = { service: 'fuzz/fuzz', slotSettings, slots: ['nomad91', 'nomad92'] } as const;
const settings = { from: '', mode: 'http', balance: 'roundrobin', check } as const;

/** What steps are written into. */
function named(given: string): string {
  return renderConfig(nameSections(parseConfig(given)));
}

describe('any configuration', function () {
  this.timeout(120_000);

  it('is read, and its view too, without a throw', () => {
    const none = {
      exact: new Map<string, string>(),
      prefix: new Map<string, string>(),
      regex: new Map<string, string>(),
    };
    fc.assert(
      fc.property(text, (given) => {
        expect(renderConfig(parseConfig(given))).to.equal(given);
        expect(readView(given, 7, none, 'nomad', paths).version).to.equal(7);
      }),
      rounds,
    );
  });

  it('is the same to the byte behind a section that was inserted, changed and removed', () => {
    const section = { service: at.service, backend: 'never_there' } as const;
    const create: Step = { kind: 'create-backend', ...section, ...at, settings };
    const update: Step = {
      kind: 'update-backend',
      ...section,
      settings: { ...settings, balance: 'first' },
      slotSettings,
    };
    const remove: Step = { kind: 'remove-backend', ...section, dueAt: 0 };
    fc.assert(
      fc.property(text, (raw) => {
        const given = named(raw);
        const made = write(given, create);
        expect(made.startsWith(given)).to.equal(true);
        expect(write(write(made, update), remove)).to.equal(given);
        expect(write(given, create, update, remove)).to.equal(given);
      }),
      rounds,
    );
  });

  it("is the same to the byte when slots have come and gone in somebody else's section", () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const given = named(`${before}\nbackend somewhere\n${after}`);
        const of = { service: at.service, backend: 'somewhere' } as const;
        const grow: Step = { kind: 'grow-slots', ...of, ...at };
        const fill: Step = {
          kind: 'fill-slot',
          ...of,
          slot: 'nomad91',
          address: '10.0.0.1',
          port: 80,
          weight: 1,
          alloc: 'a',
        };
        const remove: Step = { kind: 'remove-slots', ...of, slots: at.slots, dueAt: 0 };
        expect(write(write(given, grow, fill), remove)).to.equal(given);
      }),
      rounds,
    );
  });

  it('has nothing but the routing rule more, and that once, where it is installed twice', () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const given = named(`${before}\nfrontend somewhere\n${after}`);
        const install: Step = { kind: 'install-routing', service: at.service, frontend: 'somewhere' };
        const routed = write(given, install);
        const theirs = routed.split('\n').filter((one) => !isRoutingLine('nomad', one));
        expect(theirs.join('\n')).to.equal(given);
        expect(write(routed, install)).to.equal(routed);
      }),
      rounds,
    );
  });
});

const encoder = new TextEncoder();
const frame = fc.oneof(
  fc.constant('{}'),
  fc.json(),
  fc.record({ Index: fc.anything(), Events: fc.anything() }).map((one) => JSON.stringify(one)),
  fc.string({ unit: 'binary' }),
);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.array(frame, { maxLength: 8 }).map((lines) => encoder.encode(lines.join('\n'))),
);

function framesIn(chunks: readonly Uint8Array[]): readonly Frame[] {
  const oversized = (size: number): Frame => ({ kind: 'malformed', excerpt: '', why: `${size} bytes` });
  return valueNow(from(chunks).pipe(decodeFrames(parseFrame, oversized, 120), toArray()));
}

describe('any bytes', function () {
  this.timeout(120_000);

  it('become frames, at most one a line, and the same ones however they are cut', () => {
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(300)), (given, cuts) => {
        const ends = [0, ...cuts.map((cut) => Math.min(cut, given.length)).sort((a, b) => a - b), given.length];
        const whole = framesIn([given]);
        const chunks = ends.slice(1).map((end, n) => given.subarray(ends[n], end));
        expect(framesIn(chunks)).to.deep.equal(whole);
        expect(whole.length).to.be.at.most(given.filter((byte) => byte === 0x0a).length + 1);
      }),
      rounds,
    );
  });
});
