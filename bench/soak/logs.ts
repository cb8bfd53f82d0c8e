import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Life } from './connectors.ts';
import type { PassedCall } from './calls.ts';

/** Writes two files for each life, and one for the calls; a JSON object a line. */
export function keepLogs(directory: string, lives: readonly Life[], calls: readonly PassedCall[]): void {
  mkdirSync(directory, { recursive: true });
  lives.forEach(({ connector, memory }, at) => {
    writeFileSync(join(directory, `memory-${at + 1}.ndjson`), linesOf(memory));
    writeFileSync(join(directory, `connector-${at + 1}.ndjson`), linesOf(connector.log));
  });
  writeFileSync(join(directory, 'calls.ndjson'), linesOf(calls));
}

function linesOf(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}
