#!/usr/bin/env node
import { exitCodes } from './exit-codes.ts';

// An older Node would end with 0 and say nothing, or with a syntax error; of `engines` npm only warns.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 2)) {
  process.stderr.write(`haproxy-nomad-connector needs Node 24.2 or later; this is ${process.version}\n`);
  process.exitCode = exitCodes.config;
} else {
  const { runProcess } = await import('./main.ts');
  await runProcess();
}
