import type { Health, Notice } from '../model/notice.ts';
import type { BackendView, SlotView, View } from '../model/view.ts';
import type { RuntimeServer } from './client.ts';

/** What HAProxy's checks said when they were last asked for, so that only news is told. */
export interface HealthBook {
  readonly note: (
    backend: BackendView,
    slots: readonly SlotView[],
    servers: ReadonlyMap<string, RuntimeServer>,
  ) => readonly Notice[];
  /** Forgets backends that are no more. */
  readonly keep: (view: View) => void;
}

export function createHealthBook(): HealthBook {
  const told = new Map<string, string>();
  return {
    note: ({ name: backend, mark }, slots, servers) => {
      const serving = slots.filter(({ state }) => state === 'serving');
      const seen = serving.flatMap(({ name }): readonly (readonly [string, Health])[] => {
        const health = servers.get(name)?.operationalState;
        return health === 'up' || health === 'down' || health === 'stopping' ? [[name, health]] : [];
      });
      const text = JSON.stringify([serving.map(({ name, address, port }) => [name, address, port]), seen]);
      if (told.get(backend) === text || (seen.length === 0 && !told.has(backend))) return [];
      if (seen.length > 0) told.set(backend, text);
      else told.delete(backend);
      const services = mark === undefined ? [...new Set(slots.map(({ service }) => service))] : [mark.service];
      return [{ kind: 'health-seen', backend, services, servers: Object.fromEntries(seen) }];
    },
    keep: (view) => {
      for (const name of told.keys()) if (!view.backends.has(name)) told.delete(name);
    },
  };
}
