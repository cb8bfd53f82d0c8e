import type { Config } from '../../config.ts';
import { ok, warning, type Finding } from './finding.ts';

/** What can be doubted in a configuration that is not wrong. */
export function judgeSettings(config: Config): readonly Finding[] {
  const { nomad, haproxy, guard, log } = config;
  const doubts: Finding[] = [];
  const doubt = (setting: string, found: string, fix: string) => {
    doubts.push(warning(`setting ${setting}`, found, fix));
  };
  if (nomad.skipVerify) {
    doubt(
      'nomad.skip_verify',
      'anybody in between can pass for Nomad',
      'set NOMAD_CACERT instead of NOMAD_SKIP_VERIFY',
    );
  }
  if (nomad.token !== undefined && nomad.tokenFile !== undefined) {
    doubt('nomad.token', 'is not used: nomad.token_file wins', 'unset one of NOMAD_TOKEN and NOMAD_TOKEN_FILE');
  }
  if ((nomad.token ?? nomad.tokenFile) !== undefined && isReadable(nomad.address)) {
    doubt('nomad.address', `the token goes to ${nomad.address} for all to read`, 'use https in NOMAD_ADDR');
  }
  if (isReadable(haproxy.address)) {
    doubt(
      'haproxy.address',
      `the password goes to ${haproxy.address} for all to read, and whoever reads it owns HAProxy`,
      'run the connector beside the Data Plane API and bind that to loopback, or use https in HAPROXY_DATAPLANE_URL',
    );
  }
  if (guard.maxLossPercent === 100) {
    doubt(
      'guard.max_loss_percent',
      'at 100 no loss is held but that of a whole namespace',
      'unset GUARD_MAX_LOSS_PERCENT',
    );
  }
  if (log.level === 'error' || log.level === 'fatal') {
    doubt('log.level', `${log.level} leaves out warnings that services and HAProxy give`, 'set LOG_LEVEL=info');
  }
  for (const namespace of strangers(config)) {
    doubt(
      'policy.allowed_domains',
      `is for namespace ${namespace}, which is not followed`,
      'correct the name, or add the namespace to NOMAD_NAMESPACE',
    );
  }
  return doubts.length > 0 ? doubts : [ok('settings', 'none to doubt')];
}

function strangers({ nomad, haproxy }: Config): readonly string[] {
  if (nomad.namespaces.includes('*')) return [];
  return Object.keys(haproxy.allowedDomains ?? {}).filter((name) => name !== '*' && !nomad.namespaces.includes(name));
}

/** Goes over a network as plain text. */
function isReadable(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
