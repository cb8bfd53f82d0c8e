import type { Route, RouteMap, ServiceKey } from './events.ts';

/** A server line that we own. */
export interface SlotView {
  readonly name: string;
  readonly service: ServiceKey;
  /**
   * `serving`: its address is enabled. `draining`: it has an address and is `disabled`. `free`: parked and `disabled`.
   * That is also what the file says.
   */
  readonly state: 'serving' | 'draining' | 'free';
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly alloc: string;
  /** Everything else of the line, in the file's own words; compared with what we would write. */
  readonly options: string;
}

export interface BackendView {
  readonly name: string;
  /** Present: the section is ours, made for this service from settings with this hash. */
  readonly mark?: { readonly service: ServiceKey; readonly hash: string };
  /** Another connector made it: that one rewrites it, and takes it away when its own service goes. */
  readonly isOthers?: true;
  readonly mode: 'http' | 'tcp';
  /** Slots can take any weight and come and go at runtime: a dynamic balance algorithm. */
  readonly dynamic: boolean;
  readonly slots: readonly SlotView[];
  /** Names of the servers that are not ours. */
  readonly foreignServers: readonly string[];
  /** A hand-written rule names this backend: it cannot be removed. */
  readonly referenced: boolean;
}

export interface FrontendView {
  readonly name: string;
  readonly mode: 'http' | 'tcp';
  /** The defaults section it inherits from; empty: none named. */
  readonly from: string;
  /** Our routing rule stands there as we would write it. */
  readonly routed: boolean;
}

/** HAProxy as the connector knows it: the configuration file, which always says what the process is meant to do. */
export interface View {
  readonly version: number;
  /** What of a slot can be changed in the running process alone: nothing, its state, or its address and weight too. */
  readonly runtime: 'nothing' | 'state' | 'address';
  readonly backends: ReadonlyMap<string, BackendView>;
  readonly frontends: ReadonlyMap<string, FrontendView>;
  /** Names of the defaults sections, in the file's order. */
  readonly defaults: readonly string[];
  /** Which backends hold something of a service: its own section, or slots in another's. */
  readonly backendsOf: ReadonlyMap<ServiceKey, readonly string[]>;
  /** Rows by map: key -> backend; the regex map in its order. */
  readonly maps: Readonly<Record<RouteMap, ReadonlyMap<string, string>>>;
  /** The same rows by backend. */
  readonly rowsOf: ReadonlyMap<string, readonly Route[]>;
}

/** A service's slots: all of a section of ours, its own in one that somebody else wrote. */
export function slotsFor(backend: BackendView | undefined, key: ServiceKey): readonly SlotView[] {
  if (backend === undefined) return [];
  return backend.mark === undefined ? backend.slots.filter((slot) => slot.service === key) : backend.slots;
}

/** The slot of that name, whoever's it is. */
export function findSlot(
  { backend, slot }: { readonly backend: string; readonly slot: string },
  view: View,
): SlotView | undefined {
  return view.backends.get(backend)?.slots.find(({ name }) => name === slot);
}
