import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { plainConfig } from '../lib/haproxy/dry-run.ts';
import type { Notice } from '../lib/model/notice.ts';
import type { Step } from '../lib/model/step.ts';
import { createScratch, linesOf } from './support/command-line.ts';
import type { RawRegistration } from './support/nomad-state.ts';
import { replayRecording, rowsIn, servingIn } from './support/replayed.ts';

const folder = 'fixtures/recordings';

interface Expected {
  readonly events: number;
  readonly reloads: number;
  /** Writes of the configuration without a reload. */
  readonly quiet: number;
  /** Backends that are kept although their services are gone. */
  readonly empty: readonly string[];
  readonly rows: readonly string[];
}

const shop = ['exact shop.example.com shop_api'];
const tenants = ['dev.example.com shop_api', 'shop.example.com prod_shop_api', 'stage.example.com stage_shop_api'];
const burst = Array.from({ length: 20 }, (_, team) => String(team).padStart(2, '0')).flatMap((team) =>
  Array.from({ length: 5 }, (_, n) => ({ backend: `team_${team}_svc_${n}`, domain: `t${team}-s${n}.example.com` })),
);

const expected: Readonly<Record<string, Expected>> = {
  'bad-tags.nomad-1.10': {
    ...{ events: 24, reloads: 4, quiet: 0, empty: [] },
    rows: ['badval', 'eq', 'good', 'spaces'].map((name) => `exact ${name}.example.com ${name}`),
  },
  'burst-100.nomad-1.10': {
    ...{ events: 224, reloads: 4, quiet: 57 },
    empty: burst.filter((_, n) => n < 50).map(({ backend }) => backend),
    rows: burst.map(({ backend, domain }) => `exact ${domain} ${backend}`),
  },
  'canary-promote.nomad-1.10': { events: 10, reloads: 1, quiet: 9, empty: [], rows: shop },
  'canary-promote.nomad-2.0': { events: 10, reloads: 1, quiet: 8, empty: [], rows: shop },
  'custom-backend.nomad-1.10': { events: 19, reloads: 1, quiet: 0, empty: [], rows: shop },
  'domains.nomad-1.10': {
    ...{ events: 15, reloads: 4, quiet: 0, empty: [] },
    rows: [
      'exact example.com site',
      'exact www.example.com site',
      'prefix tenant- tenants',
      'regex ^.*\\.assets\\.example\\.com$ assets',
    ],
  },
  'multi-port.nomad-1.10': { events: 8, reloads: 2, quiet: 2, empty: [], rows: ['exact app.example.com app'] },
  'namespaces.nomad-1.10': {
    ...{ events: 16, reloads: 3, quiet: 3, empty: ['prod_shop_api'] },
    rows: tenants.map((row) => `exact ${row}`),
  },
  'namespaces.nomad-2.0': {
    ...{ events: 16, reloads: 3, quiet: 3, empty: ['prod_shop_api'] },
    rows: tenants.map((row) => `exact ${row}`),
  },
  'node-drain.nomad-1.10': { events: 5, reloads: 1, quiet: 6, empty: [], rows: shop },
  'node-loss.nomad-1.10': { events: 9, reloads: 1, quiet: 11, empty: [], rows: shop },
  'port-label-rename.nomad-1.10': { events: 7, reloads: 1, quiet: 5, empty: [], rows: shop },
  'register-and-scale.nomad-1.10': { events: 10, reloads: 1, quiet: 5, empty: [], rows: shop },
  'register-and-scale.nomad-2.0': { events: 10, reloads: 1, quiet: 5, empty: [], rows: shop },
  'rolling-update.nomad-1.10': { events: 9, reloads: 1, quiet: 9, empty: [], rows: shop },
  'rolling-update.nomad-2.0': { events: 9, reloads: 1, quiet: 9, empty: [], rows: shop },
  'stop-and-start.nomad-1.10': { events: 12, reloads: 1, quiet: 5, empty: [], rows: shop },
  'stop-and-start.nomad-2.0': { events: 12, reloads: 1, quiet: 5, empty: [], rows: shop },
  'stop-purge.nomad-1.10': { events: 4, reloads: 1, quiet: 4, empty: ['shop_api'], rows: shop },
  'tag-change.nomad-1.10': { events: 20, reloads: 1, quiet: 6, empty: [], rows: shop },
  'task-crash.nomad-1.10': {
    ...{ events: 14, reloads: 2, quiet: 10, empty: ['grp', 'tsk'] },
    rows: ['exact grp.example.com grp', 'exact tsk.example.com tsk'],
  },
};

const onPurpose: Readonly<Record<string, readonly string[]>> = {
  'bad-tags.nomad-1.10': [
    'default/typo haproxy.enabled',
    'default/badval haproxy.weight',
    'default/badval haproxy.balance',
    'default/badval haproxy.check.type',
    'default/badre domain "([a-z"',
    'default/inject haproxy.check.path',
    'default/inject haproxy.check.host',
    'default/inject domain "inject.example.com bad"',
  ],
  'custom-backend.nomad-1.10': ['default/legacy-web backend legacy_web_backend does not exist'],
};

