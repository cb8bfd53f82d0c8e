import { expect } from 'chai';
import fc from 'fast-check';
import { basicSecrets, hidePasswords, hiding } from '../../lib/secrets.ts';

const secret = 's3cr"t/ü+token=value';
const forms = [
  secret,
  Buffer.from(secret).toString('base64'),
  Buffer.from(secret).toString('base64url'),
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
];

describe('hiding', () => {
  for (const form of forms) {
    it(`replaces ${form}`, () => {
      expect(hiding([secret])(`x ${form} y ${form}`)).to.equal('x [redacted] y [redacted]');
    });
  }

  it('replaces what basic authentication makes of user and password', () => {
    const sent = Buffer.from('me:hunter22').toString('base64');
    expect(hiding(basicSecrets('me', 'hunter22'))(`Authorization: Basic ${sent}; hunter22`)).to.equal(
      'Authorization: Basic [redacted]; [redacted]',
    );
  });

  it('hides the longer of two first, and a beginning at the very end of a text', () => {
    expect(hiding(['abcdefgh', 'abcdefghijkl'])('abcdefghijkl abcdefgh')).to.equal('[redacted] [redacted]');
    expect(hiding([secret])(`said: ${secret.slice(0, 12)}`)).to.equal('said: [redacted]');
    expect(hiding([secret])(`said: ${secret.slice(0, 3)}`)).to.equal('said: s3c');
  });

  it('leaves everything as it is without secrets, or for one of three characters', () => {
    expect(hiding(['', 'abc', ...basicSecrets('me', '')])('abc me: abc')).to.equal('abc me: abc');
  });

  it('never throws, and leaves no planted secret, wherever it is and however much is cut off', () => {
    const planted = fc.string({ unit: 'grapheme', minLength: 8, maxLength: 60 });
    fc.assert(
      fc.property(planted, fc.string(), fc.string(), fc.nat(), (token, before, after, cut) => {
        const text = `${before}${token}${after}`;
        const hide = hiding([token]);
        expect(hide(text)).to.not.include(token);
        expect(hide(`${before}${token.slice(0, 8 + (cut % token.length))}`)).to.not.satisfy(
          (left: string) => left.endsWith(token.slice(0, 8)) && token !== '[redacted]',
        );
      }),
    );
  });
});

describe('hidePasswords', () => {
  const lines: readonly (readonly [line: string, shown: string])[] = [
    ['userlist admin: user x insecure-password hunter2', 'userlist admin: user x insecure-password [redacted]'],
    ['userlist admin: user x password $5$abc groups g', 'userlist admin: user x password [redacted]'],
    ['listen stats: stats auth me:hunter2', 'listen stats: stats auth [redacted]'],
    ['frontend f: http-request add-header X-Token=hunter2', 'frontend f: http-request add-header X-Token [redacted]'],
    ['backend b: server s 10.0.0.1:80 check', 'backend b: server s 10.0.0.1:80 check'],
  ];
  for (const [line, shown] of lines) {
    it(`shows ${shown}`, () => {
      expect(hidePasswords(line)).to.equal(shown);
    });
  }
});
