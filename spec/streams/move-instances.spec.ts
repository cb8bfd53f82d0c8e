import { expect } from 'chai';
import { map, of, throwError, toArray, VirtualTimeScheduler, type Observable } from 'rxjs';
import { createTwin, plainConfig } from '../../lib/haproxy/dry-run.ts';
import type { Applied, HaproxyEnd } from '../../lib/haproxy/end.ts';
import { FailureError } from '../../lib/model/failure.ts';
import type { Notice, Outcome } from '../../lib/model/notice.ts';
import { createBudget } from '../../lib/model/reload-budget.ts';
import type { ServiceChange } from '../../lib/model/service.ts';
import type { View } from '../../lib/model/view.ts';
import { moveInstances } from '../../streams/move-instances.ts';
import { createPlanner } from '../../streams/planner.ts';
import { routeChanges } from '../../streams/route-changes.ts';
import { customBackend } from '../../streams/sinks/custom-backend.ts';
import { domainMap } from '../../streams/sinks/domain-map.ts';
import { dynamicBackend } from '../../streams/sinks/dynamic-backend.ts';
import { appears, becomes, goes, policy, registration, serving } from '../support/given.ts';

type Said = Outcome | Notice | readonly ServiceChange[];

describe('moveInstances', () => {
  const one = registration({ port: 8001 });
  const two = registration({ port: 8002 });
  const single = serving(one);
  const pair = serving(one, two);

  /** Both lanes over one twin that takes runtime steps of this sort; `web` is there with one instance in four slots. */
  function lanes(runtime: View['runtime'], over: Partial<HaproxyEnd> = {}) {
    const scheduler = new VirtualTimeScheduler();
    const twin = createTwin(plainConfig, 'nomad');
    const haproxy: HaproxyEnd = {
      ...twin.end,
      read: () => twin.end.read().pipe(map((view) => ({ ...view, runtime }))),
      ...over,
    };
    const planner = createPlanner(policy, [dynamicBackend(policy), customBackend(policy)], scheduler);
    const write = routeChanges(planner, twin.end, { budget: createBudget(3, 2000, scheduler.now()), scheduler });
    const move = moveInstances(planner, haproxy);
    valueOf(write([appears(single)]));
    return { planner, twin, move: (batch: readonly ServiceChange[]) => summary(valueOf(move(batch))) };
  }

  it('takes an instance in at once where the process can be given its address', () => {
    const { move, twin } = lanes('address');
    expect(move([becomes(single, pair)])).to.deep.equal(['slots: fill-slot', 'done default/web']);
    expect(twin.state.text).to.match(/server nomad02 10\.0\.0\.1:8002 /);
  });

  it('only drains where the process can be given a state, and hands the rest over', () => {
    const { move } = lanes('state');
    expect(move([becomes(single, pair)])).to.deep.equal(['handed over: default/web', 'handed-over default/web']);
    expect(move([becomes(pair, single)])).to.deep.equal(['done default/web']);
    expect(move([goes(single)])).to.deep.equal([
      'slots: drain-slot',
      'handed over: default/web',
      'handed-over default/web',
    ]);
  });

  it('hands everything over, unplanned, where nothing can be done to the process alone', () => {
    const { move } = lanes('nothing');
    expect(move([goes(single)])).to.deep.equal(['handed over: default/web', 'handed-over default/web']);
  });

  it('does what can be done of a service whose rest needs the writer', () => {
    const { move } = lanes('address');
    const many = serving(...[8002, 8003, 8004, 8005, 8006].map((port) => registration({ port })));
    expect(move([becomes(single, many)])).to.deep.equal([
      'slots: drain-slot, fill-slot, fill-slot, fill-slot',
      'handed over: default/web',
      'handed-over default/web',
    ]);
  });

  it('leaves a drain to the writer where rows are to lead elsewhere first', () => {
    const scheduler = new VirtualTimeScheduler();
    const { end, state } = createTwin(plainConfig, 'nomad');
    const haproxy = { ...end, read: () => end.read().pipe(map((view) => ({ ...view, runtime: 'address' as const }))) };
    const sinks = [dynamicBackend(policy), domainMap(policy)];
    const planner = createPlanner(policy, sinks, scheduler);
    const write = routeChanges(planner, end, { budget: createBudget(9, 2000, scheduler.now()), scheduler });
    const move = moveInstances(planner, haproxy);
    const tags = ['haproxy.enable=true', 'haproxy.domain=shop.example.com'];
    const blue = serving(registration({ service: 'blue', tags }));
    const green = serving(registration({ service: 'green', port: 9001, tags }));
    const denied = { ...green, denials: [{ claim: 'exact domain shop.example.com', holder: blue.key }] };
    valueOf(write([appears(blue), appears(denied)]));
    expect(summary(valueOf(move([becomes(denied, green), goes(blue)])))[0]).to.match(/^handed over/);
    expect(state.text).to.match(/server nomad01 10\.0\.0\.1:8001 .*weight 100 # .*default\/blue/);
  });

  it('leaves many slots to one write, but never a drain', () => {
    const { move, twin } = lanes('address');
    const tags = ['haproxy.enable=true', 'haproxy.slots=64'];
    const before = serving(one);
    const many = serving(...Array.from({ length: 21 }, (_, n) => registration({ port: 9001 + n, tags })));
    twin.state.text = twin.state.text.replace(/\n {2}server nomad04 .*/, (line) =>
      Array.from({ length: 30 }, (_, n) => line.replace('nomad04', `nomad${n + 10}`)).join(''),
    );
    twin.state.version += 1;
    expect(move([becomes(before, many)])[0]).to.equal('slots: drain-slot');
    expect(twin.state.text).to.not.match(/10\.0\.0\.1:9001/);
  });

  it('hands a snapshot over whole, and an empty one too', () => {
    const { move } = lanes('address');
    const other = serving(registration({ service: 'api' }));
    expect(move([{ ...becomes(single, pair), snapshot: true }, appears(other)])).to.deep.equal([
      'handed over: default/web, default/api',
      'handed-over default/web',
      'handed-over default/api',
    ]);
    expect(move([])).to.deep.equal(['handed over: ']);
  });

  it('hands over what happens to a service while the writer is busy with it', () => {
    const { move, planner } = lanes('address');
    planner.writing.add('default/web');
    expect(move([becomes(single, pair)])).to.deep.equal([
      'slots: fill-slot',
      'handed over: default/web',
      'handed-over default/web',
    ]);
  });

  it('hands over a service whose wish cannot be granted, for the writer to say so', () => {
    const { move } = lanes('address');
    const custom = serving(registration({ service: 'old', tags: ['haproxy.enable=true', 'haproxy.backend=custom'] }));
    expect(move([appears(custom)])).to.deep.equal(['handed over: default/old', 'handed-over default/old']);
  });

  it('says once what owners should mend', () => {
    const { move } = lanes('address');
    const misspelt = serving(registration({ tags: ['haproxy.enable=true', 'haproxy.weigth=3'] }));
    expect(move([becomes(single, misspelt)])[0]).to.equal('problems of default/web');
    expect(move([becomes(misspelt, misspelt)])).to.deep.equal(['done default/web']);
  });

  it('hands the batch over when a call fails', () => {
    const failure = { kind: 'unreachable', message: 'gone', where: 'PUT', hint: 'wait' } as const;
    const { move } = lanes('address', { move: () => throwError(() => new FailureError(failure)) });
    expect(move([becomes(single, pair)])).to.deep.equal(['handed over: default/web', 'handed-over default/web']);
  });

  it('plans anew when HAProxy has moved meanwhile', () => {
    let conflicts = 2;
    const { end } = createTwin(plainConfig, 'nomad');
    const nothing: Omit<Applied, 'conflict'> = { refused: new Map(), overtaken: new Set(), notices: [] };
    const { move } = lanes('address', {
      move: () => of({ ...nothing, conflict: (conflicts -= 1) >= 0 }),
      apply: end.apply,
    });
    expect(move([becomes(single, pair)])).to.deep.equal(['done default/web']);
    expect(conflicts).to.equal(-1);
  });

  it('does not swallow a bug', () => {
    const { move } = lanes('address', { move: () => throwError(() => new TypeError('bug')) });
    expect(() => move([becomes(single, pair)])).to.throw('bug');
  });
});

function valueOf(said: Observable<Said>): readonly Said[] {
  let values: readonly Said[] = [];
  let failed: Error | undefined;
  said.pipe(toArray()).subscribe({
    next: (all) => (values = all),
    error: (error: unknown) => (failed = error as Error),
  });
  if (failed) throw failed;
  return values;
}

function summary(said: readonly Said[]): readonly string[] {
  return said.map((one) => {
    if (!('kind' in one)) return `handed over: ${one.map(({ key }) => key).join(', ')}`;
    switch (one.kind) {
      case 'applied':
        return `${one.lane}: ${one.steps.map(({ kind }) => kind).join(', ')}`;
      case 'again':
        return `again ${one.key} ${one.afterMs}`;
      case 'done':
      case 'failed':
      case 'handed-over':
        return `${one.kind} ${one.key}`;
      case 'service-problems':
        return `problems of ${one.service}`;
      default:
        return one.kind;
    }
  });
}
