import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

let directory: string | undefined;

/** A directory with the connector's compiled code, as the image has one; made once, and gone with the process. */
export function compileCache(): string {
  directory ??= warmedUp();
  return directory;
}

function warmedUp(): string {
  const made = mkdtempSync(join(tmpdir(), 'connector-cache-'));
  process.once('exit', () => {
    rmSync(made, { recursive: true });
  });
  const main = fileURLToPath(new URL('../../lib/main.ts', import.meta.url));
  spawnSync(process.execPath, [main, '--help'], { env: { NODE_COMPILE_CACHE: made } });
  return made;
}
