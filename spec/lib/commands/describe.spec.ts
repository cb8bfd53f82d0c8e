import { expect } from 'chai';
import { describeEvent, describeNotice, describeStep } from '../../../lib/commands/describe.ts';
import type { Event, Registration } from '../../../lib/model/events.ts';
import type { Failure } from '../../../lib/model/failure.ts';
import type { Notice } from '../../../lib/model/notice.ts';
import type { BackendSettings, SlotSettings, Step } from '../../../lib/model/step.ts';

const service = 'default/web';
const alloc = '5456bd7a-9fc0-c0dd-6131-cbee77f57577';
const registration: Registration = {
  ...{ id: `_nomad-task-${alloc}-group-web-web-http`, namespace: 'default', service: 'web' },
  ...{ address: '10.0.0.1', port: 8080, tags: [], alloc, job: 'web', node: 'n', createIndex: 1, modifyIndex: 1 },
};
const job = { namespace: 'default', id: 'web', createIndex: 1, modifyIndex: 1, stable: false, services: [] };
const failure: Failure = { kind: 'rejected', message: 'it is so', where: 'there', hint: 'change it' };
const slotSettings: SlotSettings = { check: { kind: 'none' }, backup: false, maxconn: 0 };
const settings: BackendSettings = { from: 'main', mode: 'http', balance: 'roundrobin', check: { kind: 'none' } };
const route = { map: 'exact', key: 'example.com' } as const;

describe('describeStep', () => {
  const common = { service, backend: 'web' } as const;
  const slots = ['nomad01', 'nomad02'];
  const said: readonly (readonly [Step, string])[] = [
    [
      { kind: 'create-backend', ...common, settings, slotSettings, slots },
      'create backend web with 2 slots for default/web',
    ],
    [{ kind: 'update-backend', ...common, settings, slotSettings }, 'update backend web'],
    [{ kind: 'remove-backend', ...common, dueAt: 0 }, 'remove backend web'],
    [{ kind: 'grow-slots', ...common, slotSettings, slots }, 'add 2 slots to backend web'],
    [{ kind: 'update-slots', ...common, slotSettings, slots }, 'update 2 slots of backend web'],
    [{ kind: 'remove-slots', ...common, slots, dueAt: 0 }, 'remove 2 slots from backend web'],
    [
      { kind: 'fill-slot', ...common, slot: 'nomad01', address: '::1', port: 80, weight: 7, alloc },
      'fill  web/nomad01 with [::1]:80 weight 7, allocation 5456bd7a',
    ],
    [{ kind: 'weigh-slot', ...common, slot: 'nomad01', weight: 7 }, 'weigh web/nomad01 7'],
    [{ kind: 'drain-slot', ...common, slot: 'nomad01' }, 'drain web/nomad01'],
    [{ kind: 'free-slot', ...common, slot: 'nomad01' }, 'free  web/nomad01'],
    [{ kind: 'set-route', service, route, backend: 'web' }, 'route exact example.com -> web'],
    [{ kind: 'delete-route', service, route }, 'route exact example.com deleted'],
    [{ kind: 'install-routing', service, frontend: 'www' }, 'install the routing rule in frontend www'],
  ];
  for (const [step, text] of said) {
    it(`says of ${step.kind}: ${text}`, () => {
      expect(describeStep(step)).to.equal(text);
    });
  }
});