/** What Nomad has at the end, as it should serve: read from the fixture by means of its own. */
function servingAfter(scenario: string): Readonly<Record<string, readonly string[]>> {
  const { registrations } = JSON.parse(readFileSync(`${folder}/${scenario}.after.json`, 'utf8')) as {
    registrations: readonly RawRegistration[];
  };
  const serving: Record<string, string[]> = {};
  for (const { Namespace, ServiceName, Address, Port, Tags } of registrations) {
    const tags = new Map(Tags.map((tag) => tag.split('=').map((part) => part.trim()) as [string, string]));
    if (tags.get('haproxy.enable') !== 'true') continue;
    const name = ServiceName.replaceAll('-', '_');
    const weight = /^\d+$/.exec(tags.get('haproxy.weight') ?? '')?.[0] ?? '100';
    (serving[Namespace === 'default' ? name : `${Namespace}_${name}`] ??= []).push(`${Address}:${Port} ${weight}`);
  }
  for (const slots of Object.values(serving)) slots.sort();
  return serving;
}

function stepsIn(notices: readonly Notice[]): readonly Step[] {
  return notices.flatMap((notice) => (notice.kind === 'applied' ? notice.steps : []));
}

describe('recordings', () => {
  const scenarios = readdirSync(folder)
    .filter((name) => name.endsWith('.ndjson'))
    .map((name) => name.replace('.ndjson', ''));

  it('are all expected here', () => {
    expect(Object.keys(expected)).to.have.members(scenarios);
  });

  for (const [scenario, { events, reloads, quiet, empty, rows }] of Object.entries(expected)) {
    describe(scenario, () => {
      let replayed: Awaited<ReturnType<typeof replayRecording>>;
      before(async () => {
        replayed = await replayRecording(`${folder}/${scenario}.ndjson`);
      });

      it('ends with what Nomad has at the end', () => {
        const { end } = replayed;
        const gone = Object.fromEntries(empty.map((backend) => [backend, []]));
        expect(servingIn(end.config)).to.deep.equal({ ...servingAfter(scenario), ...gone });
      });

      it('ends with the routes of its services', () => {
        const { end } = replayed;
        expect(rowsIn(end.maps).toSorted()).to.deep.equal(rows.toSorted());
      });

      it(`costs ${reloads} reloads and ${quiet} writes without one, for ${events} events`, () => {
        const { end } = replayed;
        expect(end).to.include({ events, reloads, commits: reloads + quiet });
      });

      it('prints the same bytes again, one JSON object a line', async () => {
        const { stdout } = replayed;
        expect((await replayRecording(`${folder}/${scenario}.ndjson`)).stdout).to.equal(stdout);
        expect(linesOf(stdout).filter((line) => !/^\{"kind":".*\}$/.test(line))).to.deep.equal([]);
        expect(stdout).to.match(/\n\{"kind":"replay-finished".*\}\n$/);
      });

      it('has no problems but those that were made on purpose', () => {
        const { end } = replayed;
        const subjects = end.problems.flatMap((notice) => {
          if (notice.kind === 'service-problems')
            return notice.problems.map(({ subject }) => `${notice.service} ${subject}`);
          if (notice.kind === 'service-failed') return [`${notice.service} ${notice.failure.message}`];
          return [JSON.stringify(notice)];
        });
        expect([...new Set(subjects)]).to.deep.equal(onPurpose[scenario] ?? []);
      });
    });
  }

  it('canary-promote: the canary serves with its own weight until it is promoted', async () => {
    for (const version of ['1.10', '2.0']) {
      const { notices } = await replayRecording(`${folder}/canary-promote.nomad-${version}.ndjson`);
      const weights = stepsIn(notices).flatMap((step) =>
        step.kind === 'weigh-slot' || (step.kind === 'fill-slot' && step.weight !== 100)
          ? [`${step.slot} ${step.weight}`]
          : [],
      );
      expect(weights).to.deep.equal(['nomad04 10', 'nomad04 100']);
    }
  });

  describe('custom-backend.nomad-1.10, where that backend is', () => {
    const scratch = createScratch();
    const byHand = [
      'backend legacy_web_backend from main',
      '  balance leastconn',
      '  server old1 10.0.0.1:8080 check',
      '  server old2 10.0.0.2:8080 check backup',
    ].join('\n');
    after(scratch.remove);

    it('fills slots beside the servers written by hand, and drains them', async () => {
      const base = scratch.write('base.cfg', `${plainConfig}\n${byHand}\n`);
      const { end, notices } = await replayRecording(`${folder}/custom-backend.nomad-1.10.ndjson`, '--base', base);
      const ours = stepsIn(notices)
        .filter((step) => step.service === 'default/legacy-web')
        .map(({ kind }) => kind);
      expect(ours[0]).to.equal('grow-slots');
      for (const kind of ['fill-slot', 'drain-slot', 'free-slot'] as const) {
        expect(ours.filter((one) => one === kind)).to.have.length(4);
      }
      expect(ours).to.have.length(13);
      expect(end.config).to.include(`${byHand}\n  server nomad01 127.0.0.1:1 `);
      expect(servingIn(end.config)).to.have.property('legacy_web_backend').that.deep.equals([]);
      expect(end.problems).to.deep.equal([]);
    });
  });
});
