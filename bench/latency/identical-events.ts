import { pause } from '../support/clock.ts';
import { isAudit, isPoll } from '../support/polls.ts';
import { limited } from '../support/report.ts';
import { serviceNames } from '../support/services.ts';
import { connectorSide } from '../support/side.ts';
import type { Scenario } from './scenario.ts';

const events = 1000;

/**
 * The same registration again and again: what is asked of anybody because of it. HAProxy's own checks are off, so that
 * whoever connects to the instance is the connector.
 */
export const identicalEvents: Scenario = async ({ apps }) => {
  const [port = 0] = await apps.open(1);
  const [service = ''] = serviceNames(1);
  const side = await connectorSide({ running: [], count: 1, counted: true });
  await side.start();
  const registration = side.appear(service, port, ['haproxy.check.disabled=true']);
  await pause(5000);
  const { nomad, proxy } = side;
  const before = { api: proxy!.calls.length, nomad: nomad.requests.length, apps: await connections() };
  for (let n = 0; n < events; n += 1) nomad.register(registration);
  await pause(5000);
  const asked = {
    'requests to the API': proxy!.calls.slice(before.api).filter((call) => !isPoll(call)).length,
    'requests to Nomad': nomad.requests.slice(before.nomad).filter(({ url }) => !isAudit(url)).length,
    'probes of the instance': (await connections()) - before.apps,
  };
  await side.stop();
  return Object.entries(asked).map(([what, measured]) =>
    limited({ scenario: `${events} identical events`, what, unit: '', measured }, 0),
  );

  async function connections(): Promise<number> {
    return (await apps.counts(port)).connections;
  }
};
