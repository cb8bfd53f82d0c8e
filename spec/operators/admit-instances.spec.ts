import { expect } from 'chai';
import { concat, NEVER, type Observable, of, Subject, take, tap, throwError, VirtualTimeScheduler } from 'rxjs';
import type { Event, Job, Registration } from '../../lib/model/events.ts';
import { admitInstances, type Probe } from '../../operators/admit-instances.ts';
import type { ProbeResult } from '../../operators/try-until-admitted.ts';
import { marbles } from '../support/marbles.ts';

function instance(id: string, changes: Partial<Registration> = {}): Registration {
  return {
    id,
    namespace: 'default',
    service: 'web',
    address: '10.0.0.1',
    port: id.charCodeAt(0),
    tags: ['haproxy.enable=true'],
    alloc: '',
    job: 'shop',
    node: '',
    createIndex: 1,
    modifyIndex: 1,
    ...changes,
  };
}

function job(modifyIndex: number, id = 'shop'): Job {
  const service = { name: 'web', portLabel: 'http', group: 'web', checks: [], count: 1, canaries: 0, scalingMax: 0 };
  return { namespace: 'default', id, createIndex: 1, modifyIndex, stable: true, services: [service] };
}

const registered = (registration: Registration): Event => ({ kind: 'service-registered', index: 1, registration });
const deregistered = (id: string): Event => ({
  kind: 'service-deregistered',
  index: 1,
  namespace: 'default',
  id,
  service: 'web',
});
const snapshot = (registrations: readonly Registration[], jobs: readonly Job[] = []): Event => ({
  kind: 'snapshot-taken',
  index: 1,
  registrations,
  jobs,
});
const admitted = ({ namespace, id, address, port }: Registration): Event => ({
  kind: 'instance-admitted',
  namespace,
  id,
  address,
  port,
});

const a = instance('a');
const b = instance('b');
const c = instance('c');
const moved = instance('a', { port: 9999 });

/** Small letters come from Nomad, capitals are what the operator adds. */
const events = {
  a: registered(a),
  b: registered(b),
  c: registered(c),
  m: registered(moved),
  g: deregistered('a'),
  s: snapshot([a, b]),
  t: snapshot([b]),
  e: snapshot([]),
  k: { ...snapshot([]), keep: ['default/web'] } as Event,
  l: { kind: 'losses-accepted', services: ['default/web'] } as Event,
  A: admitted(a),
  B: admitted(b),
  C: admitted(c),
  M: admitted(moved),
  P: { kind: 'snapshot-probed' } as const,
};
const results = { y: 'admit', n: 'refuse', u: 'unreachable', f: 'forbidden' } as const;

/** Small times, so that marbles show them: every 3 ms for 9 ms, then every 6; 20 ms at most; snapshots settle in 5. */
const times = { settleMs: 5, settleEachMs: 0, firstMs: 9, everyMs: 3, laterMs: 6, maxWaitMs: 20 };

/** Answers each instance's attempts one after the other. */
function prober(answers: Readonly<Record<string, readonly Observable<ProbeResult>[]>>): Probe {
  const attempts: Record<string, number> = {};
  return ({ id }) => {
    const attempt = attempts[id] ?? 0;
    attempts[id] = attempt + 1;
    return answers[id]?.[attempt] ?? NEVER;
  };
}

