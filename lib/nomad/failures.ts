import { FailureError } from '../model/failure.ts';
import type { Hide } from '../secrets.ts';

/** What a request is about, for the words of its failure. */
export interface Ask {
  /** Method and URL, without secrets. */
  readonly where: string;
  /** The right it needs, as an ACL policy would say it. */
  readonly needs: string;
  /** For texts of the server, which may repeat what it was sent. */
  readonly hide: Hide;
}

/**
 * An answer that is not 200. `body` is the server's text; Nomad up to 1.9.5 refuses some rights with a 500, and 2.0 does so
 * some tokens that it does not know.
 */
export function statusFailure(status: number, body: string, { where, needs, hide }: Ask): FailureError {
  const said = hide(body.trim()).slice(0, 200);
  const message = `Nomad answered ${status}${said === '' ? '' : `: ${said}`}`;
  if (status === 401) {
    const hint = 'set nomad.token or nomad.token_file (NOMAD_TOKEN); the Task API socket always wants a token';
    return new FailureError({ kind: 'unauthorized', message, where, hint });
  }
  if (status === 403 || /Permission denied/.test(said) || unknownToken.test(said)) {
    const hint = `set NOMAD_TOKEN (nomad.token, nomad.token_file) to a token that Nomad knows, with ${needs}`;
    return new FailureError({ kind: 'unauthorized', message, where, hint });
  }
  if (status === 404) {
    return new FailureError({ kind: 'not-found', message, where, hint: 'it is gone, or the address is not Nomad' });
  }
  if (status === 429) {
    const hint = "too many connections from this address: raise Nomad's limits.http_max_conns_per_client";
    return new FailureError({ kind: 'unreachable', message, where, hint });
  }
  if (status >= 500) {
    const hint = 'see whether the Nomad servers are up and have a leader; tried again by itself';
    return new FailureError({ kind: 'unreachable', message, where, hint });
  }
  return malformedFailure(message, { where });
}

/** Of Nomad 2.0.5, for a text that is no token of any kind and for a workload identity that it did not sign. */
const unknownToken = /ACL token not found|invalid workload identity|failed to parse signed token|missing key ID header/;

/** An answer that came, but not in the form that Nomad's API promises. */
export function malformedFailure(message: string, { where }: Pick<Ask, 'where'>): FailureError {
  const hint = "check that the address is Nomad's HTTP API, and its version";
  return new FailureError({ kind: 'malformed', message, where, hint });
}

/** No answer, one that broke off, or one that is not to be used. */
export function requestFailure(error: NodeJS.ErrnoException, ask: Pick<Ask, 'where'>): FailureError {
  const { code = '' } = error;
  if (code.startsWith('HPE_')) return malformedFailure(`the answer is not HTTP (${code})`, ask);
  if (code === 'ERR_BAD_RESPONSE') return malformedFailure(error.message, ask);
  return connectionFailure(error, ask);
}

function connectionFailure({ message: said, code = '' }: NodeJS.ErrnoException, { where }: Pick<Ask, 'where'>) {
  const message = `no answer from Nomad: ${said || code}`;
  return new FailureError({ kind: 'unreachable', message, where, hint: connectionHint(code) });
}

function connectionHint(code: string): string {
  if (code.startsWith('ERR_SSL') || code === 'EPROTO') {
    return 'check http or https in the address, and the client certificate (NOMAD_CLIENT_CERT, NOMAD_CLIENT_KEY)';
  }
  if (code === 'CERT_HAS_EXPIRED') return "renew the certificate of Nomad's agent";
  if (/CERT|UNABLE_TO_VERIFY/.test(code)) {
    return 'check nomad.ca_cert (NOMAD_CACERT) and nomad.tls_server_name (NOMAD_TLS_SERVER_NAME)';
  }
  if (code === 'EACCES') return 'check that the connector may use the socket';
  return 'check nomad.address (NOMAD_ADDR), and that the agent is up';
}
