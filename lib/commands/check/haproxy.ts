import { setTimeout } from 'node:timers/promises';
import type { Config } from '../../config.ts';
import { ask } from '../../haproxy/ask.ts';
import type { DataplaneClient } from '../../haproxy/client.ts';
import type { Look } from '../../haproxy/look.ts';
import type { MapFiles } from '../../haproxy/map-files.ts';
import { capabilitiesOf, isBehind } from '../../haproxy/versions.ts';
import { readView } from '../../haproxy/view.ts';
import type { View } from '../../model/view.ts';
import { attempt } from '../attempt.ts';
import { judgeClock } from './clock.ts';
import { failed, ok, problem, warning, type Finding } from './finding.ts';
import { findUnloaded } from './loaded.ts';
import { judgeReloads } from './reloads.ts';
import { sayMaps } from './routing.ts';

export interface HaproxyReport {
  readonly findings: readonly Finding[];
  /** Absent where the API could not be read. */
  readonly seen?: { readonly look: Look; readonly view: View };
}

/** No directive of HAProxy; whoever takes it for one has not asked HAProxy. */
const nonsense = 'global\n  haproxy-nomad-connector-check\n';
/** A reload that is under way ends within this. */
const reloadMs = 2000;

/**
 * Everything that `run` needs of HAProxy, read only: the two validations that are asked for write nothing. Rejects with
 * bugs only.
 */
export async function checkHaproxy(client: DataplaneClient, files: MapFiles, config: Config): Promise<HaproxyReport> {
  const askedAt = Date.now();
  const info = await attempt(client.getInfo());
  if ('failure' in info) return { findings: [failed('data plane api', info.failure)] };
  const { dataplane } = info.value;
  const running = await attempt(client.getRuntimeInfo());
  if ('failure' in running) {
    return { findings: [ok('data plane api', dataplane), failed('haproxy', running.failure)] };
  }
  const { clock } = await ask(client.getProcess());
  const findings = [
    await checkVersions(config.haproxy.address, running.value.haproxyVersion, dataplane),
    judgeClock({ whose: 'the Data Plane API', clock, askedAt, answeredAt: Date.now() }),
  ];
  const file = await attempt(checkFile(client, files, config));
  if ('failure' in file) return { findings: [...findings, failed('configuration file', file.failure)] };
  return { ...file.value, findings: [...findings, ...file.value.findings] };
}

async function checkVersions(address: string, haproxy: string, dataplane: string): Promise<Finding> {
  const versions = `HAProxy ${haproxy}, API ${dataplane} at ${address}`;
  const capabilities = await attempt(Promise.resolve().then(() => capabilitiesOf({ haproxy, dataplane })));
  if ('failure' in capabilities) return failed('data plane api', capabilities.failure);
  if (isBehind({ haproxy, dataplane })) {
    return warning(
      'data plane api',
      `${versions}: it does not know every directive of that HAProxy`,
      'run a Data Plane API of the line of HAProxy or later',
    );
  }
  const lane = capabilities.value.runtimeAddress
    ? ''
    : '; before API 3.3.1 every instance that comes is a write of the file';
  return ok('data plane api', `${versions}${lane}`);
}

async function checkFile(client: DataplaneClient, files: MapFiles, config: Config): Promise<HaproxyReport> {
  const { text, version } = await ask(client.getRaw());
  const findings = [await checkText(client, text, version), await checkValidation(client)];
  const maps = await attempt(files.look());
  if ('failure' in maps) return { findings: [...findings, failed('maps', maps.failure)] };
  const look = { text, ...maps.value };
  const view = viewOf(look, config);
  return {
    findings: [
      ...findings,
      ...judgeReloads({
        process: await ask(client.getProcess()),
        reloads: await ask(client.listReloads()),
        text,
        unloaded: await findStillUnloaded(client, view, look, config),
      }),
      sayMaps(look.paths, look.rows, config),
    ],
    seen: { look, view },
  };
}

async function checkText(client: DataplaneClient, text: string, version: number): Promise<Finding> {
  const said = await ask(client.validate(text));
  if (said.ok) return ok('configuration file', `version ${version} is valid`);
  return problem(
    'configuration file',
    `is not valid: ${said.message}`,
    'mend it: the next reload or restart would fail',
  );
}

async function checkValidation(client: DataplaneClient): Promise<Finding> {
  const said = await ask(client.validate(nonsense));
  if (!said.ok) return ok('validation', 'HAProxy is asked, and refuses what is no configuration');
  return problem(
    'validation',
    'the API took a line for valid that is none: nothing that is written is checked',
    'in dataplaneapi.yml set haproxy.haproxy_bin to HAProxy, remove haproxy.reload.validate_cmd, and restart the API',
  );
}

/** What is not loaded at one moment may be so because of a reload under way. */
async function findStillUnloaded(
  client: DataplaneClient,
  view: View,
  look: Look,
  config: Config,
): Promise<readonly string[]> {
  if ((await findUnloaded(client, view)).length === 0) return [];
  await setTimeout(reloadMs);
  const { text } = await ask(client.getRaw());
  return findUnloaded(client, viewOf({ ...look, text }, config));
}

function viewOf({ text, rows, paths }: Look, { haproxy }: Config): View {
  return readView(text, 0, rows, haproxy.owner, paths);
}
