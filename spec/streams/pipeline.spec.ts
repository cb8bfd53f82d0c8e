import { expect } from 'chai';
import {
  concat,
  defer,
  EMPTY,
  map,
  merge,
  mergeMap,
  NEVER,
  of,
  Subject,
  throwError,
  timer,
  VirtualTimeScheduler,
  type Observable,
} from 'rxjs';
import { createTwin, plainConfig, type TwinState } from '../../lib/haproxy/dry-run.ts';
import type { HaproxyEnd } from '../../lib/haproxy/end.ts';
import type { Event } from '../../lib/model/events.ts';
import { FailureError } from '../../lib/model/failure.ts';
import type { Notice } from '../../lib/model/notice.ts';
import type { ProbeResult } from '../../operators/try-until-admitted.ts';
import { pipeline } from '../../streams/pipeline.ts';
import type { Ends, Settings, Timing } from '../../streams/pipeline-settings.ts';
import {
  accepted,
  appears,
  brief,
  deregistered,
  enabled,
  givenView,
  policy,
  registered,
  registration,
  serving,
  snapshot,
  tagged,
} from '../support/given.ts';

const minute = 60_000;
const web = registration({ tags: [enabled, 'haproxy.domain=a.com'] });
const second = registration({ port: 8002, createIndex: 20, tags: web.tags });
const db = registration({ service: 'db', port: 5432 });
const custom = tagged('haproxy.backend=custom', 'haproxy.backend.name=legacy');
const unreachable = new FailureError({ kind: 'unreachable', message: 'refused', where: 'GET /', hint: 'start it' });

const timing: Omit<Timing, 'scheduler'> = {
  quietMs: 25,
  maxQuietMs: 250,
  resyncMs: 0,
  backoffMs: () => 1000,
  reloadBurst: 3,
  reloadIntervalMs: 2000,
  admissionMaxWaitMs: minute,
  admissionFallbackMs: 2000,
  confirmLossAfterMs: 15_000,
};

type Fact = Event | Notice;
interface Setting {
  /** What Nomad says, at ms from the start. */
  readonly facts: readonly (readonly [atMs: number, fact: Fact])[];
  readonly config?: string;
  readonly end?: (twin: HaproxyEnd) => Partial<HaproxyEnd>;
  readonly probe?: Ends['probe'];
  readonly settings?: Partial<Settings>;
  readonly timing?: Partial<Timing>;
  /** What somebody else does to HAProxy. */
  readonly meanwhile?: readonly (readonly [atMs: number, act: (state: TwinState) => void])[];
  /** When to look (ms); until nothing is left to do if absent. */
  readonly until?: number;
}

/** Runs the whole pipeline over the twin, on virtual time. */
function run({ facts, config = plainConfig, end: over = () => ({}), until = Infinity, ...given }: Setting) {
  const { end, state } = createTwin(config, 'nomad');
  const scheduler = new VirtualTimeScheduler(undefined, until);
  const at = (ms: number) => timer(ms, scheduler);
  const nomad: Observable<Fact> = merge(...facts.map(([ms, fact]) => at(ms).pipe(map(() => fact))));
  const said: Notice[] = [];
  const ended: unknown[] = [];
  const others = merge(...(given.meanwhile ?? []).map(([ms, act]) => at(ms).pipe(map(() => act))));
  others.subscribe({
    next: (act) => {
      act(state);
    },
    error: (error: unknown) => ended.push(error),
  });
  pipeline(
    { nomad, haproxy: { ...end, ...over(end) }, probe: given.probe ?? (() => of('admit')) },
    { policy, prefix: 'haproxy', domainMap: true, maxLossPercent: 50, ...given.settings },
    { ...timing, scheduler, ...given.timing },
  ).subscribe({
    next: (notice) => said.push(notice),
    error: (error: unknown) => ended.push(error),
    complete: () => ended.push('completed'),
  });
  scheduler.flush();
  return {
    state,
    ended,
    said,
    kinds: said.map(({ kind }) => kind),
    steps: said.flatMap((notice) => (notice.kind === 'applied' ? notice.steps.map(brief) : [])),
    serving: [...state.text.matchAll(/^ {2}server (nomad\d+ \S+) (?!.*disabled)/gm)].map(([, slot]) => slot),
  };
}

