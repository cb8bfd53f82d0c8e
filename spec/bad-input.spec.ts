import { expect } from 'chai';
import { createScratch, runCommand, startCommand, type CommandRun, type LogLine } from './support/command-line.ts';
import { startNomad, until, type NomadServer } from './support/nomad-server.ts';
import { replayRecording } from './support/replayed.ts';

const long = 'x'.repeat(300);
const enabled = ['haproxy.enable=true'];
const quietly = { HEALTH_HOST: '127.0.0.1', HEALTH_PORT: '0' };

/** The message that says what is wrong: its text, and what its fields have to hold. */
interface Told {
  readonly msg: string;
  readonly fields: readonly (string | RegExp)[];
}

function skipped(...fields: Told['fields']): Told {
  return { msg: 'skipped input from Nomad', fields };
}
function problem(...fields: Told['fields']): Told {
  return { msg: 'service has problems that its owner should mend', fields };
}
function lost(...fields: Told['fields']): Told {
  return { msg: 'lost connection to Nomad', fields };
}

type Registered = Parameters<NomadServer['register']>[0];

/** Registrations that are wrong, wherever they come from. */
const registrations: readonly (readonly [what: string, given: Registered, told: Told | undefined])[] = [
  ['an empty address', { ServiceName: 'bad', Address: '', Tags: enabled }, problem('default/bad', 'address')],
  ['port 0', { ServiceName: 'bad', Port: 0, Tags: enabled }, problem('default/bad', 'port 0')],
  [
    'the address of a metadata service',
    { ServiceName: 'bad', Address: '169.254.169.254', Tags: enabled },
    problem('default/bad', '169.254.169.254', 'where HAProxy is not sent'),
  ],
  [
    'a line end in a tag',
    { ServiceName: 'bad', Tags: [...enabled, 'haproxy.check.path=/\nbackend evil'] },
    problem('default/bad', 'haproxy.check.path', '/\\\\nbackend evil', 'no blanks or quotes'),
  ],
  [
    'a thousand domains',
    {
      ServiceName: 'bad',
      Tags: [...enabled, `haproxy.domain=${Array.from({ length: 1000 }, (_, n) => `d${n}.x`).join()}`],
    },
    problem('default/bad', 'domains', 'are 1000; the first 100 count'),
  ],
  [
    'a regex domain that would keep HAProxy busy',
    { ServiceName: 'bad', Tags: [...enabled, 'haproxy.domain=^(a|aa)+$', 'haproxy.domain.type=regex'] },
    problem('default/bad', '^(a|aa)+$', 'a repeated group with a choice'),
  ],
  // Served under a shortened name.
  ['a name of 300 characters', { ServiceName: long, Tags: enabled }, undefined],
  [
    'a backend name of 300 characters',
    { ServiceName: 'bad', Tags: [...enabled, `haproxy.backend.name=${long}`] },
    problem('default/bad', 'haproxy.backend.name', 'up to 120 letters'),
  ],
  [
    'a domain of 300 characters',
    { ServiceName: 'bad', Tags: [...enabled, `haproxy.domain=${long}.example.com`] },
    problem('default/bad', 'domain', 'is not a host name'),
  ],
  [
    'an unknown tag',
    { ServiceName: 'bad', Tags: [...enabled, 'haproxy.domian=a.example.com'] },
    problem('default/bad', 'haproxy.domian', 'did you mean haproxy.domain?'),
  ],
  [
    'a bad value of a tag',
    { ServiceName: 'bad', Tags: [...enabled, 'haproxy.weight=heavy'] },
    problem('default/bad', 'haproxy.weight', 'heavy', '0 to 256'),
  ],
  [
    'a regex domain that is none',
    { ServiceName: 'bad', Tags: [...enabled, 'haproxy.domain=([a-z', 'haproxy.domain.type=regex'] },
    problem('default/bad', '([a-z', 'is not a valid regular expression'),
  ],
];

