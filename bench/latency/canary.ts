import { untilServed } from '../support/client.ts';
import { clockMs, pause, waitUntil } from '../support/clock.ts';
import { startLoad } from '../support/load.ts';
import { limited, type Row } from '../support/report.ts';
import { backendOf, hostOf, serviceNames } from '../support/services.ts';
import { connectorSide } from '../support/side.ts';
import { readServers } from '../support/servers.ts';
import type { Scenario } from './scenario.ts';

const requests = 20_000;
const perSecond = 2000;
const weight = 10;
const usual = 100;

/**
 * A canary of weight 10 beside three instances of 100: its share of the requests; then it is promoted, and a second one
 * is taken back and another instance takes its slot. All of it without a reload.
 */
export const canary: Scenario = async ({ apps }) => {
  const [port = 0, second = 0, last = 0, ...ports] = await apps.open(6);
  const [service = ''] = serviceNames(1);
  const side = await connectorSide({ running: [{ service, ports }], count: 3 });
  await side.start();
  const reloads = await side.haproxy.reloads();
  const serverAt = async (at: number) =>
    (await readServers(side.haproxy, backendOf(service))).find((one) => one.port === at && one.state === 'ready');
  const served = (at: number) => untilServed(side.edge, hostOf(service), ({ body }) => body === String(at), 60_000);

  const registration = side.appear(service, port, [`haproxy.weight=${weight}`]);
  await served(port);
  const load = startLoad();
  await load.call.start(side.edge, [hostOf(service)], perSecond, { total: requests });
  await waitUntil('all requests are sent', async () => (await load.call.sent()) >= requests);
  const { bodies, failed } = await load.call.stop();
  await load.stop();
  const share = (bodies[port] ?? 0) / requests;
  const expected = weight / (ports.length * usual + weight);

  const at = clockMs();
  side.nomad.register({ ...registration, Tags: registration.Tags.filter((tag) => !tag.startsWith('haproxy.weight=')) });
  await waitUntil('the promoted canary has its weight', async () => (await serverAt(port))?.weight === usual);
  const promotedMs = clockMs() - at;

  const revoked = side.appear(service, second, [`haproxy.weight=${weight}`]);
  await served(second);
  const freed = await serverAt(second);
  side.leave(revoked);
  await pause(3000);
  side.appear(service, last);
  await served(last);
  const refilled = await serverAt(last);
  const reloaded = (await side.haproxy.reloads()) - reloads;
  await side.stop();

  const row = (what: string, measured: number, unit = ''): Row => ({ scenario: 'canary', what, measured, unit });
  return [
    limited(row(`share of ${requests} requests, off 10/310 by`, Math.abs(share / expected - 1) * 100, '%'), 5),
    limited(row('failed requests', failed), 0),
    row('promotion seen in HAProxy', promotedMs, 'ms'),
    limited(row('reloads', reloaded), 0),
    exactly(
      row('weight of its slot when refilled', freed?.name === refilled?.name ? (refilled?.weight ?? 0) : 0),
      usual,
    ),
  ];
};

function exactly(row: Row, wanted: number): Row {
  return { ...row, target: String(wanted), met: row.measured === wanted };
}
