import type { Connector } from '../../spec-integration/support/connector.ts';
import { claimNothing, type Claim } from './claims.ts';

/** More series than this means a label with a stranger's text in it. */
const mostSeries = 400;
const own = 'haproxy_nomad_connector_';

/** The page of `/metrics`: values by series. Rejects while the connector does not serve it. */
export async function readMetrics(connector: Connector): Promise<ReadonlyMap<string, number>> {
  const port = connector.log.find(({ msg }) => msg === 'serving health, readiness and metrics')?.['port'];
  const page = await (await fetch(`http://127.0.0.1:${String(port)}/metrics`)).text();
  const lines = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

/** The page of `/metrics` agrees with the log, and says that all is well. */
export async function claimSaneMetrics(connector: Connector): Promise<Claim> {
  const series = await readMetrics(connector);
  const expected: Readonly<Record<string, number>> = {
    nomad_connected: 1,
    haproxy_connected: 1,
    reloads_total: connector.count('changed HAProxy', { reloaded: true }),
    haproxy_moves_total: connector.count('HAProxy changed by somebody else'),
    haproxy_warnings_total: connector.count('HAProxy needs attention'),
  };
  const sum = (name: string) =>
    [...series].reduce((all, [labelled, value]) => all + (labelled.split('{', 1)[0] === own + name ? value : 0), 0);
  const wrong = [
    ...Object.entries(expected)
      .filter(([name, value]) => sum(name) !== value)
      .map(([name, value]) => `${name} is ${sum(name)}, not ${value}`),
    ...[...series].filter(([, value]) => !(value >= 0)).map(([name, value]) => `${name} is ${value}`),
    ...(series.size > mostSeries ? [`${series.size} series`] : []),
    ...[...series.keys()].filter((name) => /svc[-_]\d/.test(name)).map((name) => `${name} names a service`),
  ];
  return claimNothing('metrics are sane', `${series.size} series`, wrong);
}
