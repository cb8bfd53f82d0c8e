import { createDataplaneClient } from '../../lib/haproxy/client.ts';
import { answerOf, startHaproxy } from '../../spec-integration/support/haproxy.ts';
import { untilServed } from '../support/client.ts';
import { clockMs, pause } from '../support/clock.ts';
import { baseConfig, frontendPort } from '../support/haproxy-config.ts';
import { againstFloor, beside } from '../support/report.ts';
import { quantile } from '../support/samples.ts';
import { hostOf, serviceNames } from '../support/services.ts';
import { connectorSide, floorSide, type Setup, type Side } from '../support/side.ts';
import type { Scenario } from './scenario.ts';

const apartMs = 2500;

/**
 * The first instance of a service nobody knew: event written -> first answer. Beside it, how long the Data Plane API takes
 * to write and load the same text in another HAProxy, and the floor, where backend and row are there already.
 */
export const newService: Scenario = async ({ apps, repetitions = 20 }) => {
  const [port = 0] = await apps.open(1);
  const known = serviceNames(10);
  const coming = serviceNames(repetitions, known.length);
  const setup: Setup = { running: known.map((service) => ({ service, ports: [port] })), count: 2 };
  const floor = await floorSide({ ...setup, coming });
  const connector = await connectorSide(setup);
  const maps = { 'nomad-exact.map': '', 'nomad-prefix.map': '', 'nomad-regex.map': '' };
  const reference = await startHaproxy({ config: baseConfig, maps, ports: [frontendPort] });
  const referenceApi = createDataplaneClient(reference.api);
  await floor.start();
  await connector.start();

  const times = { floor: [] as number[], connector: [] as number[], reference: [] as number[] };
  for (const service of coming) {
    await pause(apartMs);
    times.floor.push(await measure(floor, service, port));
    times.connector.push(await measure(connector, service, port));
    const { text } = await answerOf(connector.api.getRaw());
    const version = await answerOf(referenceApi.getVersion());
    const post = () => answerOf(referenceApi.postRaw({ version, text, reload: 'force' }));
    times.reference.push(await measureAsked(post, reference.port(frontendPort), hostOf(service)));
  }
  for (const side of [floor, connector, reference]) await side.stop();

  const scenario = 'new service';
  const [median] = beside(scenario, times.connector, times.reference);
  return [
    {
      ...againstFloor({ ...median!, what: 'p50, beside POST raw as floor' }, quantile(times.reference, 0.5), 1.3),
      target: 'at most 1.3 x POST raw',
    },
    { ...beside(scenario, times.connector, times.reference)[1]!, what: 'p99, beside POST raw as floor' },
    ...beside(scenario, times.connector, times.floor),
  ];
};

async function measure(side: Side, service: string, port: number): Promise<number> {
  const at = clockMs();
  side.appear(service, port);
  return (await untilServed(side.edge, hostOf(service))) - at;
}

/** How long it takes while somebody waits for an answer, who asks as often as for the others: that takes its share of a core. */
async function measureAsked(work: () => Promise<unknown>, edge: string, host: string): Promise<number> {
  const at = clockMs();
  let tookMs: number | undefined;
  const worked = work().then(() => {
    tookMs = clockMs() - at;
  });
  await Promise.all([worked, untilServed(edge, host, () => tookMs !== undefined)]);
  return tookMs!;
}
