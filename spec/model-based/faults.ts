import fc from 'fast-check';
import type { TwinState } from '../../lib/haproxy/dry-run.ts';
import type { FailureKind } from '../../lib/model/failure.ts';
import { namespaces } from './cluster.ts';
import { command, type Command } from './commands.ts';
import type { FrameFault, StreamEnd } from './nomad.ts';
import type { World } from './world.ts';

const seconds = (from: number, to: number) => fc.integer({ min: from, max: to }).map((s) => s * 1000);
const transient = fc.constantFrom('unreachable', 'malformed', 'unauthorized');

/** Time goes by, and connectors come and go. */
export const timeCommands: readonly fc.Arbitrary<Command>[] = [
  fc.constantFrom(1, 30, 100, 300, 2000).map(passes),
  fc.oneof(seconds(1, 10), seconds(20, 120)).map(passes),
  fc.constant(null).map(restarts),
];

export function passes(ms: number): Command {
  return command(`${ms} ms pass`, ({ time }) => {
    time.advance(ms);
  });
}

export function restarts(): Command {
  return command('the connector is killed and started again', (world) => {
    world.restart();
  });
}

export function isRestored(writes: number): Command {
  return command(`a backup is restored that is ${writes} writes old`, ({ nomad }) => {
    nomad.cluster.restore(writes);
    nomad.endStreams('ends');
  });
}

export function writeIsRefused(kind: FailureKind): Command {
  return command(`the next write is refused for one service (${kind})`, ({ haproxy }) => {
    haproxy.failWrite({ what: 'is refused for one service', kind });
  });
}

export function writeFails(kind: FailureKind): Command {
  return command(`the next write fails (${kind})`, ({ haproxy }) => {
    haproxy.failWrite({ what: 'fails', kind });
  });
}

/** What goes wrong between Nomad and the connector. */
export const nomadFaults: readonly fc.Arbitrary<Command>[] = [
  fc.constantFrom<StreamEnd>('ends', 'breaks', 'ends in the middle of a line', 'ends with an error text').map((how) =>
    command(`the event stream ${how}`, ({ nomad }) => {
      nomad.endStreams(how);
    }),
  ),
  fc.constant(
    command('the event stream falls silent', ({ nomad }) => {
      nomad.silenceStreams();
    }),
  ),
  fc.constantFrom<FrameFault>('lost', 'doubled', 'swapped with the next one').map((fault) =>
    command(`the next frame is ${fault}`, ({ nomad }) => {
      nomad.spoilFrame(fault);
    }),
  ),
  fc.constantFrom(0, 50, 1500).map((ms) =>
    command(`frames arrive ${ms} ms late`, ({ nomad }) => {
      nomad.delayFrames(ms);
    }),
  ),
  fc.constantFrom(2, 400, 3000).map((ms) =>
    command(`Nomad answers in ${ms} ms`, ({ nomad }) => {
      nomad.answerIn(ms);
    }),
  ),
  fc
    .record({ after: fc.nat(6), count: fc.integer({ min: 1, max: 4 }), kind: transient })
    .map(({ after, count, kind }) =>
      command(`after ${after} requests Nomad fails ${count} (${kind})`, ({ nomad }) => {
        nomad.failRequests(after, count, kind);
      }),
    ),
  seconds(1, 60).map((ms) =>
    command(`Nomad is away for ${ms} ms`, ({ nomad, time }) => {
      nomad.goAway();
      time.advance(ms);
      nomad.mend();
    }),
  ),
  fc.tuple(fc.constantFrom(...namespaces), seconds(5, 60)).map(([namespace, ms]) =>
    command(`the token may read ${namespace} alone for ${ms} ms`, ({ nomad, time }) => {
      nomad.limitToken(namespace);
      time.advance(ms);
      nomad.mend();
    }),
  ),
  fc.constant(
    command('so much happens elsewhere that the event buffer runs over', ({ nomad }) => {
      nomad.cluster.busyElsewhere(10);
    }),
  ),
  fc.integer({ min: 1, max: 12 }).map(isRestored),
];

