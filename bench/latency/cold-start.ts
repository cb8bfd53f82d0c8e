import { untilAllServed } from '../support/client.ts';
import { clockMs, pause, waitUntil } from '../support/clock.ts';
import { isWrite } from '../support/polls.ts';
import { againstFloor, limited } from '../support/report.ts';
import { quantile } from '../support/samples.ts';
import { hostOf, serviceNames } from '../support/services.ts';
import { connectorSide, floorSide, type ConnectorSide, type Setup, type Side } from '../support/side.ts';
import type { Scenario } from './scenario.ts';

const instances = 3;
/** Apps that the services share: more would measure how many ports a machine can hold open. */
const appCount = 60;
/** Until a connector has written all it has to write; ms. */
const settleMs = 3000;

/**
 * A cluster that runs already and a HAProxy that knows nothing of it: start of the process -> every service serves. Then
 * the connector is started a second time, with nothing changed.
 */
export function coldStart(size: number, timesFloor?: number): Scenario {
  return async ({ apps, repetitions = size > 500 ? 1 : 3 }) => {
    const ports = await apps.open(appCount);
    const running = serviceNames(size).map((service, n) => ({
      service,
      ports: Array.from({ length: instances }, (_, k) => ports[(n * instances + k) % appCount]!),
    }));
    const setup: Setup = { running, count: instances };
    const times = { floor: [] as number[], connector: [] as number[] };
    const writes: number[] = [];
    const reloads: number[] = [];
    const again: number[] = [];
    for (let n = 0; n < repetitions; n += 1) {
      const floor = await floorSide(setup);
      times.floor.push(await measure(floor, setup));
      await floor.stop();

      const connector = await connectorSide({ ...setup, counted: true });
      times.connector.push(await measure(connector, setup));
      await settle(connector);
      writes.push(writesOf(connector, 0));
      reloads.push(await connector.haproxy.reloads());
      again.push(await startAgain(connector));
      await connector.stop();
    }
    const scenario = `cold start, ${size} x ${instances}`;
    const row = { scenario, what: 'all serve, p50', unit: 'ms', measured: quantile(times.connector, 0.5) };
    return [
      againstFloor(row, quantile(times.floor, 0.5), timesFloor),
      limited({ scenario, what: 'writes, most', unit: '', measured: Math.max(...writes) }, 10),
      limited({ scenario, what: 'reloads, most', unit: '', measured: Math.max(...reloads) }, 1),
      limited({ scenario, what: 'writes of a second start', unit: '', measured: Math.max(...again) }, 0),
    ];
  };
}

async function measure(side: Side, { running }: Setup): Promise<number> {
  const at = clockMs();
  side.launch();
  const servedAt = await untilAllServed(
    side.edge,
    running.map(({ service }) => hostOf(service)),
  );
  return servedAt - at;
}

async function startAgain(side: ConnectorSide): Promise<number> {
  await side.connector().stop();
  const before = side.proxy!.calls.length;
  side.launch();
  await settle(side);
  return writesOf(side, before);
}

async function settle({ connector }: ConnectorSide): Promise<void> {
  const said = 'tried every service of the first snapshot';
  await waitUntil(`the connector ${said}`, () => connector().count(said) > 0);
  await pause(settleMs);
}

function writesOf({ proxy }: ConnectorSide, from: number): number {
  return proxy!.calls.slice(from).filter(isWrite).length;
}
