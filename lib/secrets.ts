/** Texts that somebody else wrote may repeat what we sent: a server's error page the request, a proxy its headers. */

/** What is shorter is found in too many places, and replacing it would tell where. */
const minLength = 4;

/** So much of a secret is hidden where a text was cut in the middle of it. */
const minCut = 8;

const hidden = '[redacted]';

/** A text without the secrets in it. Cut a text that is to be shown after this, not before. */
export type Hide = (text: string) => string;

/**
 * Hides secrets as they are and as a header, a URL or JSON carries them; also one that begins at the end of a text and was
 * cut there.
 */
export function hiding(secrets: readonly string[]): Hide {
  const forms = [...new Set(secrets.flatMap(formsOf))]
    .filter((form) => form.length >= minLength)
    .sort((a, b) => b.length - a.length);
  return (text) => forms.reduce((left, form) => withoutCut(left.replaceAll(form, hidden), form), text);
}

/** The same value with no secret in any of its texts; names of members are ours and stay. */
export function hideIn(value: unknown, hide: Hide): unknown {
  if (typeof value === 'string') return hide(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => hideIn(item, hide));
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, hideIn(member, hide)]));
}

/** User and password, which HTTP's basic authentication sends as one. */
export function basicSecrets(user: string, password: string): readonly string[] {
  return password === '' ? [] : [password, `${user}:${password}`];
}

/** A line of HAProxy's configuration without what its own userlists, `stats auth` and the like keep in it. */
export function hidePasswords(line: string): string {
  return line.replace(/(\S*(?:password|passwd|secret|token|auth|key))(?:[ =]\S+)+/i, `$1 ${hidden}`);
}

function formsOf(secret: string): readonly string[] {
  const base64 = Buffer.from(secret).toString('base64');
  return [
    secret,
    base64,
    base64.replace(/=+$/, ''),
    Buffer.from(secret).toString('base64url'),
    encodeURIComponent(secret.toWellFormed()),
    JSON.stringify(secret).slice(1, -1),
  ];
}

function withoutCut(text: string, form: string): string {
  for (let length = form.length - 1; length >= minCut; length -= 1) {
    if (text.endsWith(form.slice(0, length))) return text.slice(0, -length) + hidden;
  }
  return text;
}
