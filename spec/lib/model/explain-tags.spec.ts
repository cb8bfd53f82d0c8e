import { expect } from 'chai';
import * as fc from 'fast-check';
import { explainTags } from '../../../lib/model/explain-tags.ts';
import { parseTags, tagRows } from '../../../lib/model/tags.ts';

describe('explainTags', () => {
  const given = (...list: readonly string[]) => explainTags(['haproxy.enable=true', ...list], 'haproxy').given.slice(1);

  it('names what is used and what is none of ours', () => {
    const list = [
      'haproxy.enable=true',
      ' haproxy.weight = 7',
      'urlprefix-/',
      'haproxy.domain=a.b',
      'haproxy.domain=c.d',
    ];
    const { given: verdicts, others } = explainTags(list, 'haproxy');
    expect(verdicts.map(({ verdict }) => verdict)).to.deep.equal(['used', 'used', 'used', 'used']);
    expect(others).to.deep.equal(['urlprefix-/']);
  });

  it('says why a tag is ignored', () => {
    expect(given('haproxy.weight=heavy', 'haproxy.wieght=7')).to.deep.equal([
      {
        tag: 'haproxy.weight=heavy',
        verdict: 'ignored',
        why: 'haproxy.weight "heavy" is not a whole number from 0 to 256',
      },
      { tag: 'haproxy.wieght=7', verdict: 'ignored', why: 'haproxy.wieght is not a tag; did you mean haproxy.weight?' },
    ]);
  });

  it('lets the last one count of those that are given twice', () => {
    const [first, second] = given('haproxy.weight=7', 'haproxy.weight=9');
    expect(first).to.include({ verdict: 'ignored', why: 'is given again, and the last one counts' });
    expect(second).to.include({ verdict: 'used' });
    // One that is refused overrides nothing.
    expect(given('haproxy.weight=7', 'haproxy.weight=x')[0]).to.include({ verdict: 'used' });
  });

  it('uses no tag of a service that is not enabled', () => {
    const { given: verdicts } = explainTags(
      ['haproxy.enbale=true', 'haproxy.domain=a.b', 'haproxy.weight=x'],
      'haproxy',
    );
    expect(verdicts.map((one) => (one.verdict === 'ignored' ? one.why : one.verdict))).to.deep.equal([
      'haproxy.enbale is not a tag; did you mean haproxy.enable?',
      'haproxy.enable=true is not given',
      'haproxy.weight "x" is not a whole number from 0 to 256',
    ]);
    const [enable, weight] = explainTags(['haproxy.enable=false', 'haproxy.weight=7'], 'haproxy').given;
    expect(enable).to.include({ verdict: 'used' });
    expect(weight).to.include({ verdict: 'ignored' });
  });

  it('names the domains of a tag that other services hold', () => {
    const shop = { claim: 'exact domain a.b', holder: 'default/shop' } as const;
    const list = ['haproxy.enable=true', 'haproxy.domain=A.b:80, c.d', 'haproxy.domain=e.f'];
    const { given: verdicts } = explainTags(list, 'haproxy', [shop, { claim: 'backend web', holder: 'default/x' }]);
    expect(verdicts.map((one) => (one.verdict === 'used' ? one.lost : undefined))).to.deep.equal([
      undefined,
      [shop],
      undefined,
    ]);
    const prefixes = explainTags([...list, 'haproxy.domain.type=prefix'], 'haproxy', [shop]);
    expect(prefixes.given[1]).to.not.have.property('lost');
  });

  it('names what holds for tags that are not given, or refused', () => {
    const { defaulted } = explainTags(
      ['haproxy.enable=true', 'haproxy.balance=roundrobin', 'haproxy.weight=x'],
      'haproxy',
    );
    expect(defaulted).to.deep.include({ tag: 'haproxy.weight', fallback: '100' });
    expect(defaulted).to.deep.include({ tag: 'haproxy.domain', fallback: 'none' });
    const names = defaulted.map(({ tag }) => tag);
    expect(names).to.not.include('haproxy.balance').and.not.include('haproxy.enable');
    expect(names).to.have.length(tagRows('haproxy').length - 2);
  });

  it('makes texts of strangers printable', () => {
    expect(given('haproxy.domain=a\u001b[2J')[0]?.tag).to.equal(String.raw`"haproxy.domain=a\u001b[2J"`);
  });

  it('uses what parseTags uses, whatever is written', () => {
    const values = fc.constantFrom('true', 'false', '7', '9', 'x', 'tcp', 'http', '', '/p');
    const names = fc.constantFrom(...tagRows('haproxy').map(({ tag }) => tag), 'haproxy.other', 'urlprefix-/');
    const list = fc.array(fc.tuple(names, values).map(([name, value]) => `${name}=${value}`));
    fc.assert(
      fc.property(list, (tags) => {
        const used = explainTags(tags, 'haproxy').given.filter(({ verdict }) => verdict === 'used');
        const { settings } = parseTags(tags, 'haproxy');
        if (settings.enable !== true) {
          expect(used.filter(({ tag }) => !tag.startsWith('haproxy.enable='))).to.deep.equal([]);
          return;
        }
        expect(
          parseTags(
            used.map(({ tag }) => tag),
            'haproxy',
          ),
        ).to.deep.equal({ settings, problems: [] });
      }),
    );
  });
});
