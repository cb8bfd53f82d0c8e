import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

describe('bench/pipeline', () => {
  it('runs, and prints one JSON object', function () {
    this.slow(10_000);
    const script = fileURLToPath(new URL('../bench/pipeline.ts', import.meta.url));
    const report = JSON.parse(
      execFileSync(process.execPath, [script, '--quick', '--json'], { encoding: 'utf8' }),
    ) as Record<string, readonly Record<string, unknown>[]>;

    expect(report['figures']?.map(({ stage }) => stage)).to.deep.equal([
      'JSON.parse',
      'decode',
      'fold',
      'plan',
      'whole pipeline',
      'JSON.parse, job events too',
      'pipeline, job events too',
      'JSON.parse, mixed',
      'pipeline, mixed',
    ]);
    for (const figure of report['figures'] ?? []) expect(figure['eventsPerSecond']).to.be.above(0);
    expect(report['memory']).to.have.length(2);
    expect(report['targets']).to.not.be.empty;
    expect(report['machine']).to.include.keys('cpu', 'cores', 'node');
  });
});