describe('describeEvent', () => {
  const tagged = { ...registration, tags: ['haproxy.enable=true', 'two words', '\u001b[2J', 'x'.repeat(100)] };
  const said: readonly (readonly [Event, readonly string[]])[] = [
    [
      { kind: 'marks-found', marks: [{ service, backend: 'web', owned: true, routes: [] }] },
      ['HAProxy has default/web in backend web already'],
    ],
    [
      { kind: 'snapshot-taken', index: 1, registrations: [registration], jobs: [] },
      ['Nomad: snapshot with 1 registration, 0 jobs', '  default/web 10.0.0.1:8080, allocation 5456bd7a, no tags'],
    ],
    [
      { kind: 'service-registered', index: 1, registration: tagged },
      [
        'Nomad: registered default/web 10.0.0.1:8080, allocation 5456bd7a, ' +
          `tags haproxy.enable=true "two words" "\\u001b[2J" ${'x'.repeat(80)}...`,
      ],
    ],
    [
      { kind: 'service-deregistered', index: 1, namespace: 'default', id: registration.id, service: 'web' },
      ['Nomad: deregistered default/web, allocation 5456bd7a'],
    ],
    [
      { kind: 'service-deregistered', index: 1, namespace: 'default', id: 'by-hand', service: 'web' },
      ['Nomad: deregistered default/web, allocation by-hand'],
    ],
    [{ kind: 'job-registered', index: 1, job }, ['Nomad: job default/web registered']],
    [
      { kind: 'job-registered', index: 1, job: { ...job, stable: true } },
      ['Nomad: job default/web registered, stable'],
    ],
    [{ kind: 'job-deregistered', index: 1, namespace: 'default', id: 'web' }, ['Nomad: job default/web deregistered']],
    [
      { kind: 'instance-admitted', namespace: 'default', id: registration.id, address: '10.0.0.1', port: 8080 },
      ['Probe: 10.0.0.1:8080 answers, allocation 5456bd7a'],
    ],
    [
      { kind: 'losses-accepted', services: ['default/web', 'default/db'] },
      ['Operator: default/web, default/db may go'],
    ],
    [
      { kind: 'ghosts-seen', ghosts: [{ namespace: 'default', id: 'web-1', service: 'web', createIndex: 7 }] },
      ['Nomad: 1 registration without a living allocation'],
    ],
    [{ kind: 'snapshot-probed' }, []],
  ];
  for (const [event, lines] of said) {
    it(`says of ${event.kind}: ${lines.join(' / ')}`, () => {
      expect(describeEvent(event)).to.deep.equal(lines);
    });
  }
});

describe('describeNotice', () => {
  const steps: readonly Step[] = [{ kind: 'drain-slot', service, backend: 'web', slot: 'nomad01' }];
  const applied = { kind: 'applied', steps, reloaded: false, tookMs: 1 } as const;
  const done = '  drain web/nomad01';
  const said: readonly (readonly [Notice, readonly string[]])[] = [
    [{ ...applied, lane: 'commit', reloaded: true }, ['HAProxy, configuration with a reload:', done]],
    [{ ...applied, lane: 'slots' }, ['HAProxy, configuration without a reload:', done]],
    [{ ...applied, lane: 'runtime' }, ['HAProxy, running process:', done]],
    [{ ...applied, lane: 'maps' }, ['HAProxy, maps without a reload:', done]],
    [{ kind: 'nomad-connected', address: 'http://n:4646' }, ['Nomad: connected to http://n:4646']],
    [{ kind: 'nomad-lost', failure, retryInMs: 1 }, ['Nomad: lost: it is so. change it']],
    [{ kind: 'nomad-input-skipped', what: 'event 1', why: 'it is bad' }, ['Nomad: skipped event 1: it is bad']],
    [
      { kind: 'service-problems', service, problems: [{ subject: 'haproxy.weight', text: 'is bad' }] },
      ['default/web: haproxy.weight is bad'],
    ],
    [{ kind: 'service-problems', service, problems: [] }, ['default/web: no problems any more']],
    [{ kind: 'service-failed', service, failure }, ['default/web: it is so. change it']],
    [{ kind: 'haproxy-connected', haproxy: '3.4', dataplane: '3.4.2' }, ['HAProxy 3.4, Data Plane API 3.4.2']],
    [{ kind: 'haproxy-lost', failure }, ['HAProxy: lost: it is so. change it']],
    [{ kind: 'haproxy-moved', what: 'reloaded' }, ['HAProxy: reloaded by somebody else']],
    [
      { kind: 'losses-held', services: [service], namespaces: [], why: 'it is so', confirmInMs: 1 },
      ['Guard: holds 1 service: it is so'],
    ],
    [
      { kind: 'losses-released', services: [service, 'default/db'], by: 'snapshot' },
      ['Guard: a second snapshot misses them too: default/web, default/db'],
    ],
    [{ kind: 'drift-found', where: 'map', what: 'rows', differs: 'few', repair: 'mended' }, ['HAProxy: map: few']],
    [{ kind: 'haproxy-warning', text: 'it is so', hint: 'change it' }, ['HAProxy: it is so. change it']],
    [{ kind: 'snapshot-progress', read: 1, of: 2 }, []],
    [{ kind: 'snapshot-read', index: 1, services: 1, registrations: 1, reason: 'start' }, []],
    [{ kind: 'settled', service }, []],
    [{ kind: 'first-pass-done' }, []],
  ];
  for (const [notice, lines] of said) {
    it(`says of ${notice.kind}: ${lines.join(' / ')}`, () => {
      expect(describeNotice(notice)).to.deep.equal(lines);
    });
  }
});