/** What a stream can say that is no event. */
const lines: readonly (readonly [what: string, say: (nomad: NomadServer) => void, told: Told])[] = [
  [
    'a malformed frame',
    (nomad) => {
      nomad.push({ Index: 'seven' } as never);
    },
    lost('malformed', 'Index must be integer', '/v1/event/stream'),
  ],
  [
    'half a frame',
    (nomad) => {
      nomad.text('{"Index":7,"Eve');
    },
    lost('malformed', 'the event stream was cut', '{\\"Index\\":7,\\"Eve', '/v1/event/stream'),
  ],
  [
    'a line of 5 MiB',
    (nomad) => {
      nomad.setJob({ ID: 'huge', Namespace: 'default', Meta: { text: 'x'.repeat(5 * 1024 * 1024) } });
    },
    skipped('a line of the event stream', /too long: \d+ bytes/),
  ],
];

/** Nomad's refusals: the path that is refused, and how. */
const refusals: readonly (readonly [what: string, status: number, body: string, told: Told])[] = [
  [
    'a Nomad without a leader',
    500,
    'No cluster leader',
    lost('unreachable', 'No cluster leader', 'GET http://127.0.0.1:'),
  ],
  ['401', 401, 'Unauthorized', lost('unauthorized', 'Nomad answered 401', 'NOMAD_TOKEN', 'GET http://127.0.0.1:')],
  ['403', 403, 'Permission denied', lost('unauthorized', 'Permission denied', 'read-job', 'GET http://127.0.0.1:')],
];

describe('bad input while it runs', () => {
  let nomad: NomadServer;
  let command: CommandRun;

  beforeEach(async () => {
    nomad = await startNomad();
    nomad.register({ ServiceName: 'good', Tags: [...enabled, 'haproxy.domain=good.example.com'] });
  });

  afterEach(async () => {
    command.stop();
    await command.code;
    await nomad.close();
  });

  async function start() {
    command = startCommand(['--dry-run'], {
      ...quietly,
      NOMAD_ADDR: nomad.address,
    });
    await command.logged('tried every service of the first snapshot');
  }

  function complaints(): readonly LogLine[] {
    return command.log().filter(({ level }) => level >= 40);
  }

  async function expectTold({ msg, fields }: Told): Promise<void> {
    await command.logged(msg);
    const text = JSON.stringify(complaints()[0]);
    for (const field of fields) {
      if (typeof field === 'string') expect(text).to.include(field);
      else expect(text).to.match(field);
    }
  }

  function changesOf(service: string) {
    return command
      .log()
      .filter(({ msg, services }) => msg === 'would change HAProxy' && (services as string[]).includes(service));
  }

  /** What was applied stays, and what comes later is applied. */
  async function expectUnharmed(): Promise<void> {
    nomad.register({ ServiceName: 'later', Tags: enabled });
    await until(() => changesOf('default/later').length > 0, 3000);
    const done = changesOf('default/good').flatMap(({ steps }) => Object.keys(steps as object));
    expect(done).to.have.members(['create-backend', 'fill-slot', 'install-routing', 'set-route']);
  }

  for (const [what, given, told] of registrations) {
    for (const source of ['an event', 'the snapshot'] as const) {
      it(`${what} in ${source}: ${told === undefined ? 'nothing to say' : told.msg}`, async () => {
        if (source === 'the snapshot') nomad.register(given);
        await start();
        if (source === 'an event') nomad.register(given);
        if (told !== undefined) await expectTold(told);
        await expectUnharmed();
        expect(complaints().map(({ msg }) => msg)).to.deep.equal(told === undefined ? [] : [told.msg]);
      });
    }
  }

  for (const [source, told] of [
    ['an event', problem('default/..', 'a name that cannot be used')],
    ['the snapshot', skipped('service default/..', 'cannot be asked for by such a name')],
  ] as const) {
    it(`a way in a path as name in ${source}: ${told.msg}`, async () => {
      if (source === 'the snapshot') nomad.register({ ServiceName: '..', Tags: enabled });
      await start();
      if (source === 'an event') nomad.register({ ServiceName: '..', Tags: enabled });
      await expectTold(told);
      await expectUnharmed();
      expect(complaints().map(({ msg }) => msg)).to.deep.equal([told.msg]);
    });
  }

  it('null tags: the same as none', async () => {
    await start();
    nomad.register({ ServiceName: 'bad', Tags: null as never });
    await expectUnharmed();
    expect(complaints()).to.deep.equal([]);
  });

  for (const [what, say, told] of lines) {
    it(`${what}: ${told.msg}`, async () => {
      await start();
      say(nomad);
      await expectTold(told);
      await until(() => nomad.streams() === 1, 3000);
      await expectUnharmed();
      expect(complaints().map(({ msg }) => msg)).to.deep.equal([told.msg]);
    });
  }

  for (const [what, status, body, told] of refusals) {
    it(`${what} while it runs: ${told.msg}`, async () => {
      await start();
      nomad.fail({ path: '/v1/event/stream', status, body });
      nomad.fail({ path: '/v1/service/none', status, body });
      nomad.endStream();
      await expectTold(told);
      nomad.mend();
      await until(() => nomad.streams() === 1, 3000);
      await expectUnharmed();
      expect(new Set(complaints().map(({ msg }) => msg))).to.deep.equal(new Set([told.msg]));
    });
  }
});

