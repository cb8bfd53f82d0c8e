import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { exitCodes } from '../lib/exit-codes.ts';
import { messagesAboveInfo } from './support/logged-messages.ts';
import { metricLabels } from './support/metric-labels.ts';

const path = 'docs/operations.md';

describe(path, () => {
  const text = readFileSync(path, 'utf8');

  /** First cells of the rows of a chapter's table. */
  function rows(chapter: string): readonly string[] {
    const [, body = ''] = text.split(`## ${chapter}\n`);
    return [...(body.split('\n## ')[0] ?? '').matchAll(/^\| `?([^|]*?)`? *\|/gm)].map(([, cell = '']) => cell).slice(2);
  }

  it('has a row for every metric', () => {
    expect(rows('Metrics')).to.include('haproxy_nomad_connector_failures_total');
  });

  it('explains every message that is logged above info, and no other', () => {
    const messages = [...new Set(messagesAboveInfo())];
    expect(messages).to.include.members([
      'lost connection to Nomad',
      'could not bring service to HAProxy',
      'stopped by a bug',
    ]);
    expect([...rows('Log messages')].sort()).to.deep.equal(messages.sort());
  });

  it('explains every kind of failure, and no other', async () => {
    const kinds = (await metricLabels()).get('haproxy_nomad_connector_failures_total')?.get('kind');
    expect(rows('Kinds of failure')).to.deep.equal([...(kinds ?? [])]);
  });

  it('explains every exit code, and no other', () => {
    expect(rows('Exit codes').map(Number)).to.deep.equal([...new Set(Object.values(exitCodes))]);
  });
});
