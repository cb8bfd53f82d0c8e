import { Subject, type VirtualTimeScheduler } from 'rxjs';
import type { RecordedLine } from '../../streams/recorded-events.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { visible } from '../model/quoted.ts';
import type { Notice } from '../model/notice.ts';
import type { Keys } from './keys.ts';
import { describeCatalog, describePlan, describeView } from './replay-moment.ts';
import { justAfterMs, type Replaying } from './replay-pipeline.ts';
import type { Concern } from './replay-service.ts';

export interface StepOptions {
  readonly lines: readonly RecordedLine[];
  readonly endMs: number | undefined;
  readonly concern: Concern | undefined;
  readonly replaying: Replaying;
  readonly scheduler: VirtualTimeScheduler;
  readonly keys: Keys;
  /** Resolves when the process is asked to stop. */
  readonly stopped: Promise<void>;
  readonly stdout: (text: string) => void;
}

/**
 * Plays a recording line by line. After each event that concerns somebody, and all that time brings before the next line,
 * it shows where things stand and waits for a key; `q` ends it there. Rejects with a bug of the pipeline.
 */
export async function playInSteps(options: StepOptions): Promise<ExitCode> {
  const { lines, endMs, concern, replaying, scheduler, keys, stopped, stdout } = options;
  const asked = stopped.then(() => 'q');
  const played = new Subject<RecordedLine>();
  const first = lines[0]?.t ?? 0;
  let since: Notice[] = [];
  let bug: unknown;
  const subscription = replaying.notices(played).subscribe({
    next: (notice) => {
      since.push(notice);
    },
    error: (error: unknown) => {
      bug = error;
    },
  });

  /** Lets time pass; what is due at that moment has happened. */
  function passTo(ms: number): void {
    scheduler.maxFrames = ms;
    scheduler.flush();
    scheduler.frame = Math.max(scheduler.frame, ms);
    if (bug !== undefined) throw bug as Error;
  }

  function show(): void {
    const own = concern === undefined ? since : since.flatMap((notice) => concern.notice(notice) ?? []);
    const text = [
      ...describeCatalog(replaying.catalog(), concern?.keys),
      ...describePlan(own),
      ...describeView(replaying.view(), concern?.keys),
      '--- any key: the next event; q: quit',
    ];
    stdout(text.map((line) => `${visible(line)}\n`).join(''));
    since = [];
  }

  try {
    for (const [at, line] of lines.entries()) {
      passTo(line.t - first);
      played.next(line);
      const next = lines[at + 1]?.t;
      passTo(next === undefined ? (endMs ?? line.t - first) : Math.max(line.t - first, next - first - justAfterMs));
      if (!isStop(line, concern)) continue;
      show();
      if ((await Promise.race([keys.next(), asked])) === 'q') break;
    }
    subscription.unsubscribe();
    replaying.end();
    return exitCodes.ok;
  } finally {
    subscription.unsubscribe();
  }
}

/** A heartbeat or a request changes nothing. */
function isStop({ what }: RecordedLine, concern: Concern | undefined): boolean {
  switch (what.kind) {
    case 'heartbeat':
    case 'exchange':
    case 'snapshot-probed':
      return false;
    case 'events':
    case 'told':
      return what.events.some((event) => concern === undefined || concern.event(event) !== undefined);
    case 'snapshot-taken':
    case 'instance-admitted':
    case 'ghosts-seen':
    case 'losses-accepted':
      return concern === undefined || concern.event(what) !== undefined;
    default:
      return what satisfies never;
  }
}
