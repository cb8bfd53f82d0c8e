import { EMPTY, defer, of } from 'rxjs';
import type { RouteMap, ServiceKey } from '../model/events.ts';
import type { Failure } from '../model/failure.ts';
import type { Lane, Notice } from '../model/notice.ts';
import { isSlotStep, isStructural, type Step } from '../model/step.ts';
import { needsReload } from '../model/slots.ts';
import type { View } from '../model/view.ts';
import type { Applied, HaproxyEnd } from './end.ts';
import { createLazyConfig } from './lazy-config.ts';
import type { FoundMaps } from './map-files.ts';
import { mapPaths } from './routing.ts';
import { withRows } from './view.ts';

/** What the twin has come to; the text and rows are what HAProxy would have. */
export interface TwinState {
  text: string;
  version: number;
  readonly maps: Record<RouteMap, Map<string, string>>;
  /** Configuration writes of any lane. */
  commits: number;
  reloads: number;
}

/** The frontend of `plainConfig`. */
export const plainFrontend = 'www';

/** Where a dry run starts without a configuration of its own: one frontend, one default backend. */
export const plainConfig = `global
  stats socket /var/run/haproxy.sock mode 600 level admin

defaults main
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s

frontend ${plainFrontend} from main
  bind :80
  default_backend no_route

backend no_route from main
  http-request return status 404 content-type text/plain string "no route"
`;

/** Where the vendor's image keeps map files. */
const plainMaps = '/usr/local/etc/haproxy/maps';

/**
 * HAProxy in memory, for dry runs and replay: takes steps as the Data Plane API does, answers synchronously, and never
 * refuses a text; validation belongs to the real one. `found`: its maps; none, and the vendor's place, if not given.
 */
export function createTwin(
  config: string,
  owner: string,
  found?: FoundMaps,
): { readonly end: HaproxyEnd; readonly state: TwinState; readonly view: () => View } {
  const written = createLazyConfig(config, owner, found?.paths ?? mapPaths(plainMaps, owner));
  const maps = {
    exact: new Map(found?.rows.exact),
    prefix: new Map(found?.rows.prefix),
    regex: new Map(found?.rows.regex),
  };
  const state: TwinState = {
    get text() {
      return written.text();
    },
    set text(text) {
      written.replace(text);
    },
    version: 1,
    maps,
    commits: 0,
    reloads: 0,
  };
  let known: View | undefined;

  function read(): View {
    return (known ??= { ...withRows(written.view(), copyRows(maps)), version: state.version });
  }

  function apply(planned: View, steps: readonly Step[]): Applied {
    if (planned.version !== state.version) {
      known = undefined;
      return { conflict: true, refused: new Map(), overtaken: new Set(), notices: [] };
    }
    const rows = steps.filter((step) => step.kind === 'set-route' || step.kind === 'delete-route');
    const others = steps.filter((step) => step.kind !== 'set-route' && step.kind !== 'delete-route');
    const notices: Notice[] = [];
    const say = (lane: Lane, done: readonly Step[], version?: number) => {
      const isReload = lane === 'commit';
      notices.push({ kind: 'applied', lane, steps: done, ...(version && { version }), reloaded: isReload, tookMs: 0 });
    };
    if (others.length > 0 && written.write(others)) {
      const reloaded = others.some((step) => isStructural(step) || needsReload(step));
      state.version += 1;
      state.commits += 1;
      if (reloaded) state.reloads += 1;
      say(reloaded ? 'commit' : 'slots', others, state.version);
    }
    for (const step of rows) {
      if (step.kind === 'set-route') maps[step.route.map].set(step.route.key, step.backend);
      else maps[step.route.map].delete(step.route.key);
    }
    if (rows.length > 0) say('maps', rows);
    known = known && steps.every(isSlotStep) ? { ...known, version: state.version } : undefined;
    return { conflict: false, refused: new Map<ServiceKey, Failure>(), overtaken: new Set<ServiceKey>(), notices };
  }

  return {
    state,
    view: read,
    end: {
      watch: EMPTY,
      read: () => defer(() => of(read())),
      move: (planned, steps) => defer(() => of(apply(planned, steps))),
      apply: (planned, steps) => defer(() => of(apply(planned, steps))),
    },
  };
}

function copyRows(maps: TwinState['maps']): Record<RouteMap, ReadonlyMap<string, string>> {
  return { exact: new Map(maps.exact), prefix: new Map(maps.prefix), regex: new Map(maps.regex) };
}
