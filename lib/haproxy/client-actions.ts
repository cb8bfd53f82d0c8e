import { isIP } from 'node:net';
import { FailureError } from '../model/failure.ts';

/** A runtime command that a configuration write without reload carries along, so that file and process change in one request. */
export type RuntimeAction =
  | {
      readonly kind: 'address';
      readonly backend: string;
      readonly server: string;
      /** An IP literal: a host name would be written to the file and refused by the process, both without an error. */
      readonly address: string;
      readonly port: number;
    }
  | { readonly kind: 'state'; readonly backend: string; readonly server: string; readonly state: AdminState }
  | { readonly kind: 'weight'; readonly backend: string; readonly server: string; readonly weight: number };

export type AdminState = 'ready' | 'drain' | 'maint';

/**
 * Bytes of actions that one write should carry; who has more splits them over several writes. The API refuses headers over
 * 1 MiB (431), and it runs the actions one by one before it answers: this much is about 6,000 of them and takes 1-2 s.
 */
export const maxActionsBytes = 256 * 1024;

/** What HAProxy allows in the name of a backend or server. */
const nameForm = /^[\w.:-]+$/;

/**
 * The value of the X-Runtime-Actions header; the actions run in this order. Case and blanks are exact because the API
 * ignores what it does not recognise and still answers 201.
 * Throws a FailureError (`rejected`) for a name or an address that would not survive this form.
 */
export function serializeActions(actions: readonly RuntimeAction[]): string {
  return actions.map(serialize).join(';');
}

function serialize(action: RuntimeAction): string {
  const target = `${name(action.backend)} ${name(action.server)}`;
  switch (action.kind) {
    case 'address':
      if (isIP(action.address) === 0) throw refusal(action.address, 'is not an IP address');
      return `SetServerAddr ${target} ${action.address} ${action.port}`;
    case 'state':
      return `SetServerState ${target} ${action.state}`;
    case 'weight':
      return `SetServerWeight ${target} ${action.weight}`;
    default:
      return action satisfies never;
  }
}

function name(value: string): string {
  if (!nameForm.test(value)) throw refusal(value, 'is not a name of a backend or server');
  return value;
}

function refusal(value: string, why: string): FailureError {
  return new FailureError({
    kind: 'rejected',
    message: `"${value}" ${why}`,
    where: 'X-Runtime-Actions',
    hint: 'Only a configuration write with a reload can do this.',
  });
}
