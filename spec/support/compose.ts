import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

interface ComposeService {
  readonly image?: string;
  readonly build?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: readonly string[] | Readonly<Record<string, unknown>>;
}

/** What a compose file says, as far as documents and specs rely on it. */
export function readCompose(path: string) {
  const file = parse(readFileSync(path, 'utf8'), { merge: true }) as {
    readonly services: Readonly<Record<string, ComposeService>>;
    readonly volumes?: Readonly<Record<string, unknown>>;
  };
  const all = Object.entries(file.services);
  return {
    services: all.map(([name]) => name),
    /** On this machine. */
    ports: all.flatMap(([, { ports = [] }]) => ports.map((port) => Number(port.split(':').at(-2)))),
    environment: (name: string) => file.services[name]?.environment ?? {},
    /** Sources of mounts: paths beside the file, and names of volumes. */
    mounts: all.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] ?? '')),
    volumes: Object.keys(file.volumes ?? {}),
    dependsOn: all.flatMap(([, { depends_on = [] }]) =>
      Array.isArray(depends_on) ? (depends_on as readonly string[]) : Object.keys(depends_on),
    ),
    builds: all.flatMap(([, { build }]) => (build === undefined ? [] : [build])),
  };
}
