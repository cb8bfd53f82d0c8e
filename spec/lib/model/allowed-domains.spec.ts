import { expect } from 'chai';
import { anyDomain, refuseRoute, type AllowedDomains } from '../../../lib/model/allowed-domains.ts';
import { createCatalog, foldEvent } from '../../../lib/model/catalog.ts';
import type { RouteMap } from '../../../lib/model/events.ts';
import { enabled, registration, snapshot } from '../../support/given.ts';

const allowed: AllowedDomains = {
  shop: ['shop.example.com', '*.Shop.example.com'],
  infra: ['*'],
  mute: [],
};
const closed: AllowedDomains = { ...allowed, '*': ['*.apps.example.com'] };

describe('refuseRoute', () => {
  const granted: readonly (readonly [AllowedDomains, namespace: string, RouteMap, key: string])[] = [
    [allowed, 'shop', 'exact', 'shop.example.com'],
    [allowed, 'shop', 'exact', 'a.shop.example.com'],
    [allowed, 'shop', 'exact', 'b.a.shop.example.com'],
    [allowed, 'infra', 'exact', 'anything.example.org'],
    [allowed, 'infra', 'prefix', 'api.'],
    [allowed, 'infra', 'regex', '^a'],
    [allowed, 'other', 'exact', 'shop.example.com'],
    [allowed, 'other', 'regex', '^a'],
    [allowed, 'constructor', 'exact', 'a.example.com'],
    [closed, 'other', 'exact', 'x.apps.example.com'],
    [anyDomain, 'shop', 'prefix', 'a'],
  ];
  for (const [policy, namespace, map, key] of granted) {
    it(`grants ${map} ${key} to ${namespace}${policy === closed ? ', of all others' : ''}`, () => {
      expect(refuseRoute({ map, key }, namespace, policy)).to.equal(undefined);
    });
  }

  const refused: readonly (readonly [AllowedDomains, namespace: string, RouteMap, key: string, why: string])[] = [
    [allowed, 'shop', 'exact', 'example.com', 'namespace shop only shop.example.com, *.Shop.example.com'],
    [allowed, 'shop', 'exact', 'myshop.example.com', 'gives namespace shop only'],
    [allowed, 'shop', 'exact', 'shop.example.com.evil.org', 'gives namespace shop only'],
    [allowed, 'shop', 'prefix', 'shop.example.com', 'restricts namespace shop, where no prefix is taken'],
    [allowed, 'shop', 'regex', '^shop\\.example\\.com$', 'restricts namespace shop, where no regex is taken'],
    [allowed, 'mute', 'exact', 'a.example.com', 'gives namespace mute no domains'],
    [closed, 'other', 'exact', 'shop.example.com', 'gives namespace other only *.apps.example.com'],
    [closed, 'constructor', 'exact', 'a.example.com', 'gives namespace constructor only'],
    [closed, 'other', 'prefix', 'x.apps.', 'where no prefix is taken'],
    [{ '*': ['*.example.com'] }, 'other', 'exact', 'example.com', 'only *.example.com'],
  ];
  for (const [policy, namespace, map, key, why] of refused) {
    it(`refuses ${map} ${key} to ${namespace}`, () => {
      expect(refuseRoute({ map, key }, namespace, policy))
        .to.include(why)
        .and.include('policy.allowed_domains');
    });
  }

  it('does not list more than five patterns', () => {
    const many = { shop: Array.from({ length: 100 }, (_, n) => `s${n}.example.com`) };
    expect(refuseRoute({ map: 'exact', key: 'x' }, 'shop', many))
      .to.include('s4.example.com, ...')
      .and.not.include('s5.');
  });
});

describe('a catalog with allowed domains', () => {
  const tags = [enabled, 'haproxy.domain=shop.example.com', 'haproxy.domain=mine.apps.example.com'];

  it('takes the domains away that are not for the namespace, tells why, and lets the service be', () => {
    const catalog = createCatalog('haproxy', closed);
    const [change] = foldEvent(catalog, snapshot([registration({ namespace: 'other', tags })]));
    expect(change?.after?.wish?.routes).to.deep.equal([{ map: 'exact', key: 'mine.apps.example.com' }]);
    expect(change?.after?.problems).to.deep.equal([
      {
        subject: 'domain "shop.example.com"',
        text: 'is refused: policy.allowed_domains gives namespace other only *.apps.example.com',
      },
    ]);
  });

  it('lets no one else hold what is not for him, however old his job is', () => {
    const catalog = createCatalog('haproxy', closed);
    const thief = registration({ namespace: 'other', service: 'thief', tags, createIndex: 1 });
    const owner = registration({ namespace: 'shop', service: 'shop', tags, createIndex: 50 });
    foldEvent(catalog, snapshot([thief, owner]));
    const shop = catalog.services.get('shop/shop');
    expect(shop?.denials).to.deep.equal([]);
    expect(shop?.wish?.routes).to.deep.equal([{ map: 'exact', key: 'shop.example.com' }]);
  });
});
