import { expect } from 'chai';
import { firstValueFrom } from 'rxjs';
import type { Applied, HaproxyEnd } from '../../lib/haproxy/end.ts';
import type { ServiceKey } from '../../lib/model/events.ts';
import type { BackendSettings, SlotSettings, Step } from '../../lib/model/step.ts';
import type { SlotView, View } from '../../lib/model/view.ts';

/** One HAProxy with `contractConfig`, and a second writer beside the end. */
export interface Contestant {
  readonly end: HaproxyEnd;
  /** Changes the configuration behind the end's back, and loads it. */
  readonly rewrite: (edit: (text: string) => string) => Promise<void>;
  /** Reloads so far. */
  readonly reloads: () => Promise<number>;
}

export const contractConfig = `global
  stats socket /var/run/haproxy-runtime-api.sock mode 600 level admin

defaults main
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s

frontend fe from main
  bind :8080
  default_backend by_hand

backend by_hand from main
  balance roundrobin
  server hand1 127.0.0.1:8090

backend fixed from main
  mode tcp
  balance source
`;

const service: ServiceKey = 'default/web';
const check = { kind: 'tcp', intervalMs: 2000 } as const;
const settings: BackendSettings = { from: 'main', mode: 'http', balance: 'roundrobin', check };
const slotSettings: SlotSettings = { check, backup: false, maxconn: 0 };
const slots = ['nomad01', 'nomad02'];
const at = { service, backend: 'web' } as const;
const fill = { ...at, kind: 'fill-slot', address: '127.0.0.1', port: 9001, weight: 100, alloc: 'a1' } as const;
const create: Step = { ...at, kind: 'create-backend', settings, slotSettings, slots };

/**
 * What an end has to do with steps, whether HAProxy is real or in memory: each spec goes on where the one before it left
 * off. What a text looks like, validation and failing reloads are the real one's alone.
 */
