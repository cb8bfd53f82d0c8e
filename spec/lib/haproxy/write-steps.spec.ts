import { expect } from 'chai';
import fc from 'fast-check';
import { parseConfig } from '../../../lib/haproxy/config-text.ts';
import { readSlot } from '../../../lib/haproxy/marks.ts';
import { isRoutingLine, mapPaths } from '../../../lib/haproxy/routing.ts';
import { readView } from '../../../lib/haproxy/view.ts';
import { writeSteps } from '../../../lib/haproxy/write-steps.ts';
import { settingsHash } from '../../../lib/model/section.ts';
import { moveSlots } from '../../../lib/model/slots.ts';
import type { BackendSettings, SlotSettings, SlotStep, Step } from '../../../lib/model/step.ts';

const service = 'default/web';
const settings: BackendSettings = {
  from: 'main',
  mode: 'http',
  balance: 'roundrobin',
  check: { kind: 'tcp', intervalMs: 2000 },
};
const slotSettings: SlotSettings = { check: settings.check, backup: false, maxconn: 0 };
const paths = mapPaths('/maps', 'nomad');
const write = (text: string, ...steps: readonly Step[]) => writeSteps(text, steps, 'nomad', paths);

/** As people write it. */
const handWritten = `# The edge, by hand. Do not touch before Friday.
global
  daemon

defaults main
  mode http
  timeout connect 5s # long

frontend www from main
  bind :80
  acl is_api path_beg /api # the old one
  acl "with blanks" hdr(host) -i 'a b.com'
  http-request deny if { src 10.66.0.0/16 } !is_api
  http-request set-header X-Map %[path,map(/etc/haproxy/paths.map,none)]
  use_backend api if is_api
  use_backend static unless { path_end .html } or is_api
  default_backend legacy

  # The old machines.
backend legacy from main
\tbalance leastconn
  option httpchk GET "/health check"
  server old1 10.1.0.1:80 check weight 10 # rack 4
  server old2 10.1.0.2:80 check backup

# Everything below is static.
backend static from main
  server cdn 10.2.0.1:80

`;

const create: Step = {
  kind: 'create-backend',
  service,
  backend: 'web',
  settings,
  slotSettings,
  slots: ['nomad01', 'nomad02'],
};
const at = { service, backend: 'web', slot: 'nomad01' } as const;
const fill: SlotStep = { kind: 'fill-slot', ...at, address: '10.0.0.1', port: 80, weight: 100, alloc: 'a-1' };
const drain: SlotStep = { kind: 'drain-slot', ...at };
const free: SlotStep = { kind: 'free-slot', ...at };
const weigh: SlotStep = { kind: 'weigh-slot', ...at, weight: 5 };
const update: Step = {
  kind: 'update-backend',
  service,
  backend: 'web',
  settings: { ...settings, from: '', balance: 'first' },
  slotSettings: { ...slotSettings, maxconn: 7 },
};
const remove: Step = { kind: 'remove-backend', service, backend: 'web', dueAt: 0 };
const grow: Step = { kind: 'grow-slots', service, backend: 'legacy', slotSettings, slots: ['nomad01', 'nomad02'] };
const fillLegacy: Step = { ...fill, backend: 'legacy' };
const reword: Step = {
  kind: 'update-slots',
  service,
  backend: 'legacy',
  slotSettings: { ...slotSettings, backup: true },
  slots: ['nomad02'],
};
const removeSlots: Step = { kind: 'remove-slots', service, backend: 'legacy', slots: ['nomad01', 'nomad02'], dueAt: 0 };
const install: Step = { kind: 'install-routing', service, frontend: 'www' };
const setRoute: Step = { kind: 'set-route', service, route: { map: 'exact', key: 'a.com' }, backend: 'web' };
const deleteRoute: Step = { kind: 'delete-route', service, route: { map: 'exact', key: 'a.com' } };

const sectionOf = (text: string, kind: string, name: string) =>
  parseConfig(text)
    .find((section) => section.kind === kind && section.name === name)
    ?.lines.filter((line) => line.trim() !== '');
const slotsOf = (text: string, backend: string) =>
  (sectionOf(text, 'backend', backend) ?? []).flatMap((line) => readSlot('nomad', line) ?? []);

