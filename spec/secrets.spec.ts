import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { createScratch, runCommand, startCommand, type CommandRun } from './support/command-line.ts';
import { startEcho, type Echo, type EchoServer } from './support/echo-server.ts';
import { until } from './support/nomad-server.ts';

/** None is like another, or like anything else; the token is longer than what is shown of an answer. */
const planted = {
  token: `planted/token+${'t0k3n'.repeat(40)}`,
  password: 'planted&p4ss w0rd"',
  httpAuth: 'proxy:planted-pr0xy-p4ss',
} as const;

const passwords = [planted.token, planted.password, 'planted-pr0xy-p4ss', planted.httpAuth, `me:${planted.password}`];
const forms = passwords.flatMap((secret) => [
  secret,
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
]);
/** What is left of a secret that was cut: its beginning, far enough in to be no other text. */
const beginnings = ['planted/token+t0k3n', 'planted&p4ss', 'planted-pr0xy', 'cGxhbnRlZC'];

function expectNoSecret(text: string): void {
  for (const form of [...forms, ...beginnings]) expect(text).to.not.include(form);
}

/** How an end can fail and repeat what it was sent. */
const echoes: Readonly<Record<string, Echo>> = {
  '401': (words, response) => response.writeHead(401).end(words),
  '403': (words, response) => response.writeHead(403).end(JSON.stringify({ message: words })),
  '500 at length': (words, response) => response.writeHead(500).end(words.repeat(20)),
  '503 of a proxy': (words, response) => response.writeHead(503).end(`<html>${encodeURIComponent(words)}</html>`),
  '400': (words, response) => response.writeHead(400).end(JSON.stringify({ code: 400, message: `msg="${words}"` })),
  '404': (words, response) => response.writeHead(404).end(words),
  '302': (words, response) =>
    response.writeHead(302, { Location: `http://127.0.0.1:9/${encodeURIComponent(words)}` }).end(words),
  'no JSON': (words, response) => response.writeHead(200, { 'X-Nomad-Index': 7 }).end(words),
  'JSON of another shape': (words, response) =>
    response.writeHead(200, { 'X-Nomad-Index': 7 }).end(JSON.stringify({ [words]: words })),
  'a stream of error texts': (words, response) => response.writeHead(200).end(`{}\n${words.replaceAll('\n', ' ')}\n`),
  'a stream that is cut': (words, response) =>
    response.writeHead(200).end(`{}\n{"Index":"${words.replaceAll('\n', ' ')}`),
  'an answer that breaks off': (words, response) => {
    response.writeHead(200, { 'Content-Length': 100_000 }).write(words);
    setTimeout(() => response.destroy(), 20);
  },
};

