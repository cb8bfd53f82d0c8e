import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';

/** A real Nomad in development mode, `nomad` on PATH, whose instances run on this machine. */
export interface NomadAgent {
  readonly address: string;
  readonly version: string;
  /** JSON of `GET /v1/...`. */
  readonly get: (path: string) => Promise<unknown>;
  readonly post: (path: string, body: unknown) => Promise<unknown>;
  /** The agent without mercy; what it runs goes on. */
  readonly kill: () => Promise<void>;
}

export const hasNomad = spawnSync('nomad', ['version']).status === 0;

/** Output of the command line; rejects with what it says when it fails. */
export async function nomad(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('nomad', [...args]);
  return stdout;
}

/** `address`: of the interface that instances register, as HAProxy sees this machine. */
export async function startNomadAgent(address: string): Promise<NomadAgent> {
  const [http, rpc, serf] = [await freePort(), await freePort(), await freePort()];
  const directory = mkdtempSync(join(tmpdir(), 'nomad-'));
  const config = {
    ports: { http, rpc, serf },
    client: {
      network_interface: interfaceOf(address),
      // Nobody is asked what cloud this is.
      options: { 'fingerprint.denylist': 'env_aws,env_gce,env_azure,env_digitalocean,consul,vault' },
    },
  };
  writeFileSync(join(directory, 'agent.json'), JSON.stringify(config));
  const agent = spawn('nomad', ['agent', '-dev', `-config=${directory}/agent.json`], { stdio: 'ignore' });
  const exited = once(agent, 'exit').finally(() => {
    rmSync(directory, { recursive: true });
  });
  const url = `http://127.0.0.1:${http}`;

  async function ask(path: string, init: RequestInit = {}): Promise<unknown> {
    const answer = await fetch(url + path, init);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  }

  await eventually(async () => {
    const nodes = (await ask('/v1/nodes')) as readonly { readonly Status: string }[];
    if (!nodes.some(({ Status }) => Status === 'ready')) throw new Error('no node is ready');
  }, 60_000);
  const { config: told } = (await ask('/v1/agent/self')) as { config: { Version: { Version: string } } };
  return {
    address: url,
    version: told.Version.Version,
    get: (path) => ask(path),
    post: (path, body) => ask(path, { method: 'POST', body: JSON.stringify(body) }),
    kill: async () => {
      agent.kill('SIGKILL');
      await exited;
    },
  };
}

function interfaceOf(address: string): string {
  const [name] =
    Object.entries(networkInterfaces()).find(([, all = []]) => all.some((one) => one.address === address)) ?? [];
  if (name === undefined) throw new Error(`no interface of this machine has ${address}`);
  return name;
}
