import { readFileSync } from 'node:fs';
import { clockMs, pause } from '../support/clock.ts';
import { limited } from '../support/report.ts';
import { serviceNames } from '../support/services.ts';
import { connectorSide } from '../support/side.ts';
import type { Scenario } from './scenario.ts';

const size = 500;
const idleMs = 30_000;
/** In which /proc counts the time of processes; s. */
const tick = 0.01;

/** Services that run and do not change: what the connector takes of a core. Reads /proc. */
export const idle: Scenario = async ({ apps }) => {
  const [port = 0] = await apps.open(1);
  const side = await connectorSide({
    running: serviceNames(size).map((service) => ({ service, ports: [port] })),
    count: 1,
  });
  await side.start();
  await pause(5000);
  const pid = Number(side.connector().log[0]?.['pid']);
  const before = { cpu: cpuSeconds(pid), at: clockMs() };
  await pause(idleMs);
  const share = (cpuSeconds(pid) - before.cpu) / ((clockMs() - before.at) / 1000);
  await side.stop();
  const scenario = `idle, ${size} services`;
  return [limited({ scenario, what: 'share of a core', unit: '%', measured: share * 100 }, 2)];
};

/** User and system time of a process; fields 14 and 15 of its stat, of which the second may hold blanks. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tick;
}