/** What goes wrong between the connector and HAProxy. */
export const haproxyFaults: readonly fc.Arbitrary<Command>[] = [
  fc.constantFrom(0, 40, 400, 3000).map((ms) =>
    command(`HAProxy answers in ${ms} ms`, ({ haproxy }) => {
      haproxy.answerIn(ms);
    }),
  ),
  fc
    .constantFrom(
      'unreachable',
      'unauthorized',
      'conflict',
      'rejected',
      'not-found',
      'reload-failed',
      'unsupported',
      'malformed',
    )
    .map(writeFails),
  fc.constant(
    command('the next write is done, but its answer is lost', ({ haproxy }) => {
      haproxy.failWrite({ what: 'is done, but its answer is lost' });
    }),
  ),
  fc.constant(
    command('the next write finds that somebody else was faster', ({ haproxy }) => {
      haproxy.failWrite({ what: 'finds that somebody else was faster' });
    }),
  ),
  fc.constantFrom('rejected', 'unreachable').map(writeIsRefused),
  transient.map((kind) =>
    command(`the next read of HAProxy fails (${kind})`, ({ haproxy }) => {
      haproxy.failRead(kind);
    }),
  ),
  seconds(1, 40).map((ms) =>
    command(`HAProxy is away for ${ms} ms`, ({ haproxy, time }) => {
      haproxy.goAway();
      time.advance(ms);
      haproxy.mend();
    }),
  ),
];

type Edit = (text: string) => string;

/** What somebody else writes into the text that is theirs. */
const theirEdits: readonly (readonly [what: string, edit: Edit])[] = [
  ['a comment', (text) => text.replace('\nbackend legacy', '\n# Ask Jo.\nbackend legacy')],
  [
    'a rule of the frontend',
    (text) => text.replace('\n  bind :80\n', '\n  bind :80\n  acl office src 10.0.0.0/8 # all\n'),
  ],
  ['a server', (text) => text.replace('\n  server old1', '\n  server older 10.66.0.9:80\n  server old1')],
  ['the balance of a backend', (text) => text.replace('balance leastconn\n', 'balance first\n')],
  [
    'a backend',
    (text) => text.replace('\nbackend fixed', '\nbackend more from main\n  server m 10.66.0.3:80\n\nbackend fixed'),
  ],
];

function deleteBackend(state: TwinState): void {
  const [section, name] = /\nbackend (\S+)[^\n]*\n {2}description nomad [^]*?\n(?=\n|$)/.exec(state.text) ?? [];
  if (section === undefined) return;
  state.text = state.text.replace(section, '');
  for (const rows of Object.values(state.maps)) {
    for (const [key, backend] of rows) if (backend === name) rows.delete(key);
  }
}

/** What somebody else does to what is ours. */
const damages: readonly (readonly [what: string, edit: (state: TwinState) => void])[] = [
  ['a slot of ours is deleted', (state) => (state.text = state.text.replace(/\n {2}server nomad\d+ .*/, ''))],
  [
    'a slot of ours is disabled',
    (state) => (state.text = state.text.replace(/(\n {2}server nomad\d+ [^#\n]*?)(?<! disabled) #/, '$1 disabled #')),
  ],
  [
    'a slot of ours leads elsewhere',
    (state) => (state.text = state.text.replace(/\n {2}server (nomad\d+) \S+/, '\n  server $1 10.99.0.1:9')),
  ],
  ['a backend of ours is deleted, with its rows', deleteBackend],
  ['our routing rule is deleted', (state) => (state.text = state.text.replaceAll(/\n.*txn\.nomad_.*/g, ''))],
  ['a row is deleted', ({ maps }) => maps.exact.delete([...maps.exact.keys()][0] ?? '')],
  ['a row leads elsewhere', leadElsewhere],
];

function leadElsewhere({ maps }: TwinState): void {
  const [key] = maps.exact.keys();
  if (key !== undefined) maps.exact.set(key, 'nowhere');
}

export function rowLeadsElsewhere(): Command {
  return command('a row leads elsewhere, unseen', ({ haproxy }) => {
    haproxy.edit(leadElsewhere, true);
  });
}

/** Others who write where we write. */
export const otherWriters: readonly fc.Arbitrary<Command>[] = [
  fc.tuple(fc.constantFrom(...theirEdits), fc.boolean()).map(([[what, edit], unseen]) =>
    command(`somebody writes ${what}${unseen ? ', unseen' : ''}`, (world) => {
      writes(world, edit, unseen);
    }),
  ),
  fc.tuple(fc.constantFrom(...damages), fc.boolean()).map(([[what, edit], unseen]) =>
    command(`${what}${unseen ? ', unseen' : ''}`, ({ haproxy }) => {
      haproxy.edit(edit, unseen);
    }),
  ),
];

function writes({ haproxy, foreign }: World, edit: Edit, unseen: boolean): void {
  foreign.text = edit(foreign.text);
  haproxy.edit((state) => {
    state.text = edit(state.text);
  }, unseen);
}
