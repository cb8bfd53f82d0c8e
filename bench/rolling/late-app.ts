import { pause, waitUntil } from '../support/clock.ts';
import { startLoad } from '../support/load.ts';
import { limited } from '../support/report.ts';
import { hostOf, serviceNames } from '../support/services.ts';
import { connectorSide } from '../support/side.ts';
import type { Scenario } from '../latency/scenario.ts';

const perSecond = 500;
/** From the registration until the app listens; ms. */
const lateMs = 1000;

/** A second instance registers a second before its app listens, under load: failed requests, and its first answer. */
export const lateApp: Scenario = async ({ apps, repetitions = 30 }) => {
  const [stays = 0] = await apps.open(1);
  const [service = ''] = serviceNames(1);
  const side = await connectorSide({ running: [{ service, ports: [stays] }], count: 2 });
  await side.start();
  const load = startLoad();
  await load.call.start(side.edge, [hostOf(service)], perSecond);
  const delays: number[] = [];
  for (const port of await apps.reserve(repetitions)) {
    const registration = side.appear(service, port);
    await pause(lateMs);
    const listensAt = await apps.listen(port);
    const body = String(port);
    await waitUntil('the late app serves', async () => (await load.call.firstSeen(body)) !== undefined);
    delays.push((await load.call.firstSeen(body))! - listensAt);
    await pause(300);
    side.leave(registration);
    await pause(500);
    await apps.stop(port, 0);
    await pause(1000);
  }
  const { sent, failed, failures, max } = await load.call.stop();
  await load.stop();
  await side.stop();
  const scenario = `app listens ${lateMs} ms late, ${repetitions} times`;
  return [
    limited({ scenario, what: `failed of ${sent} requests ${explain(failures)}`, unit: '', measured: failed }, 0),
    limited({ scenario, what: 'listens -> first answer, slowest', unit: 'ms', measured: Math.max(...delays) }, 250),
    { scenario, what: 'slowest request', unit: 'ms', measured: max },
  ];
};

/** Why requests failed, where some did. */
export function explain(failures: Readonly<Record<string, number>>): string {
  return Object.entries(failures)
    .map(([why, count]) => `(${why}: ${count})`)
    .join(' ');
}
