import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'yaml';
import { metricLabels } from './support/metric-labels.ts';
import { groupings, selectors } from './support/promql.ts';

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

function read(path: string): string {
  return readFileSync(`deploy/${path}`, 'utf8');
}

const { groups } = parse(read('prometheus/alerts.yml')) as { groups: { rules: readonly Alert[] }[] };
const alerts = groups.flatMap(({ rules }) => rules);
const dashboard = JSON.parse(read('grafana/haproxy-nomad-connector.json')) as {
  panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
};
const expressions = [
  ...alerts.map(({ alert, expr }) => ({ of: alert, expr })),
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ of: title, expr }))),
];

/** Given by Prometheus to every series it scrapes. */
const targetLabels = ['instance', 'job'];

describe('alerts and dashboard', () => {
  for (const { of, expr } of expressions) {
    it(`${of} asks for what /metrics has: ${expr.trim()}`, async () => {
      const page = await metricLabels();
      const selected = selectors(expr);
      expect(selected).to.not.be.empty;
      const labels = new Set(targetLabels);
      for (const { metric, labels: filters } of selected) {
        if (metric !== 'up') expect(page).to.include.keys(metric);
        for (const label of page.get(metric)?.keys() ?? []) labels.add(label);
        for (const { name, value, exact } of filters.filter((one) => !targetLabels.includes(one.name))) {
          const values = page.get(metric)?.get(name);
          expect(values, `${metric} by ${name}`).to.not.equal(undefined);
          if (exact) expect(values).to.include(value);
        }
      }
      expect([...labels]).to.include.members([...groupings(expr)]);
    });
  }

  it('look at every metric of the connector', async () => {
    const own = [...(await metricLabels()).keys()].filter((name) =>
      /^haproxy_nomad_connector_.*(?<!_sum|_count)$/.test(name),
    );
    const watched = expressions.flatMap(({ expr }) => selectors(expr).map(({ metric }) => metric));
    expect(own).to.have.length.above(10);
    expect(own.filter((name) => !watched.includes(name))).to.deep.equal([]);
  });

  it('say in every alert what is the matter, how bad it is and what to do', () => {
    expect(alerts).to.have.length.above(10);
    for (const { alert, labels, annotations } of alerts) {
      expect(labels.severity, alert).to.be.oneOf(['critical', 'warning', 'info']);
      expect(annotations.summary, alert).to.match(/\w.*\.$/);
      expect(annotations.description, alert).to.match(/\w.*\.$/);
      expect(annotations.description, alert).to.not.equal(annotations.summary);
    }
  });
});
