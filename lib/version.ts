import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

/** The connector's version, as package.json says: from a package it is one directory further up than from a checkout. */
export function version(): string {
  const path = findPackageJSON('..', import.meta.url);
  if (path === undefined) throw new Error('there is no package.json beside the program');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
