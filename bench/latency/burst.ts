import { untilAllServed } from '../support/client.ts';
import { clockMs, pause } from '../support/clock.ts';
import { isPoll } from '../support/polls.ts';
import { againstFloor, limited } from '../support/report.ts';
import { quantile } from '../support/samples.ts';
import { hostOf, serviceNames } from '../support/services.ts';
import { connectorSide, floorSide, type Setup, type Side } from '../support/side.ts';
import type { Scenario } from './scenario.ts';

const size = 100;
/** Until the connector has written all it has to write; ms. */
const settleMs = 3000;

/** A hundred services that nobody knew, at once: first event written -> every one of them serves. */
export const burst: Scenario = async ({ apps, repetitions = 5 }) => {
  const [port = 0] = await apps.open(1);
  const coming = serviceNames(size, 1);
  const setup: Setup = { running: [{ service: serviceNames(1)[0]!, ports: [port] }], count: 1 };
  const times = { floor: [] as number[], connector: [] as number[] };
  const calls: number[] = [];
  const reloads: number[] = [];
  for (let n = 0; n < repetitions; n += 1) {
    const floor = await floorSide({ ...setup, coming });
    await floor.start();
    times.floor.push(await measure(floor, coming, port));
    await floor.stop();

    const connector = await connectorSide({ ...setup, counted: true });
    await connector.start();
    await pause(settleMs);
    const { proxy, haproxy } = connector;
    const before = { calls: proxy!.calls.length, reloads: await haproxy.reloads() };
    times.connector.push(await measure(connector, coming, port));
    await pause(settleMs);
    calls.push(proxy!.calls.slice(before.calls).filter((call) => !isPoll(call)).length);
    reloads.push((await haproxy.reloads()) - before.reloads);
    await connector.stop();
  }
  const scenario = `burst of ${size}`;
  const row = { scenario, what: 'all serve, p50', unit: 'ms', measured: quantile(times.connector, 0.5) };
  return [
    againstFloor(row, quantile(times.floor, 0.5), 5),
    {
      scenario,
      what: 'all serve, slowest',
      unit: 'ms',
      measured: Math.max(...times.connector),
      floor: Math.max(...times.floor),
    },
    limited({ scenario, what: 'reloads, most', unit: '', measured: Math.max(...reloads) }, 3),
    limited({ scenario, what: 'requests to the API, most', unit: '', measured: Math.max(...calls) }, 20),
  ];
};

async function measure(side: Side, services: readonly string[], port: number): Promise<number> {
  const at = clockMs();
  for (const service of services) side.appear(service, port);
  return (await untilAllServed(side.edge, services.map(hostOf))) - at;
}
