import { pause } from '../support/clock.ts';
import { startLoad } from '../support/load.ts';
import { limited } from '../support/report.ts';
import { hostOf, serviceNames } from '../support/services.ts';
import { connectorSide } from '../support/side.ts';
import type { Scenario } from '../latency/scenario.ts';
import { explain } from './late-app.ts';

const perSecond = 500;
const instances = 4;
/** From the registration until the app listens; ms. */
const startMs = 200;
/** After that, until the next instance is replaced; ms. */
const healthyMs = 500;
/** A stopping app serves its open connections so long after it closed its listener; ms. */
const graceMs = 500;

/**
 * Every instance of a service is replaced, one after the other, under load: its registration goes, the new instance's
 * comes and listens a little later, and `shutdownDelayMs` after the deregistration the old app closes its listener, then
 * its connections.
 */
export function rollingUpdate(shutdownDelayMs: number): Scenario {
  return async ({ apps, repetitions = 20 }) => {
    const ports = await apps.open(instances);
    const [service = ''] = serviceNames(1);
    const side = await connectorSide({ running: [], count: instances });
    await side.start();
    let running = ports.map((port) => ({ port, registration: side.appear(service, port) }));
    await pause(3000);

    const reloads = await side.haproxy.reloads();
    const load = startLoad();
    await load.call.start(side.edge, [hostOf(service)], perSecond);
    for (let n = 0; n < repetitions; n += 1) {
      for (const oldest of running) {
        const [port = 0] = await apps.reserve(1);
        side.leave(oldest.registration);
        const stopped = pause(shutdownDelayMs).then(() => apps.stop(oldest.port, graceMs));
        const registration = side.appear(service, port);
        await pause(startMs);
        await apps.listen(port);
        await Promise.all([stopped, pause(healthyMs)]);
        running = [...running.slice(1), { port, registration }];
      }
    }
    const { sent, failed, failures, max } = await load.call.stop();
    await load.stop();
    const reloaded = (await side.haproxy.reloads()) - reloads;
    await side.stop();
    const scenario = `${repetitions} rolling updates of ${instances}, shutdown_delay ${shutdownDelayMs} ms`;
    return [
      limited({ scenario, what: `failed of ${sent} requests ${explain(failures)}`, unit: '', measured: failed }, 0),
      limited({ scenario, what: 'reloads', unit: '', measured: reloaded }, 0),
      { scenario, what: 'slowest request', unit: 'ms', measured: max },
    ];
  };
}