describe('bad input of other kinds', () => {
  const scratch = createScratch();
  after(scratch.remove);

  it('a domain that is not for its namespace: the service is served without it, and told whose it may be', async () => {
    const nomad = await startNomad();
    nomad.register({ ServiceName: 'web', Tags: [...enabled, 'haproxy.domain=shop.example.com,a.apps.example.com'] });
    const POLICY_ALLOWED_DOMAINS = 'shop=shop.example.com,*=*.apps.example.com';
    const command = startCommand(['--dry-run'], { ...quietly, NOMAD_ADDR: nomad.address, POLICY_ALLOWED_DOMAINS });
    const line = await command.logged('service has problems that its owner should mend');
    expect(JSON.stringify(line))
      .to.include('shop.example.com')
      .and.include('policy.allowed_domains gives namespace default');
    const changed = await command.logged('would change HAProxy');
    await command.logged('tried every service of the first snapshot');
    const routes = command.log().filter(({ steps }) => steps !== undefined && 'set-route' in (steps as object));
    expect(changed['services']).to.deep.equal(['default/web']);
    expect(routes.map(({ steps }) => steps)).to.deep.equal([{ 'set-route': 1 }]);
    command.stop();
    await command.code;
    await nomad.close();
  });

  it('an unknown topic: skipped input from Nomad', async () => {
    const snapshot = { index: 1, registrations: [], jobs: [] };
    const event = { Topic: 'Node', Type: 'NodeDrain', Namespace: '', Key: 'n', Index: 7, Payload: {} };
    const path = scratch.write(
      'node.ndjson',
      [
        { t: 0, snapshot },
        { t: 1, frame: { Index: 7, Events: [event] } },
      ]
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    );
    const { end } = await replayRecording(path);
    const why = 'topic Node is not one of Service, Job';
    expect(end.problems).to.deep.equal([{ kind: 'nomad-input-skipped', what: 'event 1 of index 7', why }]);
  });

  it('an unreachable Nomad at start: lost connection to Nomad', async () => {
    const { stop, code, logged } = startCommand(['--dry-run'], { ...quietly, NOMAD_ADDR: 'http://127.0.0.1:9' });
    expect(await logged('lost connection to Nomad')).to.deep.include({
      failure: 'unreachable',
      what: 'no answer from Nomad: connect ECONNREFUSED 127.0.0.1:9',
      hint: 'check nomad.address (NOMAD_ADDR), and that the agent is up',
    });
    stop();
    expect(await code).to.equal(0);
  });

  it('an unreachable Data Plane API at start: cannot work with HAProxy', async () => {
    const access = { HAPROXY_USERNAME: 'u', HAPROXY_PASSWORD: 'p', HAPROXY_DATAPLANE_URL: 'http://127.0.0.1:9' };
    const { stop, code, logged } = startCommand([], { ...quietly, ...access });
    const line = await logged('cannot work with HAProxy');
    expect(line).to.include({ failure: 'unreachable' });
    expect(JSON.stringify(line)).to.include('127.0.0.1:9').and.to.include('HAPROXY_DATAPLANE_URL');
    stop();
    expect(await code).to.equal(0);
  });

  it('a configuration file with a typo: what, where and what was meant', async () => {
    const file = scratch.write('typo.json', '{"haproxy":{"drain_timeout":5}}');
    const { code, stderr } = await runCommand(['--dry-run', '--config', file]);
    expect(code).to.equal(78);
    expect(stderr).to.match(/^.*typo\.json.*haproxy\.drain_timeout.*did you mean drain_timeout_sec\?.*\n$/);
  });
});
