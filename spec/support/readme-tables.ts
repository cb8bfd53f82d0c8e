import { readFileSync, writeFileSync } from 'node:fs';
import { configRows } from '../../lib/config-schema.ts';
import { createMetrics } from '../../lib/metrics.ts';
import { aliasSets } from '../../lib/model/tag-aliases.ts';
import { tagRows } from '../../lib/model/tags.ts';
import { metricLabels } from './metric-labels.ts';

/** What nearly everybody has to set. */
const essentials = [
  ...['nomad.address', 'nomad.token', 'nomad.namespaces'],
  ...['haproxy.address', 'haproxy.username', 'haproxy.password', 'haproxy.frontend'],
];

/** The reference tables of README and docs, each from the code that also parses, validates and counts. */
const tables: Readonly<Record<string, () => string | Promise<string>>> = {
  configuration: () =>
    table(
      ['Setting', 'Environment', 'Type', 'Default', 'Meaning'],
      configRows().map((row) => [code(row.path), code(row.env), row.type, code(row.default), row.description]),
    ),
  essentials: () =>
    table(
      ['Setting', 'Environment', 'Default', 'Meaning'],
      configRows()
        .filter(({ path }) => essentials.includes(path))
        .map((row) => [code(row.path), code(row.env), code(row.default), row.description]),
    ),
  tags: () =>
    table(
      ['Tag', 'Values', 'Default', 'Meaning'],
      tagRows('haproxy').map((row) => [code(row.tag), row.values, row.fallback, row.meaning]),
    ),
  traefik: () =>
    table(
      ['Tag', 'Read as'],
      aliasSets.traefik.rows.map((row) => [code(row.tag), row.reading]),
    ),
  metrics: async () =>
    table(
      ['Metric', 'Type', 'Labels', 'Meaning'],
      (await metricRows()).map((row) => [code(row.name), row.type, row.labels, row.help]),
    ),
};

/** The documents that have tables, and which. */
export const documents: Readonly<Record<string, readonly string[]>> = {
  'README.md': ['tags', 'essentials'],
  'docs/configuration.md': ['configuration'],
  'docs/operations.md': ['metrics'],
  'docs/tags.md': ['tags', 'traefik'],
};

/** A document's text with every table between its markers made anew. Throws when a marker is missing. */
export async function fillTables(path: string): Promise<string> {
  let text = readFileSync(path, 'utf8');
  for (const name of documents[path] ?? []) {
    const [start, end] = [`<!-- ${name}: made by npm run readme -->\n`, `<!-- end of ${name} -->`];
    const [from, to] = [text.indexOf(start), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`${path} has no markers for the table ${name}`);
    text = `${text.slice(0, from)}${start}\n<!-- prettier-ignore -->\n${await tables[name]?.()}\n${text.slice(to)}`;
  }
  return text;
}

/** The connector's own metrics; those of Node and the process are prom-client's. */
async function metricRows() {
  const labels = await metricLabels();
  const described = /^# HELP (haproxy_nomad_connector_\w+) (.*)\n# TYPE \S+ (\w+)$/gm;
  return [...(await createMetrics().text()).matchAll(described)].map(([, name = '', help = '', type = '']) => {
    const all = labels.get(type === 'histogram' ? `${name}_bucket` : name) ?? new Map<string, ReadonlySet<string>>();
    const shown = [...all].filter(([label]) => label !== 'le');
    return {
      name,
      help,
      type,
      labels: shown.map(([label, values]) => `${code(label)}: ${[...values].join(', ')}`).join('; '),
    };
  });
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |\n`).join('');
}

function cell(text: string): string {
  return text
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;')
    .replaceAll(/`[^`]*`/g, (quoted) => quoted.replaceAll('&lt;', '<'));
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``;
}

if (import.meta.main) {
  for (const path of Object.keys(documents)) writeFileSync(path, await fillTables(path));
}
