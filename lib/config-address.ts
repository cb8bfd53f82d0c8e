import { urlToHttpOptions } from 'node:url';

/**
 * An http, https or unix address without its user part, which `auth` holds as `user:password`; nothing if it is none.
 * No trailing slash, so that a path can be put behind it.
 */
export function parseAddress(text: string): { readonly address: string; readonly auth?: string } | undefined {
  if (/^unix:\/\/\/[^?#]+$/.test(text)) return { address: text };
  if (!/^https?:\/\/[^?#]+$/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  try {
    const { auth } = urlToHttpOptions(url);
    url.username = '';
    url.password = '';
    return { address: url.href.replace(/\/+$/, ''), ...(auth && { auth }) };
  } catch {
    // A user part with a broken percent sequence.
    return undefined;
  }
}
