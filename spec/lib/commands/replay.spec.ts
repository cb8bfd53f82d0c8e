import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { exitCodes } from '../../../lib/exit-codes.ts';
import { parseRecording } from '../../../lib/nomad/recording.ts';
import { createScratch, linesOf, runCommand, startCommand } from '../../support/command-line.ts';
import { until } from '../../support/nomad-server.ts';
import { replayRecording, rowsIn, servingIn } from '../../support/replayed.ts';
import { terminal } from '../../support/terminal.ts';

const rolling = 'fixtures/recordings/rolling-update.nomad-2.0.ndjson';

describe('replay', () => {
  const scratch = createScratch();
  after(scratch.remove);

  it('shows people, in time, what Nomad said and what is done to HAProxy', async () => {
    const { code, stdout, stderr } = await runCommand(['replay', rolling, '--dry-run', '--pace', 'max']);
    expect({ code, stderr }).to.deep.equal({ code: exitCodes.ok, stderr: '' });
    const timeline = linesOf(stdout.slice(0, stdout.indexOf('--- haproxy.cfg')));
    const tags = 'tags haproxy.enable=true haproxy.backend=dynamic haproxy.domain=shop.example.com';
    const registered = `  default/shop-api 127.0.0.1:20797, allocation f280f42e, ${tags}`;
    expect(timeline[0]).to.equal('    0.000s  Nomad: snapshot with 3 registrations, 1 job');
    expect(timeline).to.include(`            ${registered}`);
    const from = timeline.indexOf('    0.317s  Nomad: deregistered default/shop-api, allocation 59473c48');
    expect(timeline.slice(from, from + 8)).to.deep.equal([
      '    0.317s  Nomad: deregistered default/shop-api, allocation 59473c48',
      '    0.317s  HAProxy, configuration without a reload:',
      '              drain shop_api/nomad03',
      '    0.318s  HAProxy, configuration without a reload:',
      '              free  shop_api/nomad03',
      `    1.336s  Nomad: registered default/shop-api 127.0.0.1:20448, allocation 7a4ff9eb, ${tags}`,
      '    1.336s  HAProxy, configuration without a reload:',
      '              fill  shop_api/nomad03 with 127.0.0.1:20448 weight 100, allocation 7a4ff9eb',
    ]);
    expect(timeline.at(-1)).to.equal('9 events, 7 changes of services, 10 configuration writes, 1 reload, 0 problems');
  });

  it('lets nothing of what it shows move the cursor', async () => {
    const recorded = readFileSync(rolling, 'utf8').replaceAll('"shop-api"', JSON.stringify('shop\u001b[2J\n\u009b'));
    const file = scratch.write('cursor.ndjson', recorded);
    const { code, stdout } = await runCommand(['replay', file, '--dry-run', '--pace', 'max']);
    expect(code).to.equal(exitCodes.ok);
    expect(stdout)
      .to.include('default/shop\\u{1b}[2J\\u{a}\\u{9b}')
      .and.not.match(/[^\n\P{C}]/u);
  });

  it('ends with the configuration and the maps', async () => {
    const { stdout } = await runCommand(['replay', rolling, '--dry-run', '--pace', 'max']);
    const [, ending = ''] = stdout.split('--- haproxy.cfg\n');
    const [config, maps] = ending.split('\n--- maps\n');
    expect(config).to.equal((await replayRecording(rolling)).end.config);
    expect(maps).to.equal('exact  shop.example.com shop_api\n');
  });

  it('quotes tags that could be taken for something else', async () => {
    const { stdout } = await runCommand([
      ...['replay', 'fixtures/recordings/bad-tags.nomad-1.10.ndjson', '--dry-run', '--pace', 'max'],
    ]);
    expect(stdout).to.include(String.raw`"haproxy.check.path=/ok\n  acl evil always_true"`);
    expect(stdout).to.include('default/typo: haproxy.enabled is not a tag; did you mean haproxy.enable?');
  });

  it('tells its events from problems in its counts', async () => {
    const { notices, end } = await replayRecording('fixtures/recordings/bad-tags.nomad-1.10.ndjson');
    expect(end.problems).to.deep.equal(notices.filter(({ kind }) => kind === 'service-problems'));
    expect(end).to.include({ kind: 'replay-finished', events: 24, changes: 7 });
  });

  it('shows what was held, and an operator who lets it go', async () => {
    const [first = ''] = linesOf(readFileSync(rolling, 'utf8'));
    const empty = '{"t":1000,"snapshot":{"index":99,"registrations":[],"jobs":[]}}';
    const accepted = '{"t":2000,"accepted":["default/shop-api"]}';
    const file = scratch.write('held.ndjson', [first, empty, accepted].join('\n'));
    const { stdout } = await runCommand(['replay', file, '--dry-run', '--pace', 'max']);
    const timeline = linesOf(stdout.slice(0, stdout.indexOf('--- haproxy.cfg')));
    const from = timeline.findIndex((line) => line.startsWith('    1.000s'));
    expect(timeline.slice(from, from + 7)).to.deep.equal([
      '    1.000s  Guard: holds 1 service: namespace default is missing whole',
      '    1.000s  Nomad: snapshot with 0 registrations, 0 jobs',
      '    2.000s  Operator: default/shop-api may go',
      '    2.000s  HAProxy, configuration without a reload:',
      '              drain shop_api/nomad01',
      '              drain shop_api/nomad02',
      '              drain shop_api/nomad03',
    ]);
    expect(timeline).to.include('    2.000s  Guard: let go by an operator: default/shop-api');
    expect(timeline.at(-1)).to.match(/ 1 problem$/);
  });

  it('keeps stdout for the result: the debug tap and the log go to stderr', async () => {
    const args = ['replay', rolling, '--dry-run', '--pace', 'max', '--json'];
    const { stdout, stderr } = await runCommand(args, { DEBUG_TAP: 'batches' });
    expect(stdout).to.equal((await replayRecording(rolling)).stdout);
    expect(linesOf(stderr)).to.have.length.above(7);
    for (const line of linesOf(stderr)) expect(JSON.parse(line)).to.include({ msg: 'debug tap', seam: 'batches' });
  });

  it('leaves out the domain maps where they are switched off', async () => {
    const args = ['replay', rolling, '--dry-run', '--pace', 'max', '--domain-map-enabled', 'false'];
    const { stdout } = await runCommand(args);
    expect(stdout)
      .to.match(/--- maps\n$/)
      .and.not.include('use_backend');
  });

  it('starts from a configuration of your own, and uses the frontend that is configured', async () => {
    const args = ['--base', 'fixtures/configs/hand-written.cfg', '--haproxy-frontend', 'fe'];
    const { end, notices } = await replayRecording(rolling, ...args);
    expect(end.config).to.match(/frontend fe from main[^]*use_backend %\[var\(txn\.nomad_be\)\][^]*frontend tcp_in/);
    expect(notices.filter(({ kind }) => kind === 'service-failed')).to.deep.equal([]);
  });

  describe('--until', () => {
    const replayUntil = (value: string) => replayRecording(rolling, '--until', value);

    it('stops at a time, with the state of then', async () => {
      const { end } = await replayUntil('316');
      expect(end).to.include({ events: 1 });
      expect(servingIn(end.config)['shop_api']).to.have.length(3);
      const later = await replayUntil('317');
      expect(later.end).to.include({ events: 3 });
      expect(servingIn(later.end.config)['shop_api']).to.have.length(2);
      expect((await replayUntil('99999999')).end.config).to.equal((await replayRecording(rolling)).end.config);
    });

    it('stops behind an index of Nomad', async () => {
      const indexes = parseRecording(readFileSync(rolling, 'utf8')).flatMap(({ what }) =>
        what.kind === 'events' ? what.events.map(({ index }) => index) : [],
      );
      const [, second = 0] = [...new Set(indexes)];
      const { end } = await replayUntil(`index:${second}`);
      expect(end).to.include({ events: indexes.filter((index) => index <= second).length });
      expect((await replayUntil('index:999999')).end).to.include({ events: indexes.length });
    });

    it('says when the recording begins later', async () => {
      const line = ['replay', rolling, '--dry-run', '--pace', 'max', '--until', 'index:1'];
      const { code, stderr, stdout } = await runCommand(line);
      expect({ code, stdout }).to.deep.equal({ code: exitCodes.data, stdout: '' });
      expect(stderr).to.match(/does not have index 1: it begins at \d+\n$/);
    });

    for (const value of ['', 'soon', '-1', 'index:', '1.5'])
      it(`refuses ${JSON.stringify(value)}`, async () => {
        const { code, stderr } = await runCommand(['replay', rolling, '--dry-run', `--until=${value}`]);
        expect(code).to.equal(exitCodes.usage);
        expect(stderr).to.match(/^--until .*: give ms, or Nomad's index/);
      });
  });

  describe('--service', () => {
    const namespaces = 'fixtures/recordings/namespaces.nomad-2.0.ndjson';

    it('shows what concerns one service, and nothing else', async () => {
      const { stdout, notices, end } = await replayRecording(namespaces, '--service', 'prod/shop-api');
      const services = notices.flatMap((notice) => (notice.kind === 'applied' ? notice.steps : []));
      expect(new Set(services.map(({ service }) => service))).to.deep.equal(new Set(['prod/shop-api']));
      expect(end.config).to.match(/^backend prod_shop_api /);
      expect(end.config.match(/^backend /gm)).to.have.length(1);
      expect(rowsIn(end.maps)).to.deep.equal(['exact shop.example.com prod_shop_api']);
      expect(stdout).to.not.include('stage_shop_api').and.not.include('"service":"default/shop-api"');
      const whole = await replayRecording(namespaces);
      expect(end.events).to.be.within(1, whole.end.events - 1);
      expect(end.changes).to.be.within(1, whole.end.changes - 1);
    });

    it('finds a name in every namespace', async () => {
      const { end } = await replayRecording(namespaces, '--service', 'shop-api');
      expect(end.config.match(/^backend \S+/gm)).to.have.members([
        'backend shop_api',
        'backend prod_shop_api',
        'backend stage_shop_api',
      ]);
    });

    it('shows people nothing of others either', async () => {
      const line = ['replay', namespaces, '--dry-run', '--pace', 'max', '--service', 'stage/shop-api'];
      const { stdout } = await runCommand(line);
      expect(stdout).to.include('Nomad: registered stage/shop-api').and.not.include('prod');
    });

    it('says when there is none', async () => {
      const { code, stderr } = await runCommand(['replay', namespaces, '--dry-run', '--service', 'shop']);
      expect(code).to.equal(exitCodes.data);
      expect(stderr).to.include('there is nothing of a service shop in it');
    });
  });

  describe('--step', () => {
    const args = ['replay', rolling, '--dry-run', '--step'];

    it('waits for a key after each event, and shows services, plan and HAProxy as they are then', async () => {
      const keys = Array.from({ length: 20 }, () => ' ');
      const { input, modes } = terminal(...keys);
      const { code, stdout, stderr } = startCommand(args, {}, { stdin: input });
      expect(await code).to.equal(exitCodes.ok);
      expect(stderr()).to.equal('');
      expect(modes).to.deep.equal([true, false]);
      const moments = stdout().split('--- any key: the next event; q: quit\n');
      expect(moments).to.have.length(11);
      expect(linesOf(moments[3]!).filter((line) => !line.startsWith('  '))).to.deep.equal([
        '--- services',
        'default/shop-api  2 of 2 admitted, dynamic backend shop_api, exact shop.example.com, job shop-api',
        '--- plan',
        'HAProxy, configuration without a reload:',
        'HAProxy, configuration without a reload:',
        '--- HAProxy',
        'backend shop_api, 6 slots, 4 free',
      ]);
      expect(moments[3]).to.include('  nomad01 serving 127.0.0.1:').and.include('  exact shop.example.com -> shop_api');
      expect(moments.at(-1)).to.include('--- haproxy.cfg');
    });

    it('ends with q, with the state of then', async () => {
      const { code, stdout } = startCommand(args, {}, { stdin: terminal(' ', 'q').input });
      expect(await code).to.equal(exitCodes.ok);
      expect(stdout().split('--- any key')).to.have.length(3);
      expect(stdout()).to.match(/\n1 event, /);
    });

    it('goes with --service and --until', async () => {
      const { input } = terminal(...Array.from({ length: 20 }, () => ' '));
      const { code, stdout } = startCommand(
        [...args, '--until', '1400', '--service', 'shop-api'],
        {},
        { stdin: input },
      );
      expect(await code).to.equal(exitCodes.ok);
      expect(stdout().split('--- any key')).to.have.length(6);
    });

    it('stops when the process is asked to', async () => {
      const { code, stop, stdout } = startCommand(args, {}, { stdin: terminal().input });
      await until(() => stdout().includes('--- any key'));
      stop();
      expect(await code).to.equal(exitCodes.ok);
    });

    it('says that it needs a terminal', async () => {
      const { code, stderr } = await runCommand(args);
      expect(code).to.equal(exitCodes.usage);
      expect(stderr).to.equal('--step waits for keys, and the standard input is no terminal\n');
    });

    for (const other of ['--json', '--pace=max'])
      it(`does not go with ${other}`, async () => {
        const { code, stderr } = await runCommand([...args, other]);
        expect(code).to.equal(exitCodes.usage);
        expect(stderr).to.match(/^--step goes with neither --json nor --pace\n/);
      });
  });

  it('shows requests that were recorded: what was written and what failed', async () => {
    const lines = [
      { t: 5, snapshot: { index: 1, registrations: [], jobs: [], keep: [] } },
      { t: 6, exchange: { method: 'GET', path: '/info', ms: 1, status: 200 } },
      { t: 7, exchange: { method: 'PUT', path: '/a', ms: 2, status: 500, sent: '{}', got: 'why\nnot' } },
      { t: 9, exchange: { method: 'GET', path: '/info', ms: 1, error: 'ECONNREFUSED' } },
    ];
    const file = scratch.write('exchanges.ndjson', lines.map((line) => JSON.stringify(line)).join('\n'));
    const { stdout } = await runCommand(['replay', file, '--dry-run', '--pace', 'max']);
    expect(linesOf(stdout).slice(0, 6)).to.deep.equal([
      '    0.000s  Nomad: snapshot with 0 registrations, 0 jobs',
      '    0.002s  API, as recorded: PUT /a: 500, 2 ms',
      '              > {}',
      '              < why',
      '              < not',
      '    0.004s  API, as recorded: GET /info: ECONNREFUSED, 1 ms',
    ]);
    const json = await runCommand(['replay', file, '--dry-run', '--pace', 'max', '--json']);
    expect(linesOf(json.stdout).filter((line) => line.includes('"kind":"exchange"'))).to.have.length(3);
  });

  describe('with the recorded timing', () => {
    const quick = scratch.write(
      'quick.ndjson',
      [
        '{"t":0,"snapshot":{"index":1,"registrations":[],"jobs":[]}}',
        '{"t":300,"frame":{}}',
        '{"t":60000,"frame":{}}',
        '',
      ].join('\n'),
    );

    it('takes as long as the recording, divided by the factor', async () => {
      const startedAt = performance.now();
      expect(await runCommand(['replay', quick, '--dry-run', '--pace', '300x'])).to.include({ code: exitCodes.ok });
      expect(performance.now() - startedAt).to.be.within(180, 1500);
    });

    it('stops when it is asked to', async () => {
      const { stop, code } = startCommand(['replay', quick, '--dry-run']);
      stop();
      expect(await code).to.equal(exitCodes.ok);
    });
  });
});
