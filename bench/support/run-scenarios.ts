import { parseArgs } from 'node:util';
import { createDataplaneClient } from '../../lib/haproxy/client.ts';
import { answerOf, startHaproxy } from '../../spec-integration/support/haproxy.ts';
import type { Scenario } from '../latency/scenario.ts';
import { startApps } from './apps.ts';
import { baseConfig } from './haproxy-config.ts';
import { describeMachine } from './machine.ts';
import { renderReport, type Report, type Row } from './report.ts';

/**
 * Runs scenarios one after the other and prints what they found: as a table, or with `--json` as one JSON object.
 * `--only <name>` (several times): those whose names begin so. `--repetitions <n>` in place of each one's own number.
 * What it is at goes to stderr. A scenario that fails is told there, and the others are run all the same.
 */
export async function runScenarios(scenarios: Readonly<Record<string, Scenario>>): Promise<void> {
  const { values: flags } = parseArgs({
    options: {
      json: { type: 'boolean' },
      only: { type: 'string', multiple: true },
      repetitions: { type: 'string' },
    },
  });
  const chosen = Object.entries(scenarios).filter(([name]) => flags.only?.some((one) => name.startsWith(one)) ?? true);
  if (chosen.length === 0) throw new Error(`--only: one of ${Object.keys(scenarios).join(', ')}`);
  const machine = { ...describeMachine(), ...(await readVersions()) };
  const apps = startApps();
  const rows: Row[] = [];
  for (const [name, scenario] of chosen) {
    process.stderr.write(`${name} ...\n`);
    try {
      rows.push(
        ...(await scenario({ apps: apps.call, ...(flags.repetitions && { repetitions: Number(flags.repetitions) }) })),
      );
    } catch (error) {
      process.exitCode = 1;
      process.stderr.write(`${name}: ${(error as Error).stack ?? String(error)}\n`);
    }
  }
  await apps.stop();
  const report: Report = { machine, rows };
  process.stdout.write(flags.json ? `${JSON.stringify(report)}\n` : renderReport(report));
}

async function readVersions() {
  const haproxy = await startHaproxy({ config: baseConfig });
  const api = createDataplaneClient(haproxy.api);
  const { haproxyVersion } = await answerOf(api.getRuntimeInfo());
  const { dataplane } = await answerOf(api.getInfo());
  await haproxy.stop();
  return { haproxy: haproxyVersion, dataplane };
}
