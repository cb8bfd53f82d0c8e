import { isIpLiteral } from '../model/instance.ts';
import { endpoint } from '../model/service.ts';
import type { SlotView } from '../model/view.ts';
import type { RuntimeServer } from './client.ts';

/** A slot that the running process has otherwise than the view says. */
export interface SlotDrift {
  /** The first difference, by what matters most. */
  readonly what: 'state' | 'address' | 'weight';
  /** What was expected and what was found, in an operator's words. */
  readonly text: string;
  /** Somebody put it into maintenance although it should serve. */
  readonly isManualMaint: boolean;
  /**
   * The slot as the process has it. Maintenance counts as draining: either way no request goes there. One that serves
   * otherwise than was meant is nobody's, so that its next plan either fills or drains it, and the file says so too.
   */
  readonly found: SlotView;
}

/**
 * Compares a slot with its server in the process. What takes no traffic is not looked at closely: a free slot may be parked
 * anywhere, a draining one may be drained or in maintenance, and a weight counts only where requests go. Nor is an address
 * that HAProxy had to resolve. Undefined: as it should be.
 */
export function compareSlot(slot: SlotView, server: RuntimeServer): SlotDrift | undefined {
  const state = adminStateOf(server);
  switch (slot.state) {
    case 'free':
      return state === 'maint' ? undefined : driftOf('state', `${sayState(server)} instead of free`, slot, server);
    case 'draining':
      return state === 'ready' ? driftOf('state', `${sayState(server)} instead of draining`, slot, server) : undefined;
    case 'serving':
      return compareServing(slot, server);
    default:
      return slot.state satisfies never;
  }
}

function compareServing(slot: SlotView, server: RuntimeServer): SlotDrift | undefined {
  if (!isIpLiteral(slot.address)) return undefined;
  if (adminStateOf(server) !== 'ready') return driftOf('state', `${sayState(server)} instead of ready`, slot, server);
  if (!isSameEndpoint(slot, server))
    return driftOf('address', `at ${endpoint(server)} instead of ${endpoint(slot)}`, slot, server);
  if (server.weight !== undefined && server.weight !== slot.weight)
    return driftOf('weight', `weight ${server.weight} instead of ${slot.weight}`, slot, server);
  return undefined;
}

function driftOf(what: SlotDrift['what'], text: string, slot: SlotView, server: RuntimeServer): SlotDrift {
  const { address, port, weight = slot.weight } = server;
  const state = adminStateOf(server) === 'ready' ? 'serving' : 'draining';
  const alloc = state === 'serving' && what !== 'weight' ? '' : slot.alloc;
  return {
    what,
    text,
    isManualMaint: slot.state === 'serving' && adminStateOf(server) === 'maint',
    found: { ...slot, state, address, port, weight, alloc },
  };
}

/** The API takes a drain for maintenance where HAProxy loaded the server as disabled; nothing in maintenance is up. */
function adminStateOf({ adminState, operationalState }: RuntimeServer): RuntimeServer['adminState'] {
  return adminState === 'maint' && operationalState === 'up' ? 'drain' : adminState;
}

function sayState(server: RuntimeServer): string {
  return `${adminStateOf(server)} at ${endpoint(server)}`;
}

type Endpoint = Pick<SlotView, 'address' | 'port'>;

function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && (a.address === b.address || canonical(a.address) === canonical(b.address));
}

/** An IPv6 address has many spellings, of which the WHATWG's URL knows one. */
function canonical(address: string): string {
  return address.includes(':') ? (URL.parse(`http://[${address}]`)?.hostname ?? address) : address;
}
