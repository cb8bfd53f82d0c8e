import type { Event, RouteMap } from '../model/events.ts';
import type { Exchange } from '../model/exchange.ts';
import type { TwinState } from '../haproxy/dry-run.ts';
import type { Notice } from '../model/notice.ts';
import { visible } from '../model/quoted.ts';
import type { View } from '../model/view.ts';
import type { Concern } from './replay-service.ts';
import { describeEvent, describeExchange, describeNotice } from './describe.ts';
import { plural } from '../model/plural.ts';

/** What a replay has seen. */
export interface Tally {
  /** Nomad's events. */
  events: number;
  /** Changes of services, after the debounce. */
  changes: number;
  readonly problems: Notice[];
}

/** What HAProxy has come to. */
export type Outcome = Readonly<Pick<TwinState, 'text' | 'maps' | 'commits' | 'reloads'>>;

export interface ReplayOutput {
  readonly event: (event: Event) => void;
  readonly notice: (notice: Notice) => void;
  /** A request that was made when this was recorded. */
  readonly exchange: (exchange: Exchange) => void;
  readonly end: (outcome: Outcome, tally: Tally) => void;
}

type Write = (text: string) => void;

/** One JSON object a line: every notice and request, and last the result. */
export function jsonOutput(write: Write): ReplayOutput {
  const line = (value: object) => {
    write(`${JSON.stringify(value)}\n`);
  };
  return {
    event: () => undefined,
    notice: line,
    exchange: (exchange) => {
      line({ kind: 'exchange', ...exchange });
    },
    end: (state, { events, changes, problems }) => {
      line({
        kind: 'replay-finished',
        events,
        changes,
        commits: state.commits,
        reloads: state.reloads,
        config: state.text,
        maps: rowsOf(state),
        problems,
      });
    },
  };
}

/** For people: what Nomad said and what is done about it in HAProxy, in time, then HAProxy's configuration and maps. */
export function timelineOutput(write: Write, elapsedMs: () => number): ReplayOutput {
  const tell = (lines: readonly string[]) => {
    const at = `${(elapsedMs() / 1000).toFixed(3).padStart(9)}s  `;
    write(lines.map((line, n) => `${n === 0 ? at : ' '.repeat(at.length)}${visible(line)}\n`).join(''));
  };
  return {
    event: (event) => {
      tell(describeEvent(event));
    },
    notice: (notice) => {
      tell(describeNotice(notice));
    },
    exchange: (exchange) => {
      tell(describeExchange(exchange));
    },
    end: (state, { events, changes, problems }) => {
      const maps = Object.entries(rowsOf(state)).flatMap(([map, rows]) =>
        Object.entries(rows).map(([key, backend]) => `${map.padEnd(7)}${key} ${backend}`),
      );
      const counts =
        `${plural(events, 'event')}, ${plural(changes, 'change')} of services, ${plural(state.commits, 'configuration write')}, ` +
        `${plural(state.reloads, 'reload')}, ${plural(problems.length, 'problem')}`;
      write(['', counts, '', '--- haproxy.cfg', state.text, '--- maps', ...maps, ''].join('\n'));
    },
  };
}

/** The same, as far as it concerns some services; `view` is HAProxy's. */
export function onlyFor(concern: Concern, output: ReplayOutput, view: () => View): ReplayOutput {
  return {
    event: (event) => {
      const own = concern.event(event);
      if (own !== undefined) output.event(own);
    },
    notice: (notice) => {
      const own = concern.notice(notice);
      if (own !== undefined) output.notice(own);
    },
    exchange: (exchange) => {
      const own = concern.exchange(exchange, view());
      if (own !== undefined) output.exchange(own);
    },
    end: (outcome, tally) => {
      output.end(concern.outcome(outcome, view()), tally);
    },
  };
}

function rowsOf({ maps }: Outcome): Record<RouteMap, Record<string, string>> {
  return {
    exact: Object.fromEntries(maps.exact),
    prefix: Object.fromEntries(maps.prefix),
    regex: Object.fromEntries(maps.regex),
  };
}
