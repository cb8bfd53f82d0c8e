import { untilServed } from '../support/client.ts';
import { clockMs, pause } from '../support/clock.ts';
import { beside } from '../support/report.ts';
import { hostOf, serviceNames } from '../support/services.ts';
import { connectorSide, floorSide, type Setup, type Side } from '../support/side.ts';
import type { Scenario } from './scenario.ts';

/** A second instance of a service that runs, whose app listens already: event written -> first answer by it. */
export function scaleOut(backends: number): Scenario {
  return async ({ apps, repetitions = 100 }) => {
    const [port = 0, ...others] = await apps.open(1 + repetitions);
    const services = serviceNames(backends);
    const setup: Setup = { running: services.map((service) => ({ service, ports: [port] })), count: 2 };
    const sides = [await floorSide(setup), await connectorSide(setup)] as const;
    for (const side of sides) await side.start();

    const times: readonly [number[], number[]] = [[], []];
    for (const [n, other] of others.entries()) {
      for (const at of [0, 1] as const) {
        times[at].push(await measure(sides[at], services[n % backends]!, other));
      }
    }
    for (const side of sides) await side.stop();
    return beside(`scale-out, ${backends} backends`, times[1], times[0], { p50: 2, p99: 4 });
  };
}

/** The pauses vary, so that no repetition waits for what another one left to be written. */
async function measure(side: Side, service: string, port: number): Promise<number> {
  const at = clockMs();
  const registration = side.appear(service, port);
  const servedAt = await untilServed(side.edge, hostOf(service), ({ body }) => body === String(port));
  await pause(200 + Math.random() * 200);
  side.leave(registration);
  await pause(200 + Math.random() * 200);
  return servedAt - at;
}
