import { concatMap, defer, finalize, map, of, Subject, take, tap, timer, type Observable } from 'rxjs';
import { createTwin, type TwinState } from '../../lib/haproxy/dry-run.ts';
import type { Applied, HaproxyEnd } from '../../lib/haproxy/end.ts';
import { FailureError, type FailureKind } from '../../lib/model/failure.ts';
import type { Notice } from '../../lib/model/notice.ts';
import { canMove } from '../../lib/model/slots.ts';
import type { SlotStep, Step } from '../../lib/model/step.ts';
import type { View } from '../../lib/model/view.ts';
import { valueNow } from './value-now.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What can become of a write. */
export type WriteFault =
  | { readonly what: 'fails'; readonly kind: FailureKind }
  /** It is done, and nobody hears of it. */
  | { readonly what: 'is done, but its answer is lost' }
  | { readonly what: 'finds that somebody else was faster' }
  /** Everything but the steps of the first service is done. */
  | { readonly what: 'is refused for one service'; readonly kind: FailureKind };

export interface SimulatedHaproxy {
  readonly end: HaproxyEnd;
  readonly state: TwinState;
  /** The twin's own end: what HAProxy says when nothing is in the way. */
  readonly twin: HaproxyEnd;
  /** Every call takes so long from now on (ms), and is done half way. */
  readonly answerIn: (ms: number) => void;
  readonly failWrite: (fault: WriteFault) => void;
  readonly failRead: (kind: FailureKind) => void;
  /** Nobody answers. */
  readonly goAway: () => void;
  /** Somebody else changes text or rows. It is seen within a second, or `unseen`: only when something is written. */
  readonly edit: (change: (state: TwinState) => void, unseen?: boolean) => void;
  /** Ends every fault. What was refused may be possible now, and HAProxy's end says so. */
  readonly mend: () => void;
}

export interface HaproxyOptions {
  /** What a slot can be told at runtime, as `View` has it. */
  readonly runtime: View['runtime'];
  readonly time: VirtualTime;
}

/**
 * The twin behind a network: calls take time, fail, and are overtaken by others. It also holds the connector to the
 * contract of HAProxy's end: throws where two writes overlap, or a step at runtime is none that the process can take.
 */
export function createSimulatedHaproxy(base: string, owner: string, options: HaproxyOptions): SimulatedHaproxy {
  const { runtime, time } = options;
  const { end: twin, state } = createTwin(base, owner);
  const watch = new Subject<Notice>();
  const writeFaults: WriteFault[] = [];
  const readFaults: FailureKind[] = [];
  let answerMs = 0;
  let away = false;
  let writing = 0;
  const written = new Subject<true>();
  let isKnown = false;

  function called<T>(work: () => Observable<T>): Observable<T> {
    const there = () => {
      if (away) throw failureOf('unreachable', 'connect ECONNREFUSED');
      return work();
    };
    if (answerMs === 0) return defer(there);
    const wait = timer(answerMs / 2, time);
    return wait.pipe(
      concatMap(there),
      concatMap((value) => wait.pipe(map(() => value))),
    );
  }

  /** What is known is told at once; else it is read, and never in the middle of a write. */
  function read(): Observable<View> {
    if (isKnown) return readNow();
    const still = defer(() => (writing === 0 ? of(true) : written));
    return called(() => still).pipe(
      take(1),
      concatMap(() => {
        const kind = readFaults.shift();
        if (kind !== undefined) throw failureOf(kind, 'the read fails');
        isKnown = true;
        return readNow();
      }),
    );
  }

  function readNow(): Observable<View> {
    return twin.read().pipe(map((view) => (view.runtime === runtime ? view : { ...view, runtime })));
  }

  function write(view: View, steps: readonly Step[]): Observable<Applied> {
    const fault = writeFaults.shift();
    if (fault === undefined) return twin.apply(view, steps);
    switch (fault.what) {
      case 'fails':
        throw failureOf(fault.kind, 'the write fails');
      case 'is done, but its answer is lost':
        return twin.apply(view, steps).pipe(
          map(() => {
            throw failureOf('unreachable', 'socket hang up');
          }),
        );
      case 'finds that somebody else was faster':
        state.version += 1;
        return twin.apply(view, steps);
      case 'is refused for one service': {
        const [first] = steps;
        if (first === undefined) return twin.apply(view, steps);
        const failure = failureOf(fault.kind, 'HAProxy does not like it').failure;
        const rest = steps.filter((step) => step.service !== first.service);
        const refused = new Map([[first.service, failure]]);
        return twin.apply(view, rest).pipe(map((applied) => (applied.conflict ? applied : { ...applied, refused })));
      }
      default:
        return fault satisfies never;
    }
  }

  function apply(view: View, steps: readonly Step[]): Observable<Applied> {
    return defer(() => {
      if (writing > 0) throw new Error('two writes of the configuration overlap');
      writing += 1;
      return called(() => write(view, steps));
    }).pipe(
      tap({
        next: ({ conflict }) => {
          if (conflict) isKnown = false;
        },
        error: () => {
          isKnown = false;
        },
      }),
      finalize(() => {
        writing -= 1;
        written.next(true);
      }),
    );
  }

  function move(view: View, steps: readonly SlotStep[]): Observable<Applied> {
    for (const step of steps) {
      if (!canMove(step, view)) throw new Error(`not a step for the running process: ${JSON.stringify(step)}`);
    }
    return called(() => write(view, steps));
  }

  /** The twin keeps what it has read until it is told of another version. */
  function forget(): void {
    isKnown = false;
    valueNow(twin.apply({ ...valueNow(twin.read()), version: -1 }, []));
  }

  function notice(): void {
    forget();
    watch.next({ kind: 'haproxy-moved', what: 'the configuration was changed' });
  }

  return {
    state,
    twin,
    end: { watch, read: () => defer(read), apply, move },
    answerIn(ms) {
      answerMs = ms;
    },
    failWrite: (fault) => writeFaults.push(fault),
    failRead: (kind) => readFaults.push(kind),
    goAway() {
      away = true;
    },
    edit(change, unseen = false) {
      change(state);
      state.version += 1;
      if (unseen) forget();
      else time.schedule(notice, 1000);
    },
    mend() {
      answerMs = 0;
      away = false;
      writeFaults.length = 0;
      readFaults.length = 0;
      notice();
    },
  };
}

function failureOf(kind: FailureKind, message: string): FailureError {
  return new FailureError({ kind, message, where: 'http://haproxy.invalid', hint: 'this is a simulation' });
}
