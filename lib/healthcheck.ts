/**
 * The container's health check: ends with 0 when `/health` of the connector beside it answers 200, else with 1. It knows
 * the connector's address from the environment alone.
 */
export async function checkHealth(env: Readonly<Record<string, string | undefined>>): Promise<0 | 1> {
  try {
    const { ok } = await fetch(healthUrl(env), { signal: AbortSignal.timeout(2000) });
    return ok ? 0 : 1;
  } catch {
    return 1;
  }
}

function healthUrl({ HEALTH_HOST: host = '0.0.0.0', HEALTH_PORT: port = '8080' }: Parameters<typeof checkHealth>[0]) {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}/health`;
}

if (import.meta.main) process.exitCode = await checkHealth(process.env);