describe('pipeline', () => {
  it('leads from a registration to a slot that serves, a row and the routing rule', () => {
    const {
      kinds,
      steps,
      serving: slots,
      state,
    } = run({
      facts: [
        [0, snapshot([])],
        [10, registered(web)],
      ],
    });
    expect(steps).to.deep.equal([
      'create-backend web of 4',
      'fill-slot web/nomad01 10.0.0.1:8001',
      'install-routing www',
      'set-route exact a.com web',
    ]);
    expect(kinds).to.deep.equal(['first-pass-done', 'applied', 'applied', 'settled']);
    expect(slots).to.deep.equal(['nomad01 10.0.0.1:8001']);
    expect([...state.maps.exact]).to.deep.equal([['a.com', 'web']]);
    expect(state.reloads).to.equal(1);
  });

  it('drains what is deregistered and parks it when its time is over', () => {
    const {
      steps,
      serving: slots,
      state,
      ended,
    } = run({
      facts: [
        [0, snapshot([web, second])],
        [1000, deregistered(second)],
      ],
    });
    expect(steps.slice(-2)).to.deep.equal(['drain-slot web/nomad02', 'free-slot web/nomad02']);
    expect([slots, state.reloads]).to.deep.equal([['nomad01 10.0.0.1:8001'], 1]);
    expect(ended).to.deep.equal(['completed']);
  });

  it('does not wait out a backoff when HAProxy is back', () => {
    const back: Notice = { kind: 'haproxy-connected', haproxy: '3.4.7', dataplane: 'v3.4.2' };
    const watch = new Subject<Notice>();
    let away = true;
    const { steps } = run({
      facts: [[0, snapshot([web])]],
      end: (twin) => ({
        apply: (view, planned) => (away ? throwError(() => unreachable) : twin.apply(view, planned)),
        watch,
      }),
      timing: { backoffMs: () => 30_000 },
      meanwhile: [
        [
          5000,
          () => {
            away = false;
            watch.next(back);
          },
        ],
      ],
      until: 5100,
    });
    expect(steps).to.include('create-backend web of 4');
  });

  it('counts reloads that HAProxy took without a turn in the same budget', () => {
    const own: Notice = { kind: 'applied', lane: 'commit', steps: [], reloaded: true, tookMs: 1 };
    const reloadsUntil = (until: number) =>
      run({ facts: [[0, snapshot([web])]], end: () => ({ watch: concat(of(own, own, own), NEVER) }), until }).state
        .reloads;
    expect([reloadsUntil(1900), reloadsUntil(2100)]).to.deep.equal([0, 1]);
  });

  it('scales within its slots, fifty times, without a reload', () => {
    const times = Array.from({ length: 50 }, (_, n) => 1000 + n * 400);
    const { state } = run({
      facts: [
        [0, snapshot([web])],
        ...times.flatMap((ms) => [[ms, registered(second)] as const, [ms + 200, deregistered(second)] as const]),
      ],
    });
    expect(state.reloads).to.equal(1);
  });

  it('moves instances in the running process alone where it can, and writes for the rest', () => {
    const lanes: string[] = [];
    run({
      facts: [
        [0, snapshot([web])],
        [1000, registered(second)],
        [2000, deregistered(web)],
        [40_000, registered({ ...second, tags: [enabled] })],
      ],
      end: (twin) => ({
        read: () => twin.read().pipe(map((view) => ({ ...view, runtime: 'address' as const }))),
        move: (view, steps) => {
          lanes.push(...steps.map(({ kind }) => `move ${kind}`));
          return twin.move(view, steps);
        },
        apply: (view, steps) => {
          lanes.push(...steps.map(({ kind }) => `apply ${kind}`));
          return twin.apply(view, steps);
        },
      }),
    });
    expect(lanes).to.deep.equal([
      'apply create-backend',
      'apply fill-slot',
      'apply install-routing',
      'apply set-route',
      'move fill-slot',
      'move drain-slot',
      'move free-slot',
      'apply delete-route',
    ]);
  });

  describe('with a snapshot that misses too much', () => {
    const all = [web, db, registration({ service: 'mail', port: 25 }), registration({ service: 'chat', port: 9000 })];
    const less = snapshot([db, registration({ service: 'late', port: 8100 })]);
    const steps = (result: ReturnType<typeof run>) => result.steps.slice(all.length * 2 + 2);

    it('applies what it adds, and what it misses once a second one says the same', () => {
      const held = run({
        facts: [
          [0, snapshot(all)],
          [1000, less],
        ],
        until: 900_000,
      });
      expect(steps(held)).to.deep.equal(['create-backend late of 4', 'fill-slot late/nomad01 10.0.0.1:8100']);
      expect(held.said).to.deep.include({
        kind: 'losses-held',
        services: ['default/web', 'default/mail', 'default/chat'],
        namespaces: [],
        why: '3 of 4 managed services are missing at once',
        confirmInMs: 15_000,
      });
      const confirmed = run({
        facts: [
          [0, snapshot(all)],
          [1000, less],
          [16_000, less],
        ],
        until: 20_000,
      });
      expect(steps(confirmed).slice(2)).to.have.members([
        'drain-slot web/nomad01',
        'drain-slot mail/nomad01',
        'drain-slot chat/nomad01',
      ]);
    });

    it("lets it go by an operator's word", () => {
      const result = run({
        facts: [
          [0, snapshot(all)],
          [1000, less],
          [2000, accepted('default/web', 'default/mail', 'default/chat')],
        ],
        until: 20_000,
      });
      expect(result.said).to.deep.include({
        kind: 'losses-released',
        services: ['default/web', 'default/mail', 'default/chat'],
        by: 'operator',
      });
      expect(steps(result).filter((step) => step.startsWith('drain-slot'))).to.have.length(3);
    });

    it('holds what an earlier run left when the first one misses it, and removes it by the second', () => {
      const config = givenView().settle(...all.map((one) => appears(serving(one)))).state.text;
      const held = run({ config, facts: [[0, snapshot([])]], until: 900_000 });
      expect([held.steps, held.state.text]).to.deep.equal([[], config]);
      const confirmed = run({
        config,
        facts: [
          [0, snapshot([])],
          [15_000, snapshot([])],
        ],
        until: 16_000,
      });
      expect(confirmed.steps.filter((step) => step.startsWith('drain-slot'))).to.have.length(4);
    });
  });

  describe('with a snapshot', () => {
    it('makes everything in one write with one reload, and says when the first pass is done', () => {
      const { kinds, state } = run({ facts: [[0, snapshot([web, second, db])]] });
      expect(kinds).to.deep.equal(['applied', 'applied', 'settled', 'settled', 'first-pass-done']);
      expect([state.commits, state.reloads]).to.deep.equal([1, 1]);
    });

    it('says that also of an empty cluster, once', () => {
      const facts = [0, 1000, 2000].map((ms) => [ms, snapshot([])] as const);
      expect(run({ facts }).kinds).to.deep.equal(['first-pass-done']);
    });

    it('says it once, also when services come back for more', () => {
      const { kinds } = run({
        facts: [
          [0, snapshot([web, second, custom])],
          [500, snapshot([web])],
          [900, snapshot([])],
        ],
      });
      expect(kinds.filter((kind) => kind === 'first-pass-done')).to.have.length(1);
    });

    it('writes nothing when everything is there already', () => {
      const { state: before } = givenView(plainConfig, { frontends: [] }).settle(appears(serving(db)));
      const { state } = run({
        facts: [[0, snapshot([db])]],
        config: before.text,
        settings: { policy: { ...policy, frontends: [] } },
      });
      expect([state.commits, state.text]).to.deep.equal([0, before.text]);
    });

    it('cleans up what went while the connector was away', () => {
      const stays = registration({ service: 'mail', port: 25 });
      const without = givenView().settle(appears(serving(stays))).state.text;
      const { text: config } = givenView(without).settle(appears(serving(db))).state;
      const { steps, state } = run({ facts: [[0, snapshot([stays])]], config });
      expect(steps).to.deep.equal(['drain-slot db/nomad01', 'free-slot db/nomad01', 'remove-backend db']);
      expect(state.text.trimEnd()).to.equal(without.trimEnd());
    });
  });

  describe('with a probe', () => {
    it('prepares the backend at once, and sends requests only to what serves', () => {
      const attempts: number[] = [];
      const probe = ({ port }: { readonly port: number }): Observable<ProbeResult> => {
        attempts.push(port);
        return of(attempts.length > 3 ? 'admit' : 'refuse');
      };
      const facts: Setting['facts'] = [
        [0, snapshot([])],
        [10, registered(db)],
      ];
      expect(run({ facts, probe, until: 100 }).steps).to.deep.equal(['create-backend db of 4']);
      attempts.length = 0;
      expect(run({ facts, probe }).steps).to.deep.equal([
        'create-backend db of 4',
        'fill-slot db/nomad01 10.0.0.1:5432',
      ]);
    });
  });

  describe('with settings', () => {
    it('leaves domains alone where the domain map is off', () => {
      const { steps } = run({ facts: [[0, snapshot([web])]], settings: { domainMap: false } });
      expect(steps).to.deep.equal(['create-backend web of 4', 'fill-slot web/nomad01 10.0.0.1:8001']);
    });

    it('reads tags of another prefix only', () => {
      const edge = registration({ tags: ['edge.enable=true'] });
      const { steps } = run({ facts: [[0, snapshot([edge, db])]], settings: { prefix: 'edge' } });
      expect(steps[0]).to.equal('create-backend web of 4');
      expect(steps).not.to.include('create-backend db of 4');
    });

    it('reads the tags of others only where it is told to', () => {
      const rule = 'traefik.http.routers.web.rule=Host(`a.example.com`)';
      const facts = [[0, snapshot([registration({ tags: ['traefik.enable=true', rule] })])]] as const;
      expect(run({ facts }).steps).to.deep.equal([]);
      expect(run({ facts, settings: { aliases: ['traefik'] } }).steps).to.deep.equal([
        'create-backend web of 4',
        'fill-slot web/nomad01 10.0.0.1:8001',
        'install-routing www',
        'set-route exact a.example.com web',
      ]);
    });

    it('says which tags of others it could not follow', () => {
      const { said } = run({
        facts: [[0, snapshot([registration({ tags: ['traefik.enable=true', 'traefik.udp.x=1'] })])]],
        settings: { aliases: ['traefik'] },
      });
      const problems = said.flatMap((notice) => (notice.kind === 'service-problems' ? notice.problems : []));
      expect(problems.map(({ subject }) => subject)).to.deep.equal(['traefik.udp.x', 'traefik tags']);
    });

    it('shows what passes its seams', () => {
      const seen: string[] = [];
      run({
        facts: [[0, snapshot([db])]],
        settings: {
          debug: {
            seams: new Set(['*']),
            trace: ({ seam, what }) => {
              if (what === 'value') seen.push(seam);
            },
          },
        },
      });
      expect(new Set(seen)).to.deep.equal(new Set(['events', 'admitted', 'changes', 'batches']));
    });
  });

  describe('says what owners should mend', () => {
    const bad = (value: string) => registration({ tags: [enabled, `haproxy.weight=${value}`] });
    const problemsIn = (...tags: readonly (readonly string[])[]) =>
      run({
        facts: [
          [0, snapshot([])],
          ...tags.map((list, n) => [1000 * (n + 1), registered(registration({ tags: list, modifyIndex: n }))] as const),
        ],
      }).said.flatMap((notice) =>
        notice.kind === 'service-problems' ? [notice.problems.map(({ text }) => text.split(' ')[0]).join()] : [],
      );

    it('once, again when it changes, and when all is well', () => {
      const [x, y, well] = [bad('x').tags, bad('y').tags, [enabled]];
      expect(problemsIn(x, [...x, 'haproxy.maxconn=5'], y, well, x)).to.deep.equal(['"x"', '"y"', '', '"x"']);
    });

    it('also of a service whose tags cannot be used at all', () => {
      expect(problemsIn(['haproxy.enabel=true'])).to.deep.equal(['is']);
    });

    it('and which domain another service holds', () => {
      const other = registration({ service: 'other', port: 9000, createIndex: 99, tags: web.tags });
      const { said, state } = run({ facts: [[0, snapshot([web, other])]] });
      expect(said.find(({ kind }) => kind === 'service-problems')).to.deep.include({
        service: 'default/other',
        problems: [{ subject: 'exact domain a.com', text: 'is held by default/web, which was there first' }],
      });
      expect([...state.maps.exact]).to.deep.equal([['a.com', 'web']]);
    });
  });

  describe('when a wish is refused', () => {
    const legacy = `${plainConfig}\nbackend legacy from main\n  balance roundrobin\n  server hand 10.9.9.9:80\n`;

    it('says so, and goes on with the others', () => {
      const { said, serving: slots } = run({ facts: [[0, snapshot([custom, db])]] });
      const failed = said.find((notice) => notice.kind === 'service-failed');
      expect(failed).to.deep.include({ service: 'default/web' });
      expect(failed?.failure.kind).to.equal('not-found');
      expect(slots).to.deep.equal(['nomad01 10.0.0.1:5432']);
    });

    it('looks again for a missing backend in the resync', () => {
      const { serving: slots, state } = run({
        facts: [
          [0, snapshot([custom])],
          [3 * minute, snapshot([custom])],
        ],
        timing: { resyncMs: minute },
        end: readingAnew,
        meanwhile: [[90_000, writing(legacy)]],
      });
      expect(slots).to.deep.equal(['nomad01 10.0.0.1:8001']);
      expect(state.text).to.contain(legacy.trimEnd());
    });

    it('looks again at all of it when HAProxy has moved', () => {
      const moved = new Subject<Notice>();
      const { serving: slots, said } = run({
        facts: [
          [0, snapshot([registration({ tags: [...custom.tags.slice(0, 1), 'haproxy.backend.name=legacy'] })])],
          [1000, snapshot([])],
        ],
        config: legacy.replace('roundrobin', 'source'),
        end: (twin) => ({ ...readingAnew(twin), watch: moved }),
        meanwhile: [
          [500, writing(legacy)],
          [
            600,
            () => {
              moved.next({ kind: 'haproxy-moved', what: 'somebody wrote' });
            },
          ],
          [
            900,
            () => {
              moved.complete();
            },
          ],
        ],
        until: 950,
      });
      expect(said.filter(({ kind }) => kind === 'service-failed')).to.have.length(1);
      expect(slots).to.deep.equal(['nomad01 10.0.0.1:8001']);
    });

    it('repairs in the resync what somebody changed by hand', () => {
      const { serving: slots, state } = run({
        facts: [
          [0, snapshot([db])],
          [3 * minute, snapshot([db])],
        ],
        timing: { resyncMs: minute },
        end: readingAnew,
        meanwhile: [[90_000, writing(plainConfig)]],
      });
      expect([slots, state.reloads]).to.deep.equal([['nomad01 10.0.0.1:5432'], 2]);
    });
  });

  describe('when an end fails', () => {
    it('waits for HAProxy, keeps what Nomad says meanwhile, and says once that it waits', () => {
      let reads = 0;
      const { kinds, serving: slots } = run({
        facts: [
          [0, snapshot([])],
          [10, registered(db)],
        ],
        end: (twin) => ({ read: () => defer(() => (reads++ < 3 ? throwError(() => unreachable) : twin.read())) }),
      });
      expect(kinds.filter((kind) => kind === 'haproxy-lost')).to.have.length(1);
      expect(kinds[0]).to.equal('haproxy-lost');
      expect(kinds.at(-1)).to.equal('settled');
      expect(slots).to.deep.equal(['nomad01 10.0.0.1:5432']);
    });

    it('tries again what could not be written', () => {
      let writes = 0;
      const { said, serving: slots } = run({
        facts: [[0, snapshot([db])]],
        end: (twin) => ({
          apply: (view, steps) => defer(() => (writes++ < 2 ? throwError(() => unreachable) : twin.apply(view, steps))),
        }),
      });
      const failed = said.flatMap((notice) => (notice.kind === 'service-failed' ? [notice.retryInMs] : []));
      expect([failed, slots]).to.deep.equal([[1000, 1000], ['nomad01 10.0.0.1:5432']]);
    });

    it('lets what Nomad and HAProxy say by themselves pass', () => {
      const lost: Notice = { kind: 'nomad-lost', failure: unreachable.failure, retryInMs: 500 };
      const connected: Notice = { kind: 'haproxy-connected', haproxy: '3.2', dataplane: '3.2' };
      const { said } = run({ facts: [[0, lost]], end: () => ({ watch: of(connected) }) });
      expect(said).to.deep.equal([connected, lost]);
    });

    it('errors with a bug', () => {
      const bug = new Error('bug');
      const { ended } = run({ facts: [[0, snapshot([db])]], end: () => ({ apply: () => throwError(() => bug) }) });
      expect(ended).to.deep.equal([bug]);
    });
  });

  it('starts anew with each subscription', () => {
    const { end } = createTwin(plainConfig, 'nomad');
    const scheduler = new VirtualTimeScheduler();
    const facts = concat(of(snapshot([db])), EMPTY);
    const all = pipeline(
      { nomad: facts, haproxy: end, probe: () => of('admit') },
      { policy, prefix: 'haproxy', domainMap: true, maxLossPercent: 50 },
      { ...timing, scheduler },
    );
    const kinds = [0, 1].map(() => {
      const said: string[] = [];
      all.subscribe({ next: ({ kind }) => said.push(kind), error: (error: unknown) => said.push(String(error)) });
      scheduler.flush();
      return said;
    });
    expect(kinds).to.deep.equal([
      ['applied', 'settled', 'first-pass-done'],
      ['settled', 'first-pass-done'],
    ]);
  });
});

/** An end that notices at once what somebody else has written. */
function readingAnew(twin: HaproxyEnd): Pick<HaproxyEnd, 'read'> {
  const forget = twin.read().pipe(mergeMap((view) => twin.apply({ ...view, version: -1 }, [])));
  return { read: () => forget.pipe(mergeMap(() => twin.read())) };
}

function writing(text: string) {
  return (state: TwinState) => {
    state.text = text;
    state.version += 1;
  };
}
