import { parseArgs } from 'node:util';
import { soak } from './soak/soak.ts';
import { renderSoak } from './soak/report.ts';

/**
 * Churn and faults against a real HAProxy, and at the end the question whether anything was lost.
 *
 *     npm run soak -- [--seconds 600] [--seed <n>] [--rate 50] [--services 500] [--only <fault>] [--logs <directory>] [--json]
 *
 * The seed decides what happens, not when; it is printed. `--rate` is in events a second. `--only` (several times): faults
 * whose names begin so. `--logs` keeps what the connectors logged and what was written through the API. Exit code 1 when a
 * claim does not hold.
 */
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    rate: { type: 'string', default: '50' },
    services: { type: 'string', default: '500' },
    only: { type: 'string', multiple: true },
    logs: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const { seconds, seed, rate, services } = values;
process.stderr.write(`seed ${seed}\n`);
const result = await soak({
  seconds: Number(seconds),
  seed: Number(seed),
  rate: Number(rate),
  services: Number(services),
  ...(values.only && { only: values.only }),
  ...(values.logs !== undefined && { keepLogsIn: values.logs }),
});
process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : renderSoak(result));
process.exitCode = result.claims.every(({ holds }) => holds) ? 0 : 1;
