import { expect } from 'chai';
import { defer, map, of, throwError, VirtualTimeScheduler, type Observable } from 'rxjs';
import { createTwin, plainConfig } from '../../lib/haproxy/dry-run.ts';
import type { Applied, HaproxyEnd } from '../../lib/haproxy/end.ts';
import type { ServiceKey } from '../../lib/model/events.ts';
import { FailureError, type Failure } from '../../lib/model/failure.ts';
import type { Notice, Outcome } from '../../lib/model/notice.ts';
import { createBudget } from '../../lib/model/reload-budget.ts';
import type { ServiceChange } from '../../lib/model/service.ts';
import { createPlanner } from '../../streams/planner.ts';
import { routeChanges } from '../../streams/route-changes.ts';
import { customBackend } from '../../streams/sinks/custom-backend.ts';
import { domainMap } from '../../streams/sinks/domain-map.ts';
import { dynamicBackend } from '../../streams/sinks/dynamic-backend.ts';
import { appears, becomes, brief, goes, policy, registration, serving, stays, tagged } from '../support/given.ts';

const minute = 60_000;
const at = (port: number, service = 'web') => registration({ service, port, createIndex: port });
const one = serving(at(8001));
const two = serving(at(8001), at(8002));
const other = serving(at(9001, 'other'));
const missing = serving(tagged('haproxy.backend=custom', 'haproxy.backend.name=missing'));
const unreachable: Failure = { kind: 'unreachable', message: 'refused', where: 'GET /', hint: 'start it' };

/** What is said, as lines: `commit: create-backend web of 4`, `done web`, `again web in 30000`. */
function lineOf(said: Outcome | Notice): string {
  const nameOf = (key: ServiceKey) => key.replace('default/', '');
  switch (said.kind) {
    case 'applied':
      return `${said.lane}: ${said.steps.map(brief).join(', ')}`;
    case 'done':
      return `done ${nameOf(said.key)}`;
    case 'again':
      return `again ${nameOf(said.key)} in ${said.afterMs}`;
    case 'failed':
      return `failed ${nameOf(said.key)}: ${said.failure.kind}${said.afterMs === undefined ? '' : ` (${said.afterMs})`}`;
    default:
      return said.kind;
  }
}

/** The three sinks over the twin, with a clock that only the spec moves; `over` takes the twin's place in part. */
function start(over: (twin: HaproxyEnd) => Partial<HaproxyEnd> = () => ({}), burst = 3) {
  const { end, state } = createTwin(plainConfig, 'nomad');
  const scheduler = new VirtualTimeScheduler();
  const sinks = [dynamicBackend(policy), customBackend(policy), domainMap(policy)];
  const planner = createPlanner(policy, sinks, scheduler);
  const options = { budget: createBudget(burst, 2000, scheduler.now()), scheduler };
  const work = routeChanges(planner, { ...end, ...over(end) }, options);

  function retake(...changes: readonly ServiceChange[]): readonly string[] {
    const lines: string[] = [];
    work(changes).subscribe({
      next: (said) => lines.push(lineOf(said)),
      error: (error: unknown) => lines.push(`error: ${String(error)}`),
    });
    return lines;
  }

  return {
    state,
    planner,
    /** What comes of a batch, at once. */
    take: (...changes: readonly ServiceChange[]) => {
      planner.take(changes);
      return retake(...changes);
    },
    /** What comes of a batch that waited for its turn. */
    retake,
    wait: (ms: number) => {
      scheduler.frame += ms;
    },
  };
}

/** Somebody else writes before each of the next `times` writes of ours. */
function rival(times: number) {
  let left = times;
  const world = start((twin) => ({
    apply: (view, steps) =>
      defer(() => {
        if (left > 0) {
          left -= 1;
          world.state.text += `\nbackend rival${left}\n`;
          world.state.version += 1;
        }
        return twin.apply(view, steps);
      }),
  }));
  return world;
}

