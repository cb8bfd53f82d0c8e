import { expect } from 'chai';
import fc from 'fast-check';
import { hiding } from '../../lib/secrets.ts';
import { createStatusBoard } from '../../lib/status-board.ts';
import type { ServiceKey } from '../../lib/model/events.ts';
import type { Kept } from '../../lib/model/kept.ts';
import type { Service } from '../../lib/model/service.ts';
import type { View } from '../../lib/model/view.ts';
import { appears, enabled, givenView, goes, registration, serving } from '../support/given.ts';

const key = 'default/web';
const web = serving(registration({ tags: [enabled, 'haproxy.domain=a.com'] }));
const db = serving(registration({ service: 'db', id: 'db-1', port: 5432 }));

interface Told {
  readonly at: number;
  readonly services: readonly { readonly service: string; readonly state: string }[];
  readonly [part: string]: unknown;
}

function startBoard(hide = hiding([])) {
  const services = new Map<ServiceKey, Service | undefined>();
  let view: View | undefined;
  let now = 1000;
  const kept = new Map<Kept, () => number>();
  const board = createStatusBoard({
    version: '1.2.3',
    dryRun: false,
    ready: () => ({ ready: true, reasons: [] }),
    hide,
    now: () => (now += 1),
    measure: (what, entries) => kept.set(what, entries),
  });
  board.onlooker.see({ services, view: () => view });
  return {
    ...board,
    rows: () => kept.get('status_rows')?.(),
    /** What the planner would have before it. */
    show: (world: View, ...shown: readonly (readonly [ServiceKey, Service | undefined])[]) => {
      view = world;
      for (const [name, service] of shown) {
        services.set(name, service);
        board.onlooker.touch(name);
      }
    },
    wholeNow: () => JSON.parse(board.whole()) as Told,
    newsNow: () => {
      const text = board.news();
      return text === undefined ? undefined : (JSON.parse(text) as Told);
    },
  };
}

describe('The status board', () => {
  it('tells everything, services in order', () => {
    const { show, wholeNow } = startBoard();
    show(givenView().settle(appears(web), appears(db)).view(), [key, web], ['default/db', db]);
    const whole = wholeNow();
    expect(whole.services.map(({ service }) => service)).to.deep.equal(['default/db', key]);
    expect(Object.keys(whole)).to.deep.equal(
      'at about ready nomad haproxy snapshot counts reloads latency warnings held ghosts services'.split(' '),
    );
    expect(whole['about']).to.deep.include({ version: '1.2.3', startedAt: 1001, dryRun: false });
  });

  it('tells as news what has changed, and only that, and once', () => {
    const { show, observe, newsNow, onNews } = startBoard();
    let calls = 0;
    newsNow();
    onNews(() => (calls += 1));
    expect(newsNow()).to.equal(undefined);
    show(givenView().settle(appears(web)).view(), [key, web]);
    observe({ kind: 'nomad-connected', address: 'n' });
    expect(calls).to.equal(2);
    const news = newsNow()!;
    expect(Object.keys(news)).to.deep.equal(['at', 'nomad', 'services']);
    expect(news.services.map(({ service, state }) => [service, state])).to.deep.equal([[key, 'serving']]);
    expect(newsNow()).to.equal(undefined);
    observe({ kind: 'settled', service: key });
    expect(newsNow()).to.equal(undefined);
  });

  it('says that a service is gone, and keeps nothing of it', () => {
    const { show, newsNow, rows } = startBoard();
    const world = givenView(undefined, { drainMs: 0, retentionMs: 0, removalMaxWaitMs: 0 }).settle(appears(web));
    show(world.view(), [key, web]);
    newsNow();
    expect(rows()).to.equal(1);
    show(world.settle(goes(web)).view(), [key, undefined]);
    expect(newsNow()!.services).to.deep.equal([{ service: key, state: 'gone' }]);
    expect(rows()).to.equal(0);
  });

  it('counts what passes', () => {
    const { count, wholeNow } = startBoard();
    for (const what of ['events', 'events', 'batches'] as const) count(what);
    expect(wholeNow()['counts']).to.deep.include({ events: 2, changes: 0, batches: 1 });
  });

  it('glances at the slots, and at what is not well', () => {
    const { show, observe, glance } = startBoard();
    show(givenView().settle(appears(web)).view(), [key, web]);
    observe({ kind: 'service-problems', service: key, problems: [{ subject: 'a', text: 'b' }] });
    expect(glance()).to.deep.equal({ slots: { serving: 1, draining: 0, free: 3 }, problematic: 1, failing: 0 });
  });

  it('keeps nothing of services that came and went while nobody looked', () => {
    const { observe, onlooker, rows } = startBoard();
    for (let n = 0; n < 20_000; n += 1) {
      const service = `default/batch-${n}` as const;
      const step = { kind: 'free-slot', service, backend: 'b', slot: 's' } as const;
      observe({ kind: 'applied', lane: 'runtime', steps: [step], reloaded: false, tookMs: 1 });
      onlooker.touch(service);
    }
    expect(rows()).to.be.below(3000);
  });

  it('holds no secret, in whatever text one comes', () => {
    const secret = fc.string({ unit: 'binary', minLength: 8, maxLength: 20 });
    const around = fc.constantFrom('', ' ', '"', '\\', 'x', '\n');
    fc.assert(
      fc.property(secret, around, (password, text) => {
        const { observe, whole, news } = startBoard(hiding([password]));
        const said = `${text}${password}${text}`;
        const failure = { kind: 'unreachable', message: said, where: said, hint: said } as const;
        observe({ kind: 'nomad-lost', failure, retryInMs: 1 });
        observe({ kind: 'haproxy-lost', failure });
        observe({ kind: 'haproxy-warning', text: said, hint: said });
        observe({ kind: 'service-failed', service: key, failure });
        observe({ kind: 'service-problems', service: key, problems: [{ subject: said, text: said }] });
        const strings = [whole(), news() ?? ''].flatMap((json) => stringsOf(JSON.parse(json)));
        expect(strings).to.include('unreachable');
        expect(strings.filter((one) => one.includes(password))).to.deep.equal([]);
      }),
      { numRuns: 200 },
    );
  });

  it('stays JSON whatever the secret is', () => {
    for (const password of ['true', 'null', '"":{', 'service', '1001']) {
      const { show, wholeNow } = startBoard(hiding([password]));
      show(givenView().settle(appears(web)).view(), [key, web]);
      expect(wholeNow().services).to.have.length(1);
    }
  });
});

function stringsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsOf) : [];
}
