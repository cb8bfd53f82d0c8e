/**
 * Addresses that a job's author could name to reach what only the machine itself should: link-local ones, where clouds keep
 * their metadata (RFC 3927, RFC 4291), and the metadata services that live elsewhere: Alibaba Cloud, Oracle, Azure, AWS and
 * Google over IPv6. Loopback is not among them: in a cluster of one machine the instances are there.
 */
const forbidden: readonly RegExp[] = [
  /^169\.254\.\d+\.\d+$/,
  /^(100\.100\.100\.200|192\.0\.0\.192|168\.63\.129\.16)$/,
  /^fe[89ab][0-9a-f]:/,
  /^fd00:ec2::254$/,
  /^fd20:ce::254$/,
];

/** IPv4 within IPv6: compatible, mapped, and behind NAT64. */
const embedded = /^(?:::|::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/** Whether an address is one of these, however it is spelled. A host name is not, whatever it resolves to. */
export function isForbiddenAddress(address: string): boolean {
  const host = canonical(address);
  return forbidden.some((pattern) => pattern.test(host));
}

/** Four decimal numbers: nearly every address is spelled so, and to ask a URL takes microseconds. */
export function isPlainIpv4(address: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(address);
}

/** As a URL has it: `0xa9fea9fe`, `2852039166` and `0251.0376.0.1` become four decimal numbers. A zone is left out. */
function canonical(address: string): string {
  if (isPlainIpv4(address)) return address;
  const [bare = ''] = address.split('%', 1);
  const host = URL.parse(`http://${bare.includes(':') ? `[${bare}]` : bare}/`)?.hostname ?? '';
  const plain = host.replace(/^\[(.*)\]$/, '$1');
  const [, high, low] = embedded.exec(plain) ?? [];
  return high === undefined || low === undefined ? plain : ipv4(Number.parseInt(high, 16), Number.parseInt(low, 16));
}

function ipv4(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
