import { untilServed } from '../support/client.ts';
import { clockMs, pause } from '../support/clock.ts';
import { startLoad } from '../support/load.ts';
import { quantile } from '../support/samples.ts';
import { beside, limited } from '../support/report.ts';
import { hostOf, serviceNames } from '../support/services.ts';
import { connectorSide, floorSide, type Setup, type Side } from '../support/side.ts';
import type { Scenario, Surroundings } from './scenario.ts';

const perSecond = 1000;

/** One of two instances leaves under load: event written -> the last request that reached it. */
export const scaleIn: Scenario = async ({ apps, repetitions = 50 }) => {
  const [stays = 0, leaves = 0] = await apps.open(2);
  const services = serviceNames(10);
  const setup: Setup = { running: services.map((service) => ({ service, ports: [stays] })), count: 2 };
  const times: (readonly number[])[] = [];
  for (const create of [floorSide, connectorSide]) {
    const side = await create(setup);
    await side.start();
    times.push(await measure(side, { apps, repetitions }, services[0]!, leaves));
    await side.stop();
  }
  const [floor = [], measured = []] = times;
  const last = { scenario: 'scale-in', what: 'p99', unit: 'ms', measured: quantile(measured, 0.99) };
  return [beside('scale-in', measured, floor)[0]!, { ...limited(last, 50), floor: quantile(floor, 0.99) }];
};

async function measure(
  side: Side,
  { apps, repetitions = 0 }: Surroundings,
  service: string,
  port: number,
): Promise<readonly number[]> {
  const load = startLoad();
  await load.call.start(side.edge, [hostOf(service)], perSecond);
  const times: number[] = [];
  for (let n = 0; n < repetitions; n += 1) {
    const registration = side.appear(service, port);
    await untilServed(side.edge, hostOf(service), ({ body }) => body === String(port));
    await pause(200 + Math.random() * 200);
    const at = clockMs();
    side.leave(registration);
    await pause(400);
    const { lastRequestAt } = await apps.counts(port);
    times.push(Math.max(0, lastRequestAt - at));
  }
  const { failed, failures } = await load.call.stop();
  await load.stop();
  if (failed > 0) throw new Error(`${failed} requests failed: ${JSON.stringify(failures)}`);
  return times;
}
