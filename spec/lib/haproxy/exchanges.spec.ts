import { expect } from 'chai';
import type { Call } from '../../../lib/haproxy/client-http.ts';
import { tellExchanges, type Ending } from '../../../lib/haproxy/exchanges.ts';
import type { Exchange } from '../../../lib/model/exchange.ts';
import { basicSecrets, hiding } from '../../../lib/secrets.ts';

const raw = '/services/haproxy/configuration/raw';
const slot = (name: string, at: string) =>
  `  server ${name} ${at} weight 100 # {"owner":"nomad","service":"default/web"}`;
const config = (...slots: readonly string[]) =>
  [
    'userlist u',
    '  user a password planted-in-config',
    'backend web from main',
    '  server byhand 10.0.0.9:1',
    ...slots,
    '',
  ].join('\n');

function told(...calls: readonly (readonly [call: Call, ending: Ending])[]): readonly Exchange[] {
  const exchanges: Exchange[] = [];
  const observe = tellExchanges(hiding(basicSecrets('me', 'planted-secret')), (exchange) => exchanges.push(exchange));
  for (const [call, ending] of calls) observe(call, ending, 1.234);
  return exchanges;
}

describe('tellExchanges', () => {
  it('tells a write with its query, both bodies, status and time', () => {
    const call: Call = { method: 'PUT', path: '/servers/a', query: { version: 7 }, body: { admin_state: 'ready' } };
    expect(told([call, { status: 200, text: '{"ok":1}' }])).to.deep.equal([
      {
        method: 'PUT',
        path: '/servers/a?version=7',
        ms: 1.2,
        status: 200,
        sent: '{"admin_state":"ready"}',
        got: '{"ok":1}',
      },
    ]);
  });

  it('tells nothing of what a read answers, unless it fails', () => {
    const call: Call = { method: 'GET', path: '/info' };
    expect(told([call, { status: 200, text: 'long' }], [call, { status: 500, text: 'why' }])).to.deep.equal([
      { method: 'GET', path: '/info', ms: 1.2, status: 200 },
      { method: 'GET', path: '/info', ms: 1.2, status: 500, got: 'why' },
    ]);
  });

  it('tells why there was no answer', () => {
    expect(told([{ method: 'GET', path: '/info' }, { error: 'connect ECONNREFUSED' }])[0]).to.include({
      error: 'connect ECONNREFUSED',
    });
  });

  it('tells of a configuration the slots that are not as before, and never what others wrote', () => {
    const [one, two] = [slot('nomad01', '10.0.0.1:1'), slot('nomad02', '127.0.0.1:2 disabled')];
    const moved = slot('nomad02', '10.0.0.2:2');
    const post = (text: string): Call => ({ method: 'POST', path: raw, query: { version: 1 }, body: text });
    const [read, first, second] = told(
      [
        { method: 'GET', path: raw },
        { status: 200, text: config(one) },
      ],
      [post(config(one, two)), { status: 202, text: config(one, two) }],
      [post(config(one, moved)), { status: 202, text: config(one, moved) }],
    );
    expect(read).to.not.have.any.keys('sent', 'got');
    expect(first?.sent).to.equal(`(${config(one, two).length} characters)\nbackend web from main:${two}`);
    expect(second?.sent).to.equal(`(${config(one, moved).length} characters)\nbackend web from main:${moved}`);
    expect(second).to.not.have.property('got');
  });

  it('tells runtime actions', () => {
    const headers = { 'x-runtime-actions': 'SetServerState web nomad01 ready' };
    const [write] = told([
      { method: 'POST', path: raw, headers, body: config() },
      { status: 202, text: '' },
    ]);
    expect(write?.sent).to.match(/^SetServerState web nomad01 ready\n\(/);
  });

  it('tells a file by name only', () => {
    const [upload] = told([
      { method: 'POST', path: '/storage/maps', body: new FormData() },
      { status: 201, text: '' },
    ]);
    expect(upload?.sent).to.equal('(a file)');
  });

  describe('of long texts', () => {
    it('keeps the beginning', () => {
      const [long] = told([
        { method: 'PUT', path: '/maps', body: 'x'.repeat(1e6) },
        { status: 200, text: 'y'.repeat(1e6) },
      ]);
      expect(long?.sent).to.equal(`${'x'.repeat(2000)}...`);
      expect(long?.got).to.equal(`${'y'.repeat(2000)}...`);
    });

    it('hides a secret wherever it is cut', () => {
      for (let at = 1980; at < 2010; at += 1) {
        const text = `${'-'.repeat(at)}planted-secret${'-'.repeat(1e4)}`;
        const [seen] = told([
          { method: 'PUT', path: '/maps', body: text },
          { status: 500, text },
        ]);
        expect(JSON.stringify(seen)).to.not.match(/-+plan/);
      }
    });
  });

  it('hides secrets that come back, as they are and in HAProxy’s own words', () => {
    const basic = Buffer.from('me:planted-secret').toString('base64');
    const text = `you sent ${basic} and planted-secret\n  user a password planted-in-config`;
    const [seen] = told([
      { method: 'POST', path: raw, body: config() },
      { status: 400, text },
    ]);
    expect(JSON.stringify(seen)).to.not.include('planted').and.not.include(basic.slice(0, 12));
  });
});