/** What a text holds besides ours. */
const foreignOf = (text: string) =>
  parseConfig(text)
    .filter(({ lines }) => !lines.some((line) => line.trim().startsWith('description nomad ')))
    .flatMap(({ lines }) => lines)
    .filter((line) => readSlot('nomad', line) === undefined && !isRoutingLine('nomad', line))
    .join('\n');

describe('writeSteps', () => {
  it('makes a backend with its mark, its settings and free slots', () => {
    expect(sectionOf(write(handWritten, create).text, 'backend', 'web')).to.deep.equal([
      'backend web from main',
      `  description nomad default/web ${settingsHash(settings, slotSettings)}`,
      '  mode http',
      '  balance roundrobin',
      '  option redispatch 1',
      '  option tcp-check',
      '  http-request disable-l7-retry if METH_POST or { method PATCH }',
      '  retry-on conn-failure empty-response',
      '  server nomad01 127.0.0.1:1 check inter 2s weight 100 disabled # {"owner":"nomad","service":"default/web"}',
      '  server nomad02 127.0.0.1:1 check inter 2s weight 100 disabled # {"owner":"nomad","service":"default/web"}',
    ]);
  });

  it('names no defaults section where there is none', () => {
    const { text } = write('', { ...create, settings: { ...settings, from: '' } });
    expect(text).to.match(/^\nbackend web\n/);
  });

  it('fills slots of a backend that it makes in the same go', () => {
    expect(slotsOf(write(handWritten, create, fill).text, 'web').map(({ state }) => state)).to.deep.equal([
      'serving',
      'free',
    ]);
  });

  it('writes a backend of ours anew and keeps what its slots serve', () => {
    const { text } = write(handWritten, create, fill, update);
    expect(sectionOf(text, 'backend', 'web')?.slice(0, 4)).to.deep.equal([
      'backend web',
      sectionOf(text, 'backend', 'web')?.[1],
      '  mode http',
      '  balance first',
    ]);
    expect(slotsOf(text, 'web').map(({ state, address, options }) => [state, address, options])).to.deep.equal([
      ['serving', '10.0.0.1', 'check inter 2s maxconn 7'],
      ['free', '127.0.0.1', 'check inter 2s maxconn 7'],
    ]);
  });

  it('gives the slots of a backend to the service that takes it over', () => {
    const { text } = write(handWritten, create, { ...update, service: 'default/next' });
    expect(new Set(slotsOf(text, 'web').map((slot) => slot.service))).to.deep.equal(new Set(['default/next']));
  });

  it('leaves no trace of a backend that it makes and removes', () => {
    expect(write(write(handWritten, create, fill).text, remove).text).to.equal(handWritten);
    expect(write(handWritten, remove).text).to.equal(handWritten);
  });

  it('adds slots behind the servers of somebody else, and takes away only those', () => {
    const { text } = write(handWritten, grow, fillLegacy);
    expect(
      sectionOf(text, 'backend', 'legacy')?.map((line) => line.trim().split(' ').slice(0, 2).join(' ')),
    ).to.deep.equal([
      'backend legacy',
      'balance leastconn',
      'option httpchk',
      'server old1',
      'server old2',
      'server nomad01',
      'server nomad02',
      '# Everything',
    ]);
    expect(write(text, removeSlots).text).to.equal(handWritten);
  });

  it('rewrites the words of the slots that it is told to', () => {
    const { text } = write(handWritten, grow, reword);
    expect(slotsOf(text, 'legacy').map(({ options }) => options)).to.deep.equal([
      'check inter 2s',
      'check inter 2s backup',
    ]);
  });

  const moves: readonly (readonly [what: string, steps: readonly Step[], slot: string])[] = [
    ['a filled slot: its address', [fill], 'serving 10.0.0.1:80 weight 100 of a-1'],
    ['a draining slot: its address, disabled', [fill, drain], 'draining 10.0.0.1:80 weight 100 of a-1'],
    ['a freed slot: parked', [fill, drain, free], 'free 127.0.0.1:1 weight 100 of '],
    ['another weight', [fill, weigh], 'serving 10.0.0.1:80 weight 5 of a-1'],
    ['a slot that is filled again', [fill, drain, fill], 'serving 10.0.0.1:80 weight 100 of a-1'],
  ];
  for (const [what, steps, expected] of moves) {
    it(`says of ${what}`, () => {
      const [slot] = slotsOf(write(handWritten, create, ...steps).text, 'web');
      expect(`${slot!.state} ${slot!.address}:${slot!.port} weight ${slot!.weight} of ${slot!.alloc}`).to.equal(
        expected,
      );
    });
  }

  it('leaves map rows to others, and a frontend alone that is not there', () => {
    const nowhere: Step = { ...install, frontend: 'nowhere' };
    expect(write(handWritten, setRoute, deleteRoute, nowhere)).to.deep.equal({ text: handWritten, actions: [] });
  });

  it('refuses to write into a backend that is not there: such a step is a bug', () => {
    expect(() => write(handWritten, fill)).to.throw('no backend web in the text that steps are written into');
  });

  describe('tells the process', () => {
    const process: readonly (readonly [what: string, step: Step, actions: readonly string[]])[] = [
      ['address and weight before the state', fill, ['address 10.0.0.1:80', 'weight 100', 'state ready']],
      ['no address that it could not resolve', { ...fill, address: 'app.internal' }, ['weight 100', 'state ready']],
      ['to drain', drain, ['state drain']],
      ['to take a slot out of service, and where nobody listens', free, ['state maint', 'address 127.0.0.1:1']],
      ['a weight', weigh, ['weight 5']],
    ];
    for (const [what, step, expected] of process) {
      it(what, () => {
        const { actions } = write(write(handWritten, create).text, step);
        expect(
          actions.map((action) => {
            expect([action.backend, action.server]).to.deep.equal(['web', 'nomad01']);
            if (action.kind === 'address') return `address ${action.address}:${action.port}`;
            return action.kind === 'weight' ? `weight ${action.weight}` : `state ${action.state}`;
          }),
        ).to.deep.equal(expected);
      });
    }

    it('in the order of the steps', () => {
      const { actions } = write(handWritten, create, fill, drain);
      expect(actions.map(({ kind }) => kind)).to.deep.equal(['address', 'weight', 'state', 'state']);
    });
  });

  it('says in the text what a view says after the same moves', () => {
    const { text } = write(handWritten, create);
    const rows = {
      exact: new Map<string, string>(),
      prefix: new Map<string, string>(),
      regex: new Map<string, string>(),
    };
    const viewOf = (of: string) => readView(of, 1, rows, 'nomad', paths, 'address');
    const anySlot = fc.constantFrom('nomad01', 'nomad02');
    const anyMove: fc.Arbitrary<SlotStep> = fc.oneof(
      fc.record({ slot: anySlot, port: fc.integer({ min: 2, max: 9 }) }).map((over) => ({ ...fill, ...over })),
      anySlot.map((slot) => ({ ...drain, slot })),
      fc.record({ slot: anySlot, weight: fc.integer({ min: 0, max: 256 }) }).map((over) => ({ ...weigh, ...over })),
    );
    const served: readonly SlotStep[] = [fill, { ...fill, slot: 'nomad02' }];
    fc.assert(
      fc.property(fc.array(anyMove, { maxLength: 6 }), fc.subarray(['nomad01', 'nomad02']), (changes, freed) => {
        const filled = write(text, ...served).text;
        const moves = [...changes, ...freed.map((slot): SlotStep => ({ ...free, slot }))];
        expect(viewOf(write(filled, ...moves).text).backends).to.deep.equal(moveSlots(viewOf(filled), moves).backends);
      }),
    );
  });

  describe('keeps every hand-written line with', () => {
    const ways: readonly (readonly [what: string, steps: readonly Step[]])[] = [
      ['create-backend', [create]],
      ['fill-slot, drain-slot, weigh-slot and free-slot', [create, fill, drain, weigh, free]],
      ['update-backend', [create, update]],
      ['remove-backend', [create, remove]],
      ['grow-slots', [grow]],
      ['update-slots', [grow, fillLegacy, reword]],
      ['remove-slots', [grow, removeSlots]],
      ['install-routing', [install]],
      ['set-route and delete-route', [setRoute, deleteRoute]],
      ['all of them', [create, grow, install, fill, fillLegacy, reword, update, setRoute]],
    ];
    for (const [what, steps] of ways) {
      it(what, () => {
        expect(foreignOf(write(handWritten, ...steps).text).trimEnd()).to.equal(handWritten.trimEnd());
        const eachByItself = steps.reduce((text, step) => write(text, step).text, handWritten);
        expect(foreignOf(eachByItself).trimEnd()).to.equal(handWritten.trimEnd());
      });
    }
  });
});
