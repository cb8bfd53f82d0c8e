import { expect } from 'chai';
import { isForbiddenAddress } from '../../../lib/model/forbidden-addresses.ts';

describe('isForbiddenAddress', () => {
  const forbidden = [
    ...['169.254.169.254', '169.254.0.1', '169.254.170.2', '100.100.100.200', '168.63.129.16', '192.0.0.192'],
    ...['2852039166', '0xa9fea9fe', '0xa9.0xfe.0xa9.0xfe', '0251.0376.0251.0376', '169.254.43518', '169.16689662'],
    ...['fe80::1', 'fe80::1%eth0', 'FEBF::1', 'fd00:ec2::254', 'fd00:0ec2:0:0:0:0:0:254', 'fd20:ce::254'],
    ...[
      '::ffff:169.254.169.254',
      '::FFFF:a9fe:a9fe',
      '0:0:0:0:0:ffff:a9fe:1',
      '::169.254.169.254',
      '64:ff9b::a9fe:a9fe',
    ],
  ];
  for (const address of forbidden) {
    it(`is true of ${address}`, () => {
      expect(isForbiddenAddress(address)).to.equal(true);
    });
  }

  const others = [
    ...['127.0.0.1', '::1', '10.0.0.1', '169.253.0.1', '16.9.254.1', '100.100.100.20', '192.0.0.19', '2852039165000'],
    ...['fec0::1', 'fd00:ec2::253', '2001:db8::a9fe:a9fe', '::ffff:10.0.0.1', '64:ff9b::a00:1', 'fe80.example.com'],
    ...['169.254.example.com', 'web.internal', '', 'not an address', '::zz', '[::1]'],
  ];
  for (const address of others) {
    it(`is false of ${JSON.stringify(address)}`, () => {
      expect(isForbiddenAddress(address)).to.equal(false);
    });
  }
});
