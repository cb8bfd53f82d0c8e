import { expect } from 'chai';
import { debugTap, seams, timingOf } from '../../../lib/commands/settings.ts';
import { loadConfig, type Config } from '../../../lib/config.ts';
import { createLogger } from '../../../lib/log.ts';
import { linesOf, runCommand, type LogLine } from '../../support/command-line.ts';

function defaults(): Config {
  const loaded = loadConfig({ env: {}, needsHaproxy: false });
  return 'config' in loaded ? loaded.config : expect.fail('the defaults are no configuration');
}

describe('timingOf', () => {
  it('backs off twice as long after each failure, with jitter, for half a minute at most', () => {
    const { backoffMs } = timingOf(defaults());
    for (const [attempt, most] of [
      [1, 500],
      [2, 1000],
      [7, 30_000],
      [50, 30_000],
    ] as const) {
      for (let n = 0; n < 20; n++) expect(backoffMs(attempt)).to.be.within(most / 2, most);
    }
  });

  it('takes the budget of reloads and the wait for admission from the configuration', () => {
    expect(timingOf(defaults())).to.include({ reloadBurst: 3, reloadIntervalMs: 2000, admissionMaxWaitMs: 60_000 });
  });
});

describe('debugTap', () => {
  function tapOf(names: string | undefined) {
    const lines: string[] = [];
    const log = createLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } });
    return { tap: debugTap(names, log), said: () => lines.map((line) => JSON.parse(line) as LogLine) };
  }

  for (const names of [undefined, '', ' , ']) {
    it(`is off for ${JSON.stringify(names)}`, () => {
      const { tap, said } = tapOf(names);
      expect(tap).to.equal(undefined);
      expect(said()).to.deep.equal([]);
    });
  }

  it('traces the seams that are named, into the log', () => {
    const { tap, said } = tapOf('events,batches');
    expect(tap?.seams).to.deep.equal(new Set(['events', 'batches']));
    tap?.trace({ seam: 'events', what: 'value', value: { token: 'a-secret', name: 'web' } });
    expect(said()).to.have.length(1);
    expect(said()[0]).to.deep.include({
      msg: 'debug tap',
      seam: 'events',
      value: { token: '[redacted]', name: 'web' },
    });
  });

  it('warns of names that are no seam', () => {
    const { tap, said } = tapOf('fold,*');
    expect(tap?.seams.has('*')).to.equal(true);
    expect(said()[0]).to.deep.include({ unknown: ['fold'], known: [...seams, '*'] });
    expect(tapOf('fold').tap).to.equal(undefined);
  });

  it('knows the seams of the pipeline, in the order of the flow', async () => {
    const recording = 'fixtures/recordings/stop-purge.nomad-1.10.ndjson';
    const { stderr } = await runCommand(['replay', recording, '--dry-run', '--pace', 'max'], { DEBUG_TAP: '*' });
    const values = linesOf(stderr)
      .map((line) => JSON.parse(line) as LogLine)
      .filter(({ what, value }) => what === 'value' && (value as { kind?: string }).kind !== 'marks-found');
    expect([...new Set(values.map(({ seam }) => seam))]).to.deep.equal(seams);
  });
});
