import { expect } from 'chai';
import { requestFailure, statusFailure } from '../../../lib/nomad/failures.ts';

describe('requestFailure', () => {
  // What Node calls it, seen with a real agent and certificates of `nomad tls`, and what helps.
  for (const [code, kind, hint] of [
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unreachable', /NOMAD_CACERT/],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'unreachable', /NOMAD_CACERT/],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'unreachable', /NOMAD_CACERT/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'unreachable', /NOMAD_CACERT/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'unreachable', /NOMAD_TLS_SERVER_NAME/],
    ['CERT_HAS_EXPIRED', 'unreachable', /renew/],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'unreachable', /NOMAD_CLIENT_CERT/],
    ['EPROTO', 'unreachable', /https/],
    ['EACCES', 'unreachable', /socket/],
    ['ECONNREFUSED', 'unreachable', /NOMAD_ADDR/],
    ['HPE_INVALID_CONSTANT', 'malformed', /HTTP API/],
  ] as const) {
    it(`says what helps against ${code}`, () => {
      const error = Object.assign(new Error('it is so'), { code });
      const { failure } = requestFailure(error, { where: 'GET https://nomad:4646/v1/services' });
      expect(failure).to.include({ kind, where: 'GET https://nomad:4646/v1/services' });
      expect(failure.hint).to.match(hint);
    });
  }
});

describe('statusFailure', () => {
  const ask = { where: 'GET http://n/v1/services', needs: 'capability "read-job"', hide: (text: string) => text };

  // What Nomad 2.0.5 says of a token that is misspelt, or no workload identity of its own.
  for (const body of [
    'ACL token not found or invalid workload identity: failed to parse signed token: go-jose/go-jose: compact JWS format must have three parts',
    'ACL token not found',
    'failed to parse signed token: go-jose/go-jose: compact JWS format must have three parts',
    'missing key ID header',
  ]) {
    it(`takes a 500 that says "${body.slice(0, 50)}" for a token that is refused`, () => {
      const { failure } = statusFailure(500, body, ask);
      expect(failure).to.include({ kind: 'unauthorized', message: `Nomad answered 500: ${body}` });
      expect(failure.hint).to.include('NOMAD_TOKEN').and.include('read-job');
    });
  }

  it('takes any other 500 for servers that cannot answer', () => {
    const { failure } = statusFailure(500, 'No cluster leader', ask);
    expect(failure.kind).to.equal('unreachable');
    expect(failure.hint).to.include('leader');
  });
});
