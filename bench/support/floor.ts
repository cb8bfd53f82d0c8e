import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { RawFrame, RawRegistration } from '../../spec/support/nomad-state.ts';
import { serveCalls, startWorker, type Worker } from './worker.ts';

/**
 * The least that can be done: a script that writes HAProxy's runtime socket at the moment an event arrives, in a HAProxy
 * that has every backend and slot already. It checks nothing, persists nothing and survives nothing.
 */
export type Floor = Worker<typeof calls>;

export function startFloor(): Floor {
  return startWorker<typeof calls>(new URL(import.meta.url));
}

const requestsAtOnce = 16;
/** HAProxy takes a line of 16 kB. */
const commandsInALine = 100;

/** By backend: the `address:port` in each slot. */
const slots = new Map<string, (string | undefined)[]>();

const calls = {
  /** Takes over what there is, and follows from there on; resolves when HAProxy has been told what there is. */
  async start(nomad: string, haproxy: string): Promise<void> {
    const { hostname, port } = new URL(`http://${haproxy}`);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    socket.resume().write('prompt\n');
    const { index, registrations } = await readAll(nomad);
    const commands = registrations.flatMap(fill);
    for (let at = 0; at < commands.length; at += commandsInALine) {
      socket.write(`${commands.slice(at, at + commandsInALine).join(';')}\n`);
    }
    void follow(nomad, index + 1, socket);
  },
};

async function readAll(nomad: string) {
  const answer = await fetch(`${nomad}/v1/services`);
  const index = Number(answer.headers.get('x-nomad-index'));
  const namespaces = (await answer.json()) as { readonly Services: readonly { readonly ServiceName: string }[] }[];
  const names = namespaces.flatMap(({ Services }) => Services.map(({ ServiceName }) => ServiceName));
  const registrations: RawRegistration[] = [];

  async function readNext(): Promise<void> {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      const read = await fetch(`${nomad}/v1/service/${name}`);
      registrations.push(...((await read.json()) as readonly RawRegistration[]));
    }
  }

  await Promise.all(Array.from({ length: requestsAtOnce }, readNext));
  return { index, registrations };
}

async function follow(nomad: string, index: number, socket: Socket): Promise<void> {
  const stream = await fetch(`${nomad}/v1/event/stream?topic=Service&index=${index}`);
  for await (const line of createInterface(Readable.fromWeb(stream.body!))) {
    for (const { Type, Payload } of (JSON.parse(line) as RawFrame).Events ?? []) {
      if (Payload.Service === undefined) continue;
      const commands = Type === 'ServiceRegistration' ? fill(Payload.Service) : drain(Payload.Service);
      if (commands.length > 0) socket.write(`${commands.join(';')}\n`);
    }
  }
}

function fill(registration: RawRegistration): readonly string[] {
  const { backend, taken, at } = placeOf(registration);
  if (taken.includes(at)) return [];
  const free = taken.indexOf(undefined);
  const slot = free < 0 ? taken.length : free;
  taken[slot] = at;
  const server = `set server ${backend}/${slotName(slot)}`;
  return [`${server} addr ${registration.Address} port ${registration.Port}`, `${server} state ready`];
}

function drain(registration: RawRegistration): readonly string[] {
  const { backend, taken, at } = placeOf(registration);
  const slot = taken.indexOf(at);
  if (slot < 0) return [];
  taken[slot] = undefined;
  return [`set server ${backend}/${slotName(slot)} state drain`];
}

function placeOf({ ServiceName, Address, Port }: RawRegistration) {
  const backend = ServiceName.replaceAll('-', '_');
  const taken = slots.get(backend) ?? [];
  slots.set(backend, taken);
  return { backend, taken, at: `${Address}:${Port}` };
}

function slotName(slot: number): string {
  return `nomad${String(slot + 1).padStart(2, '0')}`;
}

if (import.meta.main) serveCalls(calls);