describe('routeChanges', () => {
  it('asks every sink, applies all steps in one turn, and says what came of each key', () => {
    const web = serving(tagged('haproxy.domain=a.com'));
    const { take, state } = start();
    expect(take(appears(web), appears(other))).to.deep.equal([
      'commit: create-backend web of 4, create-backend other of 4, fill-slot web/nomad01 10.0.0.1:8001, ' +
        'fill-slot other/nomad01 10.0.0.1:9001, install-routing www',
      'maps: set-route exact a.com web',
      'done web',
      'done other',
    ]);
    expect(take(stays(web), stays(other))).to.deep.equal(['done web', 'done other']);
    expect([state.commits, state.reloads]).to.deep.equal([1, 1]);
  });

  it('says what was applied also when HAProxy cannot be read after it', () => {
    let reads = 0;
    const { take } = start((twin) => ({
      read: () =>
        defer(() => {
          reads += 1;
          return reads > 1 ? throwError(() => new FailureError(unreachable)) : twin.read();
        }),
    }));
    expect(take(appears(one))).to.deep.equal([
      'commit: create-backend web of 4, fill-slot web/nomad01 10.0.0.1:8001',
      'failed web: unreachable',
    ]);
  });

  it('plans by the newest state that any lane has taken in', () => {
    const { planner, retake } = start();
    planner.take([appears(two)]);
    expect(retake(appears(one))).to.deep.equal([
      'commit: create-backend web of 4, fill-slot web/nomad01 10.0.0.1:8001, fill-slot web/nomad02 10.0.0.1:8002',
      'done web',
    ]);
  });

  describe('with time', () => {
    it('comes back when a drain is through, parks the slot, and is done', () => {
      const { take, wait } = start();
      take(appears(two));
      expect(take(becomes(two, one))).to.deep.equal(['slots: drain-slot web/nomad02', 'again web in 30000']);
      wait(10_000);
      expect(take(becomes(two, one))).to.deep.equal(['again web in 20000']);
      wait(20_000);
      expect(take(becomes(two, one))).to.deep.equal(['slots: free-slot web/nomad02', 'done web']);
    });
  });

  it('looks again where a service has gone, until nothing of it is left', () => {
    const { take, wait } = start();
    take(appears(one));
    const lines = [30_000, 5 * minute, 10 * minute].map((ms) => {
      const said = take(goes(one));
      wait(ms);
      return said.at(-1);
    });
    expect(lines).to.deep.equal(['again web in 30000', 'again web in 300000', 'again web in 600000']);
    expect(take(goes(one))).to.deep.equal(['commit: remove-backend web', 'done web']);
  });

  it('takes removals along with a reload that another batch needs', () => {
    const { take, wait } = start();
    take(appears(one));
    for (const ms of [30_000, 5 * minute, 0]) {
      take(goes(one));
      wait(ms);
    }
    expect(take(appears(other))).to.deep.equal([
      'commit: remove-backend web, create-backend other of 4, fill-slot other/nomad01 10.0.0.1:9001',
      'done other',
    ]);
    expect(take(goes(one))).to.deep.equal(['done web']);
  });

  it('drops the removal of what a service uses again, whichever lane saw to it', () => {
    const { planner, take, wait } = start();
    take(appears(one));
    for (const ms of [30_000, 5 * minute, 0]) {
      take(goes(one));
      wait(ms);
    }
    planner.take([appears(serving({ ...at(8001), id: 'another' }))]);
    expect(take(appears(other))).to.deep.equal([
      'commit: create-backend other of 4, fill-slot other/nomad01 10.0.0.1:9001',
      'done other',
    ]);
  });

  it('goes on with the others where one is refused', () => {
    const { take } = start();
    expect(take(appears(missing), appears(other))).to.deep.equal([
      'commit: create-backend other of 4, fill-slot other/nomad01 10.0.0.1:9001',
      'failed web: not-found',
      'done other',
    ]);
  });

  it('says also of what is refused when the rest of it is worth another look', () => {
    const { take } = start();
    take(appears(two));
    const change = becomes(two, missing);
    expect(take(change)).to.deep.equal(['slots: drain-slot web/nomad02', 'failed web: not-found (30000)']);
  });

  it('says of each service that HAProxy refuses, and only of those', () => {
    const rejected: Failure = { kind: 'rejected', message: 'no', where: 'backend web', hint: 'mend it' };
    const applied: Applied = {
      conflict: false,
      refused: new Map([['default/web', rejected]]),
      overtaken: new Set(),
      notices: [],
    };
    const { take } = start(() => ({ apply: () => of(applied) }));
    expect(take(appears(one), appears(other))).to.deep.equal(['done other', 'failed web: rejected']);
  });

  it('looks again at a service that took steps in the other lane meanwhile', () => {
    const { take } = start((twin) => ({
      apply: (view, steps) =>
        twin.apply(view, steps).pipe(map((done) => ({ ...done, overtaken: new Set<ServiceKey>(['default/web']) }))),
    }));
    expect(take(appears(one), appears(other)).slice(1)).to.deep.equal(['again web in 0', 'done other']);
  });

  it('tries again what is refused as a whole: it may be nobody’s fault', () => {
    const refused: Failure = { kind: 'rejected', message: 'a file is missing', where: 'haproxy.cfg', hint: 'bring it' };
    const { take } = start(() => ({ apply: () => throwError(() => new FailureError(refused)) }));
    expect(take(appears(one))).to.deep.equal(['failed web: rejected (30000)']);
  });

  it('does not look again, before something changes, at what HAProxy refused', () => {
    const refused: Failure = { kind: 'rejected', message: 'no', where: 'default/web', hint: 'correct it' };
    const moved = serving({ ...at(8001), tags: ['haproxy.enable=true', 'haproxy.backend.name=elsewhere'] });
    let refuse = false;
    const { take } = start((twin) => ({
      apply: (view, steps) =>
        refuse
          ? of({
              conflict: false,
              refused: new Map([[one.key, refused]]),
              overtaken: new Set<ServiceKey>(),
              notices: [],
            })
          : twin.apply(view, steps),
    }));
    take(appears(one));
    refuse = true;
    expect(take(becomes(one, moved))).to.deep.equal(['failed web: rejected']);
  });

  describe('lets a service that is refused elsewhere follow its instances where it is', () => {
    const refused: Failure = { kind: 'rejected', message: 'no', where: 'default/web', hint: 'correct it' };
    const elsewhere = (port: number) => ({
      ...at(port),
      tags: ['haproxy.enable=true', 'haproxy.backend.name=elsewhere'],
    });
    const moved = serving(elsewhere(8002), elsewhere(8003));
    const nothing: Applied = { conflict: false, refused: new Map(), overtaken: new Set(), notices: [] };

    it('by a write, where HAProxy refuses the service', () => {
      const { take, wait } = start((twin) => ({
        apply: (view, steps) =>
          steps.some(({ kind, service }) => kind === 'create-backend' && service === one.key) && view.version > 1
            ? of({ ...nothing, refused: new Map([[one.key, refused]]) })
            : twin.apply(view, steps),
      }));
      take(appears(two));
      expect(take(becomes(two, moved))).to.deep.equal([
        'slots: drain-slot web/nomad01, fill-slot web/nomad03 10.0.0.1:8003',
        'failed web: rejected (30000)',
      ]);
      wait(30_000);
      expect(take(stays(moved))).to.deep.equal(['slots: free-slot web/nomad01', 'failed web: rejected']);
    });

    it('by what the process takes, where HAProxy refuses the file', () => {
      const { take } = start((twin) => ({
        read: () => twin.read().pipe(map((view) => ({ ...view, runtime: 'state' as const }))),
        apply: (view, steps) =>
          view.version > 1 ? throwError(() => new FailureError(refused)) : twin.apply(view, steps),
      }));
      take(appears(two));
      expect(take(becomes(two, moved))).to.deep.equal([
        'slots: drain-slot web/nomad01',
        'failed web: rejected (30000)',
      ]);
    });
  });

  it('tells the other lane which services it is writing for', () => {
    const writing: string[] = [];
    const world = start((twin) => ({
      apply: (view, steps) =>
        defer(() => {
          writing.push(...world.planner.writing);
          return twin.apply(view, steps);
        }),
    }));
    world.take(appears(one), appears(other));
    expect([writing, [...world.planner.writing]]).to.deep.equal([['default/web', 'default/other'], []]);
  });

  it('takes to the running process alone what needs no write', () => {
    const lanes: string[] = [];
    const { take } = start((twin) => ({
      read: () => twin.read().pipe(map((view) => ({ ...view, runtime: 'address' as const }))),
      move: (view, steps) => (lanes.push('move'), twin.move(view, steps)),
      apply: (view, steps) => (lanes.push('apply'), twin.apply(view, steps)),
    }));
    take(appears(one));
    take(becomes(one, two));
    expect(lanes).to.deep.equal(['apply', 'move']);
  });

  describe('with few reloads', () => {
    it('defers what needs one, while slots that are there move on', () => {
      const { take, wait, state } = start(undefined, 1);
      take(appears(one));
      expect(take(appears(other), becomes(one, two))).to.deep.equal([
        'slots: fill-slot web/nomad02 10.0.0.1:8002',
        'again other in 2000',
        'done web',
      ]);
      wait(2000);
      expect(take(appears(other))).to.deep.equal([
        'commit: create-backend other of 4, fill-slot other/nomad01 10.0.0.1:9001',
        'done other',
      ]);
      expect(state.reloads).to.equal(2);
    });

    it('does not count a reload that did not happen', () => {
      let refuse = true;
      const { take } = start(
        (twin) => ({
          apply: (view, steps) => (refuse ? throwError(() => new FailureError(unreachable)) : twin.apply(view, steps)),
        }),
        1,
      );
      expect(take(appears(one))).to.deep.equal(['failed web: unreachable']);
      refuse = false;
      expect(take(appears(one)).at(-1)).to.equal('done web');
    });
  });

  describe('beside another writer', () => {
    it('reads and plans anew, and keeps what the other has written', () => {
      const { take, state } = rival(5);
      expect(take(appears(one)).at(-1)).to.equal('done web');
      expect([state.text.match(/^backend rival\d\b/gm)?.length, state.commits]).to.deep.equal([5, 1]);
    });

    it('gives up for now when that happens again and again', () => {
      const { take, state } = rival(6);
      expect(take(appears(one), appears(other))).to.deep.equal(['failed web: conflict', 'failed other: conflict']);
      expect(state.commits).to.equal(0);
      expect(take(appears(one)).at(-1)).to.equal('done web');
    });
  });

  describe('when HAProxy', () => {
    const failing = (kind: string): Observable<never> =>
      throwError(() => (kind === 'bug' ? new Error('bug') : new FailureError(unreachable)));

    it('cannot be read, fails every key of the batch, and goes on with the next', () => {
      let down = true;
      const { take } = start((twin) => ({ read: () => defer(() => (down ? failing('down') : twin.read())) }));
      expect(take(appears(one), appears(other))).to.deep.equal([
        'failed web: unreachable',
        'failed other: unreachable',
      ]);
      down = false;
      expect(take(appears(one), appears(other)).slice(1)).to.deep.equal(['done web', 'done other']);
    });

    it('cannot be written, fails every key of the batch', () => {
      const { take } = start(() => ({ apply: () => failing('down') }));
      expect(take(appears(one), appears(other))).to.deep.equal([
        'failed web: unreachable',
        'failed other: unreachable',
      ]);
    });

    it('shows a bug, errors', () => {
      expect(start(() => ({ read: () => failing('bug') })).take(appears(one))).to.deep.equal(['error: Error: bug']);
      expect(start(() => ({ apply: () => failing('bug') })).take(appears(one))).to.deep.equal(['error: Error: bug']);
    });
  });

  describe('says that the first pass is done', () => {
    const first = { ...appears(one), snapshot: true } as const;

    it('after the batch of a snapshot, whatever came of it, and only once', () => {
      const { take } = start();
      expect(take(appears(other)).at(-1)).to.equal('done other');
      expect(take(first, { ...appears(missing), snapshot: true }).at(-1)).to.equal('first-pass-done');
      expect(take(first).at(-1)).to.equal('done web');
    });

    it('after an empty batch, for which HAProxy is not asked', () => {
      const { take } = start(() => ({ read: () => throwError(() => new Error('asked')) }));
      expect(take()).to.deep.equal(['first-pass-done']);
      expect(take()).to.deep.equal([]);
    });
  });
});