describe('admitInstances', () => {
  it('passes every event at once and adds an admission at the first success', () => {
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -a---------|', events);
      const subs = '         ^----------!';
      const first = cold('    -n', results);
      const firstSubs = '    -^!';
      const second = cold('       -y', results);
      const secondSubs = '   -----^!';
      const expected = '     -a----A----|';
      const probe = prober({ a: [first, second] });
      expectObservable(source.pipe(admitInstances(probe, times))).toBe(expected, events);
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(first.subscriptions).toBe(firstSubs);
      expectSubscriptions(second.subscriptions).toBe(secondSubs);
    });
  });

  describe('probes', () => {
    const probed = (registrations: readonly Registration[], prefix?: string): readonly string[] => {
      const ids: string[] = [];
      const probe: Probe = ({ id }) => of<ProbeResult>('admit').pipe(tap({ subscribe: () => ids.push(id) }));
      of(...registrations.map(registered))
        .pipe(admitInstances(probe, prefix === undefined ? {} : { prefix }))
        .subscribe();
      return ids;
    };

    it('only managed registrations', () => {
      const off = [{ tags: [] }, { tags: ['haproxy.enable=false'] }, { address: '' }, { port: 0 }];
      expect(probed(off.map((changes) => instance('x', changes)))).to.be.empty;
      expect(probed([instance('x', { tags: ['edge.enable=true'] })], 'edge')).to.deep.equal(['x']);
    });

    it('an admitted one not again at the same address and port', () => {
      expect(probed([a, a, instance('a', { modifyIndex: 2 })])).to.deep.equal(['a']);
      expect(probed([a, moved, a])).to.deep.equal(['a', 'a', 'a']);
      expect(probed([a, instance('a', { address: '10.0.0.2' })])).to.deep.equal(['a', 'a']);
    });

    it('the same id of two namespaces separately', () => {
      expect(probed([a, instance('a', { namespace: 'other' })])).to.deep.equal(['a', 'a']);
    });

    it('by the newest tags and the newest job', () => {
      const seen: string[] = [];
      const probe: Probe = ({ modifyIndex }, of) => {
        seen.push(`${modifyIndex} ${of?.modifyIndex ?? 'none'}`);
        return NEVER.pipe(take(0));
      };
      marbles(({ hot, expectObservable }) => {
        const values = {
          a: registered(a),
          b: registered(instance('a', { modifyIndex: 2 })),
          j: { kind: 'job-registered', index: 1, job: job(7) } as const,
          k: { kind: 'job-registered', index: 1, job: job(9, 'other') } as const,
          s: snapshot([instance('a', { modifyIndex: 3 })], [job(8)]),
          g: { kind: 'job-deregistered', index: 1, namespace: 'default', id: 'shop' } as const,
        };
        const source = hot<Event>('a-jk-bs---g-----', values);
        const unsub = '            ^-------------!';
        expectObservable(source.pipe(admitInstances(probe, times)), unsub).toBe('a-jk-b(sP)g---', {
          ...values,
          P: events.P,
        });
      });
      expect(seen).to.deep.equal(['1 none', '1 7', '3 8', '3 8']);
    });

    it('by the version of the job that it was made by', () => {
      const probedBy = (...told: readonly Event[]) => {
        const seen: string[] = [];
        const probe: Probe = ({ id }, by) =>
          of<ProbeResult>('admit').pipe(tap({ subscribe: () => seen.push(`${id} ${by?.modifyIndex ?? 'none'}`) }));
        of(...told)
          .pipe(admitInstances(probe))
          .subscribe();
        return seen;
      };
      const instances = [instance('a', { createIndex: 6 }), instance('b', { createIndex: 9 })];
      const [stable, update] = [job(5), { ...job(8), stable: false }];
      const told = (version: Job): Event => ({ kind: 'job-registered', index: 1, job: version });
      expect(probedBy(snapshot(instances, [{ ...update, earlier: [stable] }]))).to.deep.equal(['a 5', 'b 8']);
      expect(probedBy(told(stable), told(update), snapshot(instances))).to.deep.equal(['a 5', 'b 8']);
    });
  });

  describe('ends a probe', () => {
    const endsWith = (marble: string, expected: string) => {
      marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
        const source = hot(marble, { ...events, u: registered(instance('a', { tags: [] })) });
        const attempt = cold<ProbeResult>('-----y', results);
        const probe = prober({ a: [attempt] });
        const all = { ...events, u: registered(instance('a', { tags: [] })) };
        expectObservable(source.pipe(admitInstances(probe, times)), '^ 9ms !').toBe(expected, all);
        expectSubscriptions(attempt.subscriptions).toBe('-^-!');
      });
    };

    it('when the instance is deregistered', () => {
      endsWith('-a-g----', '-a-g----');
    });

    it('when it is missing from a snapshot', () => {
      endsWith('-a-e----', '-a-(eP)-');
    });

    it('but not when its service is kept though the snapshot misses it', () => {
      marbles(({ hot, cold, expectObservable }) => {
        const source = hot('  -a-k------|', events);
        const probe = prober({ a: [cold('-----y', results)] });
        const expected = '    -a-k--(AP)|';
        expectObservable(source.pipe(admitInstances(probe, times))).toBe(expected, events);
      });
    });

    it('when an operator lets its service go', () => {
      endsWith('-a-l----', '-a-l----');
    });

    it('when it has moved', () => {
      endsWith('-a-m----', '-a-m----');
    });

    it('when it is no longer managed', () => {
      endsWith('-a-u----', '-a-u----');
    });

    it('and starts another at the new address', () => {
      marbles(({ hot, cold, expectObservable }) => {
        const source = hot('  -a-m-------|', events);
        const probe = prober({ a: [cold('-----y', results), cold('----y', results)] });
        const expected = '    -a-m---M---|';
        expectObservable(source.pipe(admitInstances(probe, times))).toBe(expected, events);
      });
    });
  });

  describe('after a snapshot', () => {
    it('adds snapshot-probed when each new instance was tried once', () => {
      marbles(({ hot, cold, expectObservable }) => {
        const source = hot('  -s----------|', events);
        const probe = prober({ a: [cold('-n', results), cold('-----y', results)], b: [cold('--y', results)] });
        const expected = '    -s-(BP)---A-|';
        expectObservable(source.pipe(admitInstances(probe, times))).toBe(expected, events);
      });
    });

    it('adds it after the settling time at the latest', () => {
      marbles(({ hot, cold, expectObservable }) => {
        const source = hot('  -s----------|', events);
        const probe = prober({ a: [cold('-------y', results)], b: [cold('-y', results)] });
        const expected = '    -sB---P-A---|';
        expectObservable(source.pipe(admitInstances(probe, times))).toBe(expected, events);
      });
    });

    it('settles longer for each instance that is to be tried', () => {
      marbles(({ hot, expectObservable }) => {
        const source = hot('     -s-----------|', events);
        const unsub = '          -----------!';
        const expected = '       -s--------P--';
        const admission = admitInstances(() => NEVER, { ...times, settleEachMs: 2 });
        expectObservable(source.pipe(admission), unsub).toBe(expected, events);
      });
    });

    it('adds everything at once where probes answer at once', () => {
      marbles(({ hot, expectObservable }) => {
        const source = hot('  -s-----s---e---|', events);
        const expected = '    -(sABP)(sP)(eP)|';
        expectObservable(source.pipe(admitInstances(() => of('admit'), times))).toBe(expected, events);
      });
    });

    it('waits no longer for an instance that is gone', () => {
      marbles(({ hot, cold, expectObservable }) => {
        const source = hot('  -s--g-----|', events);
        const probe = prober({ b: [cold('-y', results)] });
        const expected = '    -sB-(gP)--|';
        expectObservable(source.pipe(admitInstances(probe, times))).toBe(expected, events);
      });
    });

    it('waits for an instance that was registered just before', () => {
      marbles(({ hot, cold, expectObservable }) => {
        const source = hot('  bt-------|', events);
        const probe = prober({ b: [cold('---y', results)] });
        const expected = '    bt-(BP)--|';
        expectObservable(source.pipe(admitInstances(probe, times))).toBe(expected, events);
      });
    });

    it('lets a newer snapshot take over', () => {
      marbles(({ hot, expectObservable }) => {
        const source = hot('  -s-s-------', events);
        const unsub = '       ^---------!';
        const expected = '    -s-s----P--';
        expectObservable(source.pipe(admitInstances(prober({}), times)), unsub).toBe(expected, events);
      });
    });
  });

  describe('places', () => {
    const one = { ...times, maxConcurrent: 1 };

    it('are held per attempt, and first attempts go before repeated ones', () => {
      marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
        const source = hot('  a--b--c------|', events);
        const again = cold('          -y', results);
        const againSubs = '   --------^!';
        const late = cold('          -y', results);
        const lateSubs = '    -------^!';
        const expected = '    a--b--cBCA---|';
        const probe = prober({ a: [cold('--n', results), again], b: [cold('----y', results)], c: [late] });
        expectObservable(source.pipe(admitInstances(probe, one))).toBe(expected, events);
        expectSubscriptions(again.subscriptions).toBe(againSubs);
        expectSubscriptions(late.subscriptions).toBe(lateSubs);
      });
    });

    it('become free when the instance goes whose attempt holds one', () => {
      marbles(({ hot, cold, expectObservable }) => {
        const source = hot('  ab-g---|', events);
        const probe = prober({ b: [cold('-y', results)] });
        const expected = '    ab-gB--|';
        expectObservable(source.pipe(admitInstances(probe, one))).toBe(expected, events);
      });
    });

    it('are not taken for an instance that went while it waited for one', () => {
      marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
        const source = hot('  ba-g-------|', events);
        const unwanted = cold<ProbeResult>('-');
        const expected = '    ba-g-B-----|';
        const probe = prober({ a: [unwanted], b: [cold('-----y', results)] });
        expectObservable(source.pipe(admitInstances(probe, one))).toBe(expected, events);
        expectSubscriptions(unwanted.subscriptions).toBe([]);
      });
    });

    it('go to a newcomer before the instances of a snapshot that still wait', () => {
      marbles(({ hot, cold, expectObservable }) => {
        const source = hot('  s-c------|', events);
        const probe = prober({ a: [cold('---y', results)], b: [cold('-y', results)], c: [cold('-y', results)] });
        const expected = '    s-cAC(BP)|';
        expectObservable(source.pipe(admitInstances(probe, { ...one, settleMs: 50 }))).toBe(expected, events);
      });
    });

    it('are not taken for an instance of a snapshot that went while it waited for one', () => {
      marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
        const source = hot('  s-t-----|', { ...events, t: snapshot([a]) });
        const unwanted = cold<ProbeResult>('-');
        const probe = prober({ a: [cold('----y', results)], b: [unwanted] });
        const expected = '    s-t-(AP)|';
        expectObservable(source.pipe(admitInstances(probe, { ...one, settleMs: 50 }))).toBe(expected, {
          ...events,
          t: snapshot([a]),
        });
        expectSubscriptions(unwanted.subscriptions).toBe([]);
      });
    });

    it('are not waited for longer than the longest wait', () => {
      marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
        const untried = cold<ProbeResult>('-');
        const source = hot('  s', events);
        const expected = '    s----P 14ms (BA)';
        const probe = prober({ a: [cold('-')], b: [untried] });
        expectObservable(source.pipe(admitInstances(probe, one))).toBe(expected, events);
        expectSubscriptions(untried.subscriptions).toBe([]);
      });
    });

    it('are not passed on when all probes end with the consumer', () => {
      marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
        const source = hot('  ab---', events);
        const unsub = '       ^--!';
        const running = cold<ProbeResult>('-');
        const queued = cold<ProbeResult>('-');
        const probe = prober({ a: [running], b: [queued] });
        expectObservable(source.pipe(admitInstances(probe, one)), unsub).toBe('ab--', events);
        expectSubscriptions(running.subscriptions).toBe(unsub);
        expectSubscriptions(queued.subscriptions).toBe([]);
      });
    });

    it('are passed on without exhausting the stack', () => {
      const first = new Subject<ProbeResult>();
      const many = Array.from({ length: 2000 }, (_, n) => instance(`n${n}`));
      let admissions = 0;
      of(snapshot([a, ...many]))
        .pipe(
          admitInstances(({ id }) => (id === 'a' ? first : of('admit')), one),
          tap(({ kind }) => (admissions += kind === 'instance-admitted' ? 1 : 0)),
        )
        .subscribe();
      first.next('admit');
      expect(admissions).to.equal(2001);
    });
  });

  it('sees running probes through when the source completes', () => {
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  (a|)', events);
      const subs = '         (^!)';
      const probe = prober({ a: [cold('-n', results), cold('--y', results)] });
      const expected = '     a-----(A|)';
      expectObservable(source.pipe(admitInstances(probe, times))).toBe(expected, events);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('forwards an error of the source and ends all probes', () => {
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  a--#', events);
      const attempt = cold<ProbeResult>('-');
      const subs = '        ^--!';
      expectObservable(source.pipe(admitInstances(() => attempt, times))).toBe('a--#', events);
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(attempt.subscriptions).toBe(subs);
    });
  });

  it('passes on an error of a probe', () => {
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  a----|', events);
      const subs = '        ^-!';
      const probe = prober({ a: [cold<ProbeResult>('--#')] });
      expectObservable(source.pipe(admitInstances(probe, times))).toBe('a-#', events);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('completes with an empty source and stays silent with one that never emits', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const empty = cold<Event>('|');
      const never = cold<Event>('-');
      expectObservable(empty.pipe(admitInstances(prober({}), times))).toBe('|');
      expectObservable(never.pipe(admitInstances(prober({}), times)), '^--!').toBe('----');
      expectSubscriptions(never.subscriptions).toBe('^--!');
    });
  });

  it('takes a synchronous source, and leaves it when the consumer does', () => {
    marbles(({ expectObservable }) => {
      const source = concat(
        of(events.s, events.c),
        throwError(() => new Error('read too far')),
      );
      const admission = source.pipe(admitInstances(() => of('admit'), times));
      expectObservable(admission.pipe(take(6))).toBe('(sABPcC|)', events);
      expectObservable(admission.pipe(take(2))).toBe('(sA|)', events);
    });
  });

  it('leaves the source, the probes and no timer behind when the consumer leaves', () => {
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -s-----|', events);
      const unsub = '       ^--!';
      const attempt = cold<ProbeResult>('-');
      const attemptSubs = ' -^-!';
      expectObservable(source.pipe(admitInstances(() => attempt, times)), unsub).toBe('-s--', events);
      expectSubscriptions(source.subscriptions).toBe(unsub);
      expectSubscriptions(attempt.subscriptions).toBe([attemptSubs, attemptSubs]);
    });
    const scheduler = new VirtualTimeScheduler();
    const subscription = concat(of(events.s), NEVER)
      .pipe(admitInstances(() => of('refuse'), { scheduler }))
      .subscribe();
    expect(scheduler.actions).to.have.length(4);
    subscription.unsubscribe();
    expect(scheduler.actions).to.be.empty;
  });

  it('shares nothing between subscriptions', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  a---|', events);
      const admission = source.pipe(admitInstances(() => of('admit'), times));
      expectObservable(admission, '^--!').toBe('(aA)', events);
      expectObservable(admission, '----^').toBe('----(aA)|', events);
      expectSubscriptions(source.subscriptions).toBe(['^--!', '----^---!']);
    });
  });
});
