/** The connector's look, once a second, whether HAProxy is still the process it knows; no event causes it. */
export function isPoll(call: string): boolean {
  return call === 'GET /v3/services/haproxy/runtime/info';
}

/** A call to the Data Plane API that changes something. */
export function isWrite(call: string): boolean {
  return !call.startsWith('GET ') && !call.includes('only_validate');
}

/** A request to Nomad that no event causes: the audit, every 30 s, and the stream itself. */
export function isAudit(url: string): boolean {
  return url.startsWith('/v1/service/none') || url.startsWith('/v1/namespaces') || url.startsWith('/v1/event/stream');
}
