import type { Logger } from 'pino';
import { startAdmin } from '../admin.ts';
import type { Config } from '../config.ts';
import { FailureError } from '../model/failure.ts';
import type { Server } from '../server.ts';
import type { HeldLosses } from './held-losses.ts';

/** `POST /release`, where a port is configured. Rejects with a FailureError when it cannot be had. */
export async function listenForOperator(
  { admin: at }: Config,
  held: HeldLosses,
  log: Logger,
): Promise<Server | undefined> {
  if (at.port === undefined) return undefined;
  try {
    const server = await startAdmin({ host: at.host, port: at.port, release: held.release });
    log.info({ host: at.host, port: server.port }, 'serving POST /release');
    return server;
  } catch (error) {
    throw cannotServe('POST /release', 'admin', 'ADMIN', error);
  }
}

/** An address that cannot be taken is the configuration's fault. */
export function cannotServe(what: string, section: string, env: string, error: unknown): FailureError {
  return new FailureError({
    kind: 'rejected',
    message: `cannot serve ${what}: ${(error as Error).message}`,
    where: `${section}.host, ${section}.port`,
    hint: `end what uses that port, or set another one (${env}_HOST, ${env}_PORT)`,
  });
}
