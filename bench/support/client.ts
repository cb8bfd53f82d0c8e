import { connect, type Socket } from 'node:net';
import { clockMs, pause } from './clock.ts';

/** What a new user of HAProxy gets. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A request on a connection of its own, so that after a reload it is the new process that answers. */
export function ask(address: string, host: string): Promise<Answer> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(`http://${address}`);
    let text = '';
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    socket.setEncoding('utf8').setTimeout(5000, () => socket.destroy());
    socket.on('data', (part: string) => (text += part));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve({ status: Number(text.slice(9, 12)) || 0, body: text.slice(text.indexOf('\r\n\r\n') + 4) });
    });
    socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
  });
}

/** Asks again and again until an answer will do; when that was, by the machine's clock. */
export async function untilServed(
  address: string,
  host: string,
  willDo: (answer: Answer) => boolean = ({ status }) => status === 200,
  withinMs = 30_000,
): Promise<number> {
  for (const deadline = clockMs() + withinMs; ;) {
    const answer = await ask(address, host);
    if (willDo(answer)) return clockMs();
    if (clockMs() > deadline)
      throw new Error(`${host} not served within ${withinMs} ms: last ${JSON.stringify(answer)}`);
  }
}

/** Ms after an answer that will not do; asking takes time from whoever is to serve, on a machine of few cores. */
const askAgainMs = 20;

/**
 * Asks until every host was answered with 200 once, a few at a time; when that was, by the machine's clock. Connections are
 * kept while the answers are good, or what is measured in the end would be how fast they can be made.
 */
export async function untilAllServed(
  address: string,
  hosts: readonly string[],
  withinMs = 300_000,
  atOnce = 4,
): Promise<number> {
  const deadline = clockMs() + withinMs;
  const waiting = [...hosts];

  async function askAll(): Promise<void> {
    const user = createUser(address);
    for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) {
      if ((await user.statusOf(host)) === 200) continue;
      user.leave();
      waiting.push(host);
      if (clockMs() > deadline)
        throw new Error(`${waiting.length} of ${hosts.length} hosts not served within ${withinMs} ms`);
      await pause(askAgainMs);
    }
    user.leave();
  }

  await Promise.all(Array.from({ length: atOnce }, askAll));
  return clockMs();
}

/** Asks for one host after the other on one connection; after `leave` on a new one. Status 0: no answer. */
function createUser(address: string) {
  const { hostname, port } = new URL(`http://${address}`);
  let socket: Socket | undefined;
  let text = '';
  let conclude: (status: number) => void = () => undefined;

  function open(): Socket {
    const opened = connect({ host: hostname, port: Number(port), noDelay: true });
    opened.setEncoding('utf8').setTimeout(5000, () => opened.destroy());
    opened.on('data', (part: string) => {
      text += part;
      const head = text.indexOf('\r\n\r\n');
      const length = Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? 0);
      if (head >= 0 && text.length >= head + 4 + length) conclude(Number(text.slice(9, 12)));
    });
    opened.on('error', () => undefined);
    opened.on('close', () => {
      if (socket !== opened) return;
      socket = undefined;
      conclude(0);
    });
    return opened;
  }

  return {
    statusOf: (host: string) =>
      new Promise<number>((resolve) => {
        text = '';
        conclude = resolve;
        socket ??= open();
        socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
      }),
    leave: () => {
      socket?.destroy();
      socket = undefined;
    },
  };
}
