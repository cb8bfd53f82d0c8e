import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import {
  createNomadState,
  type RawEvent,
  type RawFrame,
  type RawJob,
  type RawRegistration,
  type RawSnapshot,
} from './nomad-state.ts';

export interface NomadServerOptions {
  /** Path of a recording: its snapshot is the state at the start, its frames are what `step` and `play` send. */
  readonly recording?: string;
  /**
   * How a refused or ended stream looks. `1.10`: status 403, an error text before the end. `2.0`: status 200 and silence,
   * a clean end.
   */
  readonly version?: '1.10' | '2.0';
  /** What X-Nomad-Token has to be; without it every request is served. */
  readonly token?: string;
  readonly heartbeatMs?: number;
  /** Frames that a new stream can be replayed from. */
  readonly bufferSize?: number;
  /** Listens on this unix socket instead of a port. */
  readonly socketPath?: string;
  /** Its clock is so many ms ahead of ours. */
  readonly aheadMs?: number;
  /** Key, certificate and so on: https. */
  readonly tls?: ServerOptions;
}

export type AllocationStatus = 'running' | 'complete' | 'failed' | 'lost' | 'unknown' | 'missing';

/** An answer that is given instead of the true one. `index` is X-Nomad-Index. */
export interface Fault {
  /** Of the URL, without query. */
  readonly path: string;
  readonly status: number;
  readonly body: string;
  readonly index?: number;
}

/**
 * Nomad's HTTP API on loopback, as far as the connector uses it, over a state that recordings and calls move. Events go
 * out in the order of the calls, each with an index of its own; REST shows a change at once.
 */
export interface NomadServer {
  /** `http://127.0.0.1:port`, or what the options made of it. */
  readonly address: string;
  /** What was asked so far, oldest first. */
  readonly requests: readonly { readonly url: string; readonly headers: IncomingMessage['headers'] }[];
  /** Event streams that are open now. */
  readonly streams: () => number;

  /** Sends the recording's next frame; false when there is none left. */
  readonly step: () => boolean;
  /** Sends the recording's frames up to this line of the file, or all. */
  readonly play: (toLine?: number) => void;
  /** Sends a frame of your own making, and does to the state what it says. */
  readonly push: (frame: RawFrame) => void;
  /** Registers an instance, new or known by its ID; what is not given is made up. */
  readonly register: (given: Partial<RawRegistration> & Pick<RawRegistration, 'ServiceName'>) => RawRegistration;
  /** Removes an instance; throws when there is none. `type` is the Raft message that Nomad names as the reason. */
  readonly deregister: (id: string, type?: string, namespace?: string) => void;
  /** What became of an allocation; each registration is one's that is running until said otherwise. `missing`: collected. */
  readonly setAllocation: (id: string, status: AllocationStatus) => void;
  readonly setJob: (job: RawJob) => void;
  readonly addNamespace: (name: string) => void;
  /** What is done within changes the state and the indexes, but no stream hears of it. */
  readonly silently: (change: () => void) => void;
  /** Restores a backup: the index goes back, registrations created later are gone, the event buffer is empty. */
  readonly restore: (index: number) => void;

  readonly fail: (fault: Fault) => void;
  /** Open streams, and those opened from now on, get not a byte more. */
  readonly silence: () => void;
  /** Ends the open streams without a word, as a killed server does from 1.11.2 on. */
  readonly endStream: () => void;
  /** Ends the open streams with a server's error text. */
  readonly text: (line: string) => void;
  /** Is not there for so many ms, and then is as it was: Nomad refills its event buffer from its log. */
  readonly restart: (awayMs: number) => Promise<void>;
  /** Takes the token's rights away: REST answers 403, streams behave as the version does. */
  readonly denyToken: () => void;
  /** Takes the right to a namespace away: lists leave it out without a word, as Nomad does. */
  readonly hide: (namespace: string) => void;
  /** From now on this is the right token. */
  readonly setToken: (token: string) => void;
  /** Ends all faults. */
  readonly mend: () => void;
  readonly close: () => Promise<void>;
}

