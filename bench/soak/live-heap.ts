/**
 * Preloaded into a connector, with `--expose-gc`: logs on SIGUSR2 how many bytes of JavaScript's heap are alive, which no
 * sample of a heap with garbage on it can tell.
 */
process.on('SIGUSR2', () => {
  globalThis.gc?.();
  process.stdout.write(`${JSON.stringify({ msg: 'live heap', bytes: process.memoryUsage().heapUsed })}\n`);
});
