import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A page and the headers that say what it may do. */
export interface StatusPage {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The status for people: one document that asks for nothing but `/events`. Of scripts and styles only its own are allowed, by
 * their hashes (CSP Level 3), so that no text of a stranger could ever become one.
 */
export function readStatusPage(): StatusPage {
  const [html, style, script] = ['status.html', 'status.css', 'status.js'].map(read) as [string, string, string];
  const policy = {
    'default-src': "'none'",
    'script-src': hashOf(script),
    'style-src': hashOf(style),
    'img-src': 'data:',
    'connect-src': "'self'",
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
    'require-trusted-types-for': "'script'",
  };
  return {
    html: filled(filled(html, '<style>', style), '<script type="module">', script),
    headers: {
      'Content-Security-Policy': Object.entries(policy)
        .map(([name, value]) => `${name} ${value}`)
        .join('; '),
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cache-Control': 'no-cache',
    },
  };
}

function read(name: string): string {
  return readFileSync(new URL(`page/${name}`, import.meta.url), 'utf8');
}

/** Throws where there is not exactly one such place. */
function filled(html: string, tag: string, text: string): string {
  const [before = '', after, ...more] = html.split(tag);
  if (after === undefined || more.length > 0) throw new Error(`the status page has no single ${tag}`);
  return [before, tag, text, after].join('');
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
