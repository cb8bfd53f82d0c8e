import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { readStatusPage } from '../../lib/status-page.ts';

describe('The status page', () => {
  const { html, headers } = readStatusPage();
  const policy = new Map(
    (headers['Content-Security-Policy'] ?? '').split('; ').map((one) => {
      const [name = '', ...values] = one.split(' ');
      return [name, values.join(' ')] as const;
    }),
  );

  for (const element of ['script', 'style'] as const) {
    it(`allows its own ${element} by hash, and no other`, () => {
      const found = [...html.matchAll(new RegExp(`<${element}[^>]*>([^]*?)</${element}>`, 'g'))];
      const hashes = found.map(([, text = '']) => createHash('sha256').update(text).digest('base64'));
      expect(found).to.have.length(1);
      expect(found[0]?.[1]).to.have.length.above(1000);
      expect(policy.get(`${element}-src`)).to.equal(`'sha256-${hashes[0]}'`);
    });
  }

  it('may load nothing, be framed by nobody and send to nobody but its server', () => {
    expect(Object.fromEntries(policy)).to.include({
      'default-src': "'none'",
      'connect-src': "'self'",
      'base-uri': "'none'",
      'form-action': "'none'",
      'frame-ancestors': "'none'",
      'require-trusted-types-for': "'script'",
    });
    expect(JSON.stringify([...policy])).to.not.match(/unsafe|\*|https?:/);
  });

  it('names no other address, but that of the SVG namespace', () => {
    const named = [...html.matchAll(/\bhttps?:\/\/[^\s'"]+/g)].map(([url]) => url);
    expect([...new Set(named)]).to.deep.equal(['http://www.w3.org/2000/svg']);
  });

  it('makes no markup of text', () => {
    expect(html).to.not.match(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setHTML/);
    expect(html).to.not.match(/<[^>]+\son\w+=/);
    expect(html).to.not.match(/<[^>]+\sstyle=/);
  });

  it('has tables with captions and scopes, landmarks, and a language', () => {
    const tables = [...html.matchAll(/<table>[^]*?<\/table>/g)].map(([table]) => table);
    expect(tables).to.have.length(3);
    for (const table of tables) {
      expect(table).to.match(/<caption/);
      expect(table.match(/<th /g)?.length).to.equal(table.match(/<th scope="col"/g)?.length);
    }
    for (const part of ['<header', '<main', '<footer', 'lang="en"', 'aria-live="polite"', 'name="viewport"'])
      expect(html).to.include(part);
  });
});
