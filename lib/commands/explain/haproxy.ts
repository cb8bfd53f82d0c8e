import { ask } from '../../haproxy/ask.ts';
import type { DataplaneClient, RuntimeServer } from '../../haproxy/client.ts';
import { compareSlot } from '../../haproxy/drift.ts';
import { FailureError } from '../../model/failure.ts';
import { place } from '../../model/placement.ts';
import type { Policy } from '../../model/plan.ts';
import type { RouteMap, ServiceKey } from '../../model/events.ts';
import type { Service } from '../../model/service.ts';
import { slotsFor, type SlotView, type View } from '../../model/view.ts';

/** What HAProxy's half says of a service. */
export interface HaproxyExplained {
  /** Where it belongs, or why nowhere. */
  readonly placement: string;
  readonly backends: readonly BackendExplained[];
  /** Rows that lead to its backends, of whomever. */
  readonly rows: readonly { readonly map: RouteMap; readonly key: string; readonly backend: string }[];
}

export interface BackendExplained {
  readonly name: string;
  /** `missing`: it is yet to be made. */
  readonly kind: 'own' | 'shared' | 'missing';
  /** Servers that somebody else wrote. */
  readonly foreignServers: readonly string[];
  readonly slots: readonly SlotExplained[];
  /** True: the running process does not know it, as before a reload. */
  readonly isUnloaded: boolean;
}

export interface SlotExplained {
  /** What the file says. */
  readonly configured: SlotView;
  /** Absent: the running process does not have it. */
  readonly running?: RuntimeServer;
  /** How they differ, where that matters. */
  readonly differs?: string;
}

/** Reads the running process. Rejects with a FailureError. */
export async function explainHaproxy(
  client: DataplaneClient,
  view: View,
  policy: Policy,
  key: ServiceKey,
  service: Service | undefined,
): Promise<HaproxyExplained> {
  const placement = place(service, view, policy);
  const names = new Set(view.backendsOf.get(key));
  if (placement.kind === 'own' || placement.kind === 'shared') names.add(placement.backend);
  const backends: BackendExplained[] = [];
  for (const name of names) backends.push(await explainBackend(client, view, name, key));
  return {
    placement: sayPlacement(placement),
    backends,
    rows: [...names].flatMap((backend) => (view.rowsOf.get(backend) ?? []).map((row) => ({ ...row, backend }))),
  };
}

function sayPlacement(placement: ReturnType<typeof place>): string {
  switch (placement.kind) {
    case 'own':
      return `backend ${placement.backend}, which is its own`;
    case 'shared':
      return `backend ${placement.backend}, which somebody else wrote`;
    case 'nowhere':
      return 'nowhere: it is not managed';
    case 'refused':
      return `nowhere: ${placement.failure.message}; ${placement.failure.hint}`;
    default:
      return placement satisfies never;
  }
}

async function explainBackend(
  client: DataplaneClient,
  view: View,
  name: string,
  key: ServiceKey,
): Promise<BackendExplained> {
  const there = view.backends.get(name);
  if (there === undefined) return { name, kind: 'missing', foreignServers: [], slots: [], isUnloaded: false };
  const servers = await serversOf(client, name);
  const slots = slotsFor(there, key).map((configured) => explainSlot(configured, servers?.get(configured.name)));
  const kind = there.mark === undefined ? 'shared' : 'own';
  return { name, kind, foreignServers: there.foreignServers, slots, isUnloaded: servers === undefined };
}

function explainSlot(configured: SlotView, running: RuntimeServer | undefined): SlotExplained {
  if (running === undefined) return { configured };
  const differs = compareSlot(configured, running)?.text;
  return { configured, running, ...(differs !== undefined && { differs }) };
}

/** Undefined where the process has no such backend. */
async function serversOf(
  client: DataplaneClient,
  backend: string,
): Promise<ReadonlyMap<string, RuntimeServer> | undefined> {
  try {
    return new Map((await ask(client.getServers(backend))).map((server) => [server.name, server]));
  } catch (error) {
    if (error instanceof FailureError && error.failure.kind === 'not-found') return undefined;
    throw error;
  }
}