/** Waits until something has come true; fails after `withinMs`. */
export async function until(isTrue: () => boolean, withinMs = 5_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${isTrue.toString()}`);
    await setTimeout(2);
  }
}

interface Stream {
  readonly response: ServerResponse;
  readonly topics: readonly string[];
  /** As they were when the stream was opened: `*` is expanded once. */
  readonly namespaces: ReadonlySet<string>;
}

const closedText = 'subscription closed by server, client should resubscribe';

export async function startNomad(options: NomadServerOptions = {}): Promise<NomadServer> {
  const { version = '2.0', heartbeatMs = 30_000, aheadMs = 0, socketPath, tls } = options;
  const recording = options.recording === undefined ? empty : readRecording(options.recording);
  const state = createNomadState(recording.snapshot, options.bufferSize);
  const requests: { url: string; headers: IncomingMessage['headers'] }[] = [];
  const streams = new Set<Stream>();
  const faults = new Map<string, Fault>();
  const allocations = new Map<string, AllocationStatus>();
  const hidden = new Set<string>();
  let token = options.token;
  let denied = false;
  let silent = false;
  let quietly = false;
  let played = 0;

  // Requests

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', 'http://nomad');
    requests.push({ url: request.url ?? '', headers: request.headers });
    response.setHeader('Date', new Date(Date.now() + aheadMs).toUTCString());
    const namespace = url.searchParams.get('namespace') ?? 'default';
    const fault = faults.get(url.pathname);
    const refused = denied || (token !== undefined && request.headers['x-nomad-token'] !== token);

    if (fault !== undefined) answer(response, fault.status, fault.body, fault.index);
    else if (url.pathname === '/v1/event/stream') openStream(url.searchParams, refused, response);
    else if (url.pathname === '/v1/status/leader') answerPlain(response, '10.0.0.1:4647');
    else if (url.pathname === '/v1/acl/token/self') answerToken(response, refused);
    else if (refused || hidden.has(namespace)) answer(response, 403, 'Permission denied');
    else if (url.pathname === '/v1/agent/self') answerPlain(response, agentSelf(version));
    else if (url.pathname === '/v1/services') answerJson(response, servicesOf(namespace));
    else if (url.pathname === '/v1/namespaces')
      answerJson(
        response,
        [...state.namespaces].map((Name) => ({ Name })),
      );
    else if (url.pathname === '/v1/allocations') answerJson(response, allocationsOf(url.searchParams, namespace));
    // `*` is taken literally.
    else if (url.pathname.startsWith('/v1/service/'))
      answerJson(response, state.registrationsOf(lastPart(url), namespace));
    else if (url.pathname.endsWith('/versions')) answerVersions(response, url.pathname, namespace);
    else if (url.pathname.startsWith('/v1/job/')) answerJob(response, state.job(lastPart(url), namespace));
    else answer(response, 404, 'Invalid URL');
  }

  function answer(response: ServerResponse, status: number, body: string, index = state.tableIndex()): void {
    response.writeHead(status, { 'X-Nomad-Index': index }).end(body);
  }

  function answerJson(response: ServerResponse, body: unknown): void {
    answer(response, 200, JSON.stringify(body));
  }

  /** Without an index, as agents answer. */
  function answerPlain(response: ServerResponse, body: unknown): void {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  }

  /** ACLs are on where there is a token. */
  function answerToken(response: ServerResponse, refused: boolean): void {
    if (token === undefined && !denied) response.writeHead(400).end('ACL support disabled');
    else if (refused) response.writeHead(404).end('ACL token not found');
    else answerPlain(response, { Name: 'connector', Type: 'client', Policies: ['read'], ExpirationTime: null });
  }

  function answerJob(response: ServerResponse, job: RawJob | undefined): void {
    if (job === undefined) answer(response, 404, 'job not found');
    else answerJson(response, job);
  }

  function answerVersions(response: ServerResponse, path: string, namespace: string): void {
    const id = decodeURIComponent(path.split('/').at(-2) ?? '');
    const Versions = state.versions(id, namespace);
    if (Versions.length === 0) answer(response, 404, 'job versions not found');
    else answerJson(response, { Diffs: null, Versions });
  }

  /** `*` shows all namespaces. */
  function servicesOf(namespace: string): unknown {
    const visible = state.registrations().filter((one) => isVisible(one, namespace));
    return [...Map.groupBy(visible, (one) => one.Namespace)].map(([Namespace, inIt]) => ({
      Namespace,
      Services: [...Map.groupBy(inIt, (one) => one.ServiceName)].map(([ServiceName, instances]) => ({
        ServiceName,
        Tags: [...new Set(instances.flatMap((one) => one.Tags))],
      })),
    }));
  }

  function isVisible({ Namespace }: { readonly Namespace: string }, namespace: string): boolean {
    return namespace === '*' ? !hidden.has(Namespace) : Namespace === namespace;
  }

  /** Of filters it knows those by `ClientStatus != "..."`, joined by `and`. */
  function allocationsOf(query: URLSearchParams, namespace: string): unknown {
    const left = [...(query.get('filter') ?? '').matchAll(/ClientStatus != "(\w+)"/g)].map(([, status]) => status);
    return state
      .registrations()
      .filter((one) => isVisible(one, namespace))
      .map(({ AllocID: ID, Namespace }) => ({ ID, Namespace, ClientStatus: allocations.get(ID) ?? 'running' }))
      .filter(({ ClientStatus }) => ClientStatus !== 'missing' && !left.includes(ClientStatus));
  }

  // Streams

  function openStream(query: URLSearchParams, refused: boolean, response: ServerResponse): void {
    if (refused && version === '1.10') {
      answer(response, 403, 'Permission denied');
      return;
    }
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
    if (refused) return;

    const namespace = query.get('namespace') ?? 'default';
    const stream: Stream = {
      response,
      topics: query.getAll('topic'),
      namespaces: new Set(namespace === '*' ? state.namespaces : [namespace]),
    };
    const replayed = state.replay(Number(query.get('index') ?? 0));
    streams.add(stream);
    response.on('close', () => streams.delete(stream));
    send(stream, {});
    for (const frame of replayed) send(stream, frame);
  }

  /** The line and its end are two writes, and thus two chunks, as in Nomad up to 1.11.1. */
  function send({ response, topics, namespaces }: Stream, frame: RawFrame): void {
    if (silent) return;
    const events = frame.Events?.filter((one) => topics.includes(one.Topic) && namespaces.has(one.Namespace));
    if (events?.length === 0) return;
    response.write(JSON.stringify(events === undefined ? frame : { ...frame, Events: events }));
    response.write('\n');
  }

  function endStreams(text = ''): void {
    for (const { response } of streams) response.end(text);
    streams.clear();
  }

  // Changes

  function push(frame: RawFrame): void {
    state.apply(frame);
    if (quietly) return;
    if (frame.Events !== undefined) state.remember(frame);
    for (const stream of streams) send(stream, frame);
  }

  function pushEvent(event: Omit<RawEvent, 'Index'>): void {
    const Index = state.nextIndex();
    push({ Index, Events: [{ ...event, Index }] });
  }

  function pushService(type: string, registration: RawRegistration): void {
    pushEvent({
      Topic: 'Service',
      Type: type,
      Namespace: registration.Namespace,
      Key: registration.ID,
      FilterKeys: [registration.JobID, registration.ServiceName],
      Payload: { Service: registration },
    });
  }

  function step(): boolean {
    const frame = recording.frames[played];
    if (frame === undefined) return false;
    played += 1;
    push(frame);
    return true;
  }

  const server: Server = tls === undefined ? createHttpServer(serve) : createHttpsServer(tls, serve);
  if (socketPath === undefined) server.listen(0, '127.0.0.1');
  else server.listen(socketPath);
  await once(server, 'listening');
  const heartbeat = setInterval(() => {
    for (const stream of streams) send(stream, {});
  }, heartbeatMs);

  return {
    address: addressOf(server, socketPath, tls !== undefined),
    requests,
    streams: () => streams.size,
    step,
    /** The snapshot is line 1. */
    play(toLine = Infinity) {
      while (played + 1 < toLine && step());
    },
    push,
    register(given) {
      const index = state.nextIndex();
      const namespace = given.Namespace ?? 'default';
      const known = given.ID === undefined ? undefined : state.find(given.ID, namespace);
      const registration = { ...made(index, given.ServiceName), ...known, ...given, ModifyIndex: index };
      pushService('ServiceRegistration', registration);
      return registration;
    },
    deregister(id, type = 'ServiceDeregistration', namespace = 'default') {
      const registration = state.find(id, namespace);
      if (registration === undefined) throw new Error(`no registration ${id} in namespace ${namespace}`);
      pushService(type, registration);
    },
    setAllocation: (id, status) => allocations.set(id, status),
    setJob(job) {
      const index = state.nextIndex();
      const CreateIndex = state.job(job.ID, job.Namespace)?.['CreateIndex'] ?? index;
      pushEvent({
        Topic: 'Job',
        Type: 'JobRegistered',
        Namespace: job.Namespace,
        Key: job.ID,
        FilterKeys: null,
        Payload: { Job: { CreateIndex, JobModifyIndex: index, Stable: false, ...job } },
      });
    },
    addNamespace: (name) => state.namespaces.add(name),
    silently(change) {
      quietly = true;
      try {
        change();
      } finally {
        quietly = false;
      }
    },
    restore: state.restore,
    fail(fault) {
      faults.set(fault.path, fault);
    },
    silence() {
      silent = true;
    },
    endStream: endStreams,
    text: endStreams,
    async restart(awayMs) {
      const at = server.address();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await setTimeout(awayMs);
      if (typeof at === 'string') server.listen(at);
      else server.listen(at?.port, '127.0.0.1');
      await once(server, 'listening');
    },
    denyToken() {
      denied = true;
      if (version === '1.10') endStreams(closedText);
      else streams.clear();
    },
    hide: (namespace) => hidden.add(namespace),
    setToken(value) {
      token = value;
    },
    mend() {
      faults.clear();
      hidden.clear();
      denied = false;
      silent = false;
    },
    async close() {
      clearInterval(heartbeat);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const empty: Recording = { snapshot: { index: 1, registrations: [], jobs: [] }, frames: [] };

interface Recording {
  readonly snapshot: RawSnapshot;
  readonly frames: readonly RawFrame[];
}

function readRecording(path: string): Recording {
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  const parsed = lines.map((line) => JSON.parse(line) as { snapshot?: RawSnapshot; frame?: RawFrame });
  return {
    snapshot: parsed[0]?.snapshot ?? empty.snapshot,
    frames: parsed.flatMap(({ frame }) => (frame === undefined ? [] : [frame])),
  };
}

/** An instance as Nomad would make it, unlike any other. */
function made(index: number, service: string): RawRegistration {
  const alloc = `00000000-0000-0000-0000-${String(index).padStart(12, '0')}`;
  return {
    ID: `_nomad-task-${alloc}-group-${service}-${service}-http`,
    ServiceName: service,
    Namespace: 'default',
    NodeID: '11111111-0000-0000-0000-000000000000',
    Datacenter: 'dc1',
    JobID: service,
    AllocID: alloc,
    Tags: ['haproxy.enable=true'],
    Address: '127.0.0.1',
    Port: 20_000 + (index % 10_000),
    CreateIndex: index,
    ModifyIndex: index,
  };
}

function agentSelf(version: string): unknown {
  return { config: { Version: { Version: `${version}.5`, VersionPrerelease: '' } }, member: {}, stats: {} };
}

function lastPart(url: URL): string {
  return decodeURIComponent(url.pathname.split('/').at(-1) ?? '');
}

function addressOf(server: Server, socketPath: string | undefined, secure: boolean): string {
  if (socketPath !== undefined) return `unix://${socketPath}`;
  return `${secure ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