export function holdsTheContract(start: () => Promise<Contestant>): void {
  let contestant: Contestant;

  before(async () => {
    contestant = await start();
  });

  const read = () => firstValueFrom(contestant.end.read());

  /** Applies steps to HAProxy as it is, and tells what that cost. */
  async function apply(...steps: readonly Step[]) {
    const before = await read();
    const reloadsBefore = await contestant.reloads();
    const applied = await firstValueFrom(contestant.end.apply(before, steps));
    const view = await read();
    expect(applied).to.deep.include({ conflict: false, refused: new Map() });
    return {
      view,
      written: view.version - before.version,
      reloads: (await contestant.reloads()) - reloadsBefore,
      lanes: lanesOf(applied),
    };
  }

  it('reads what is there', async () => {
    const view = await read();
    expect([...view.backends.keys()].sort()).to.deep.equal(['by_hand', 'fixed']);
    expect(view.backends.get('by_hand')).to.deep.include({
      mode: 'http',
      dynamic: true,
      slots: [],
      foreignServers: ['hand1'],
      referenced: true,
    });
    expect(view.backends.get('fixed')).to.deep.include({ mode: 'tcp', dynamic: false, referenced: false });
    expect(view.frontends.get('fe')).to.deep.equal({ name: 'fe', mode: 'http', from: 'main', routed: false });
    expect(view.defaults).to.deep.equal(['main']);
    expect(view.maps).to.deep.equal({ exact: new Map(), prefix: new Map(), regex: new Map() });
  });

  it('reads once as long as nothing happens', async () => {
    expect(await read()).to.equal(await read());
  });

  it('makes a backend with filled slots, its rule and its rows in one write with one reload', async () => {
    const { view, ...cost } = await apply(
      create,
      { ...fill, slot: 'nomad01' },
      { service, kind: 'install-routing', frontend: 'fe' },
      { service, kind: 'set-route', route: { map: 'exact', key: 'web.example.com' }, backend: 'web' },
    );
    expect(cost).to.deep.equal({ written: 1, reloads: 1, lanes: ['commit reloaded', 'maps'] });
    const web = view.backends.get('web');
    expect(web).to.include({ mode: 'http', dynamic: true, referenced: false });
    expect(web?.mark?.service).to.equal(service);
    expect(web?.slots.map(stateOf)).to.deep.equal(['nomad01 serving 127.0.0.1:9001 100 a1', 'nomad02 free']);
    expect(view.frontends.get('fe')?.routed).to.equal(true);
    expect(view.backendsOf.get(service)).to.deep.equal(['web']);
    expect(view.maps.exact).to.deep.equal(new Map([['web.example.com', 'web']]));
    expect(view.rowsOf.get('web')).to.deep.equal([{ map: 'exact', key: 'web.example.com' }]);
  });

  it('fills, weighs, drains and frees slots in one write each, without a reload', async () => {
    const expected = { written: 1, reloads: 0, lanes: ['slots'] };
    const filled = await apply(
      { ...fill, slot: 'nomad02', address: '::1', port: 9002, weight: 7, alloc: 'a2' },
      { ...at, kind: 'weigh-slot', slot: 'nomad01', weight: 50 },
    );
    expect(filled).to.deep.include(expected);
    expect(slotsOf(filled.view)).to.deep.equal([
      'nomad01 serving 127.0.0.1:9001 50 a1',
      'nomad02 serving ::1:9002 7 a2',
    ]);
    const drained = await apply({ ...at, kind: 'drain-slot', slot: 'nomad01' });
    expect(drained).to.deep.include(expected);
    expect(slotsOf(drained.view)[0]).to.equal('nomad01 draining 127.0.0.1:9001 50 a1');
    const freed = await apply({ ...at, kind: 'free-slot', slot: 'nomad01' });
    expect(freed).to.deep.include(expected);
    expect(slotsOf(freed.view)[0]).to.equal('nomad01 free');
  });

  it('fills a slot with a host name by a reload', async () => {
    const { view, ...cost } = await apply({ ...fill, slot: 'nomad01', address: 'localhost' });
    expect(cost).to.deep.equal({ written: 1, reloads: 1, lanes: ['commit reloaded'] });
    expect(slotsOf(view)[0]).to.equal('nomad01 serving localhost:9001 100 a1');
  });

  it('adds slots, and changes the settings of a backend and all its slots', async () => {
    const grown = await apply({ ...at, kind: 'grow-slots', slotSettings, slots: ['nomad03'] });
    expect(grown).to.include({ written: 1, reloads: 1 });
    expect(slotsOf(grown.view)).to.have.length(3);
    const { view, ...cost } = await apply({
      ...at,
      kind: 'update-backend',
      settings: { ...settings, balance: 'leastconn' },
      slotSettings: { ...slotSettings, maxconn: 20 },
    });
    expect(cost).to.deep.equal({ written: 1, reloads: 1, lanes: ['commit reloaded'] });
    expect(view.backends.get('web')?.mark?.hash).to.not.equal(grown.view.backends.get('web')?.mark?.hash);
    expect(view.backends.get('web')?.slots.map(({ options }) => options)).to.deep.equal(
      Array<string>(3).fill('check inter 2s maxconn 20'),
    );
    expect(slotsOf(view)).to.deep.equal(slotsOf(grown.view));
  });

  it('has slots in a backend that is not its own, and takes them away again', async () => {
    const shared = { service, backend: 'by_hand' } as const;
    const grown = await apply(
      { ...shared, kind: 'grow-slots', slotSettings, slots },
      { ...fill, ...shared, slot: 'nomad02' },
    );
    expect(grown).to.include({ written: 1, reloads: 1 });
    expect(slotsOf(grown.view, 'by_hand')).to.deep.equal(['nomad01 free', 'nomad02 serving 127.0.0.1:9001 100 a1']);
    expect(grown.view.backends.get('by_hand')).to.deep.include({ foreignServers: ['hand1'] });
    expect(grown.view.backends.get('by_hand')?.mark).to.equal(undefined);
    expect([...(grown.view.backendsOf.get(service) ?? [])].sort()).to.deep.equal(['by_hand', 'web']);
    const updated = await apply({
      ...shared,
      kind: 'update-slots',
      slotSettings: { ...slotSettings, backup: true },
      slots,
    });
    expect(updated.view.backends.get('by_hand')?.slots.map(({ options }) => options)).to.deep.equal(
      Array<string>(2).fill('check inter 2s backup'),
    );
    const { view } = await apply({ ...shared, kind: 'remove-slots', slots, dueAt: 0 });
    expect(view.backends.get('by_hand')).to.deep.include({ slots: [], foreignServers: ['hand1'] });
  });

  it('sets, changes and deletes rows of all three maps without a configuration write', async () => {
    const set = (map: 'exact' | 'prefix' | 'regex', key: string, backend = 'web'): Step => ({
      service,
      kind: 'set-route',
      route: { map, key },
      backend,
    });
    const { view, ...cost } = await apply(
      set('exact', 'two.example.com'),
      set('prefix', 'api.'),
      set('regex', '^z[0-9]+\\.example\\.com'),
      set('regex', '^a[0-9]+\\.example\\.com'),
    );
    expect(cost).to.deep.equal({ written: 0, reloads: 0, lanes: ['maps'] });
    expect([...view.maps.regex.keys()]).to.deep.equal(['^z[0-9]+\\.example\\.com', '^a[0-9]+\\.example\\.com']);
    const changed = await apply(
      { service, kind: 'delete-route', route: { map: 'exact', key: 'web.example.com' } },
      { service, kind: 'delete-route', route: { map: 'regex', key: '^z[0-9]+\\.example\\.com' } },
      set('exact', 'two.example.com', 'by_hand'),
    );
    expect(changed).to.include({ written: 0, reloads: 0 });
    expect(changed.view.maps).to.deep.equal({
      exact: new Map([['two.example.com', 'by_hand']]),
      prefix: new Map([['api.', 'web']]),
      regex: new Map([['^a[0-9]+\\.example\\.com', 'web']]),
    });
  });

  it('writes nothing over what somebody else wrote since the view was read', async () => {
    const before = await read();
    await contestant.rewrite((text) => `${text}\nbackend newcomer from main\n  balance first\n`);
    const applied = await firstValueFrom(
      contestant.end.apply(before, [{ ...at, kind: 'drain-slot', slot: 'nomad02' }]),
    );
    expect(applied).to.deep.include({ conflict: true, notices: [] });
    const view = await read();
    expect([...view.backends.keys()]).to.include('newcomer');
    expect(slotsOf(view)[1]).to.match(/^nomad02 serving/);
  });

  it('removes a backend with a row that led to it', async () => {
    const { view, ...cost } = await apply(
      { service, kind: 'delete-route', route: { map: 'prefix', key: 'api.' } },
      { ...at, kind: 'remove-backend', dueAt: 0 },
    );
    expect(cost).to.deep.equal({ written: 1, reloads: 1, lanes: ['commit reloaded', 'maps'] });
    expect([...view.backends.keys()].sort()).to.deep.equal(['by_hand', 'fixed', 'newcomer']);
    expect(view.maps.prefix.size).to.equal(0);
    expect(view.backendsOf.has(service)).to.equal(false);
  });
}

function slotsOf(view: View, backend = 'web'): readonly string[] {
  return view.backends.get(backend)?.slots.map(stateOf) ?? [];
}

function stateOf({ name, state, address, port, weight, alloc }: SlotView): string {
  return state === 'free' ? `${name} free` : `${name} ${state} ${address}:${port} ${weight} ${alloc}`;
}

function lanesOf({ notices }: Applied): readonly string[] {
  const lanes = notices.flatMap((notice) =>
    notice.kind === 'applied' ? [`${notice.lane}${notice.reloaded ? ' reloaded' : ''}`] : [],
  );
  return [...new Set(lanes)].sort();
}