describe('secrets', () => {
  const scratch = createScratch();
  let echo: EchoServer | undefined;
  let command: CommandRun | undefined;

  afterEach(async () => {
    command?.stop();
    await command?.code;
    command = undefined;
    await echo?.close();
    echo = undefined;
  });
  after(scratch.remove);

  const quiet = { HEALTH_HOST: '127.0.0.1', HEALTH_PORT: '0', LOG_LEVEL: 'trace', DEBUG_TAP: '*' };

  /** Where a secret can be given. */
  const sources: Readonly<
    Record<string, (address: string) => { args: readonly string[]; env: Record<string, string> }>
  > = {
    'the environment': (address) => ({
      args: [],
      env: {
        NOMAD_ADDR: address,
        NOMAD_TOKEN: planted.token,
        NOMAD_HTTP_AUTH: planted.httpAuth,
        HAPROXY_DATAPLANE_URL: address,
        HAPROXY_USERNAME: 'me',
        HAPROXY_PASSWORD: planted.password,
      },
    }),
    files: (address) => {
      const file = scratch.write('token', `${planted.token}\n`);
      const settings = {
        nomad: { address, token_file: file, http_auth: planted.httpAuth },
        haproxy: { address, username: 'me', password: planted.password },
      };
      return { args: ['--config', scratch.write('config.json', JSON.stringify(settings))], env: {} };
    },
    addresses: (address) => {
      const [user = '', password = ''] = planted.httpAuth.split(':');
      return {
        args: [],
        env: {
          NOMAD_ADDR: address.replace('//', `//${user}:${password}@`),
          NOMAD_TOKEN: planted.token,
          HAPROXY_DATAPLANE_URL: address.replace('//', `//me:${encodeURIComponent(planted.password)}@`),
        },
      };
    },
  };

  async function pages({ logged }: CommandRun): Promise<string> {
    const { port } = await logged('serving health, readiness and metrics');
    const texts = ['/health', '/ready', '/metrics', '/status'].map(async (path) => {
      const response = await fetch(`http://127.0.0.1:${String(port)}${path}`);
      return `${JSON.stringify([...response.headers])}${await response.text()}`;
    });
    return [...(await Promise.all(texts)), await firstEvent(Number(port))].join('\n');
  }

  /** Of the status, as somebody sees it who only now begins to look. */
  async function firstEvent(port: number): Promise<string> {
    const left = new AbortController();
    const response = await fetch(`http://127.0.0.1:${port}/events`, { signal: left.signal });
    let text = '';
    for await (const chunk of response.body!) {
      text += Buffer.from(chunk).toString();
      if (text.endsWith('\n\n')) break;
    }
    left.abort();
    expect(text).to.match(/^event: status\ndata: \{.*"nomad":/m);
    return text;
  }

  for (const [how, answer] of Object.entries(echoes)) {
    for (const [from, given] of Object.entries(sources)) {
      it(`from ${from} are nowhere in what run writes when an end answers: ${how}`, async () => {
        echo = await startEcho(answer);
        const { args, env } = given(`http://127.0.0.1:${echo.port}`);
        for (const [end, flags, lost] of [
          ['HAProxy', [], 'cannot work with HAProxy'],
          ['Nomad', ['--dry-run'], 'lost connection to Nomad'],
        ] as const) {
          const recorder = scratch.path(`${how}-${from}-${end}`.replaceAll(' ', '-'));
          command = startCommand([...args, ...flags], { ...quiet, ...env, RECORDER_FILE: recorder });
          await command.logged(lost);
          const shown = await pages(command);
          command.stop();
          await command.code;
          const recorded = existsSync(recorder) ? readFileSync(recorder, 'utf8') : '';
          if (end === 'HAProxy') expect(recorded).to.include('"exchange"');
          expectNoSecret(command.stdout() + command.stderr() + shown + recorded);
        }
      });
    }

    it(`are not in what check and explain say when an end answers: ${how}`, async () => {
      echo = await startEcho(answer);
      const { env } = sources['the environment']!(`http://127.0.0.1:${echo.port}`);
      const { code, stdout, stderr } = await runCommand(['check'], env);
      expect(code).to.equal(1);
      expect(stdout).to.include('problem');
      const explained = await runCommand(['explain', 'web'], env);
      expect(explained.code).to.equal(1);
      expectNoSecret(stdout + stderr + explained.stdout + explained.stderr);
    });

    it(`are not in a recording, nor in what record writes when Nomad answers: ${how}`, async () => {
      echo = await startEcho(answer);
      const { port, asked } = echo;
      const { args, env } = sources['the environment']!(`http://127.0.0.1:${port}`);
      const path = scratch.path(`${how.replaceAll(' ', '-')}.ndjson`);
      command = startCommand(['record', path, ...args], { ...quiet, ...env });
      await command.logged('lost connection to Nomad');
      await until(() => asked() > 0);
      command.stop();
      await command.code;
      const recorded = existsSync(path) ? readFileSync(path, 'utf8') : '';
      expectNoSecret(command.stdout() + command.stderr() + recorded);
    });
  }

  it('are not in the log when nobody answers, or the token cannot be read', async () => {
    const { env } = sources['addresses']!('http://127.0.0.1:9');
    for (const args of [[], ['--dry-run']]) {
      command = startCommand(args, { ...quiet, ...env, NOMAD_TOKEN_FILE: scratch.path('none') });
      await command.logged(args.length === 0 ? 'cannot work with HAProxy' : 'lost connection to Nomad');
      command.stop();
      await command.code;
      expectNoSecret(command.stdout() + command.stderr());
    }
  });

  it('are not in the log when they cannot be sent', async () => {
    const token = `planted\u0001t0k3n-with-a-control`;
    const { env } = sources['the environment']!('http://127.0.0.1:9');
    command = startCommand(['--dry-run'], { ...quiet, ...env, NOMAD_TOKEN: token });
    await Promise.race([command.code, command.logged('lost connection to Nomad')]);
    command.stop();
    await command.code;
    expect(command.stdout() + command.stderr()).to.not.include('t0k3n-with');
  });

  const secret = JSON.stringify(planted.password);
  const files: readonly (readonly [what: string, text: string])[] = [
    ['a file that is no JSON', `{"haproxy":{"username":"me","password":${planted.password}}}`],
    ['a file that ends early', `{"haproxy":{"username":"me","password":${secret}`],
    ['a comma too many', `{"haproxy":{"password":${secret},}}`],
    ['a secret in a list', `{"haproxy":{"password":[${secret}]},"nomad":{"token":{"value":${secret}}}}`],
    ['a secret as a section', `{"haproxy":${secret},"nomad":[${secret}]}`],
    ['a secret under a misspelt name', `{"haproxy":{"passwort":${secret}}}`],
    [
      'a secret in an address that is none',
      `{"nomad":{"address":"htp://me:${encodeURIComponent(planted.password)}@host"}}`,
    ],
  ];
  for (const [what, text] of files) {
    it(`are not in the message about ${what}`, async () => {
      const { code, stdout, stderr } = await runCommand(['--config', scratch.write('bad.json', text)]);
      expect(code).to.equal(78);
      expect(stderr).to.not.equal('');
      expectNoSecret(stdout + stderr);
    });
  }

  for (const flag of ['haproxy-password', 'nomad-token', 'nomad-http-auth']) {
    it(`are not repeated when they are given as --${flag}`, async () => {
      for (const args of [[`--${flag}=${planted.password}`], [`--${flag}`, planted.password]]) {
        const { code, stdout, stderr } = await runCommand(args);
        expect(code).to.equal(64);
        expectNoSecret(stdout + stderr);
      }
    });
  }
});
