import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { parseAddress } from './config-address.ts';
import type { ConfigError } from './config-errors.ts';
import { settingPlaces, type Settings } from './config-schema.ts';
import { environmentLayer, fileLayer, flagLayer, type ConfigFile } from './config-sources.ts';
import type { DriftOptions } from './haproxy/drift-watch.ts';
import type { DataplaneSettings } from './haproxy/client-http.ts';
import type { Policy } from './model/plan.ts';
import { aliasSets, isAliasName, type AliasName } from './model/tag-aliases.ts';
import type { NomadSettings } from './nomad/settings.ts';
import { basicSecrets } from './secrets.ts';

/** The effective configuration; all times in ms. */
export interface Config {
  readonly nomad: NomadSettings & {
    /** `['*']` for all. */
    readonly namespaces: readonly string[];
    readonly verifyAllocations: boolean;
  };
  /** User and password are empty only where the Data Plane API is not needed. */
  readonly haproxy: DataplaneSettings &
    Policy & {
      /** Absent: what the Data Plane API reports. */
      readonly mapsDir?: string;
    };
  /** The maps are `<stem>-exact.map` and so on. */
  readonly domainMap: { readonly enabled: boolean; readonly stem: string };
  readonly reload: { readonly burst: number; readonly intervalMs: number };
  readonly persist: { readonly delayMs: number };
  readonly drift: DriftOptions;
  readonly admission: { readonly probe: boolean; readonly fallbackMs: number; readonly maxWaitMs: number };
  readonly guard: { readonly maxLossPercent: number; readonly confirmAfterMs: number };
  readonly tags: { readonly prefix: string; readonly aliases: readonly AliasName[] };
  readonly log: { readonly level: Settings['log']['level'] };
  /** Without a file there is none. */
  readonly recorder: { readonly file?: string; readonly maxBytes: number };
  readonly server: { readonly host: string; readonly port: number };
  /** Without a port there is none. */
  readonly admin: { readonly host: string; readonly port?: number };
}

export interface ConfigSources {
  readonly file?: ConfigFile;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values as `parseArgs` gives them for `configFlags()`; other flags may be among them. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** The command talks to the Data Plane API, so credentials are needed; true if not given. */
  readonly needsHaproxy?: boolean;
}

interface Errors {
  readonly errors: readonly ConfigError[];
}

/** Reads a configuration file; one that cannot be read is an error like any other in the configuration. */
export function readConfigFile(path: string): { readonly file: ConfigFile } | Errors {
  try {
    return { file: { path, text: readFileSync(path, 'utf8') } };
  } catch (error) {
    return { errors: [{ path: '', message: `${path}: cannot be read: ${(error as Error).message}` }] };
  }
}

/** Flags over environment over file over defaults. Finds every error of every source before it gives up. */
export function loadConfig(sources: ConfigSources): { readonly config: Config } | Errors {
  const layers = [
    ...(sources.file ? [fileLayer(sources.file)] : []),
    environmentLayer(sources.env),
    flagLayer(sources.flags ?? {}),
  ];
  const given = new Map(layers.flatMap(({ values }) => [...values]));
  const settings = withDefaults(given);
  const found = layers.flatMap(({ errors }) => errors);
  const faulty = new Set(found.map(({ path }) => path));
  const errors = [
    ...found,
    ...contradictions(settings, sources.needsHaproxy ?? true).filter(({ path }) => !faulty.has(path)),
  ];
  return errors.length > 0 ? { errors } : { config: toConfig(settings, given.has('nomad.address')) };
}

/** The configuration as it may be logged. */
export function redactConfig(config: Config): Config {
  const { nomad, haproxy } = config;
  const hidden = '[redacted]';
  return {
    ...config,
    nomad: { ...nomad, ...(nomad.token && { token: hidden }), ...(nomad.httpAuth && { httpAuth: hidden }) },
    haproxy: { ...haproxy, ...(haproxy.password && { password: hidden }) },
  };
}

/** What must not be seen of a configuration, wherever it comes back from; a token in a file is known to whoever reads it. */
export function secretsOf({ nomad, haproxy }: Config): readonly string[] {
  const [, user = '', password = ''] = /^([^:]*):(.*)$/s.exec(nomad.httpAuth ?? '') ?? [];
  return [
    ...(nomad.token === undefined ? [] : [nomad.token]),
    ...basicSecrets(user, password),
    ...basicSecrets(haproxy.username, haproxy.password),
  ];
}

/** Every value has passed the schema, and the defaults are the schema's own: the result is what the schema says. */
function withDefaults(given: ReadonlyMap<string, unknown>): Settings {
  const settings: Record<string, Record<string, unknown>> = {};
  for (const { section, key, path, schema } of settingPlaces) {
    (settings[section] ??= {})[key] = given.get(path) ?? schema.default;
  }
  return settings as Settings;
}

/** What no single value shows. */
function contradictions({ nomad, haproxy, domain_map, tags }: Settings, needsHaproxy: boolean): readonly ConfigError[] {
  const errors: ConfigError[] = [];
  const need = (path: string, value: string | undefined, why: string) => {
    const env = settingPlaces.find((place) => place.path === path)?.schema.env ?? '';
    if (!value) errors.push({ path, message: `${path}: is missing, ${why}; set it in the file or by ${env}` });
  };
  if (nomad.client_key) need('nomad.client_cert', nomad.client_cert, 'but nomad.client_key is given');
  if (nomad.client_cert) need('nomad.client_key', nomad.client_key, 'but nomad.client_cert is given');
  if (needsHaproxy) {
    const { username, password } = haproxyAccess(haproxy);
    need('haproxy.username', username, 'and the Data Plane API asks for it');
    need('haproxy.password', password, 'and the Data Plane API asks for it');
  }
  const { directory } = mapFiles(domain_map.file_path);
  if (directory && haproxy.maps_dir && posix.relative(directory, haproxy.maps_dir) !== '') {
    errors.push({
      path: 'domain_map.file_path',
      message: `domain_map.file_path: is in ${directory}, but haproxy.maps_dir is ${haproxy.maps_dir}; give only one`,
    });
  }
  const alias = tags.aliases.filter(isAliasName).find((name) => aliasSets[name].prefix === tags.prefix);
  if (alias !== undefined) {
    errors.push({
      path: 'tags.aliases',
      message: `tags.aliases: has ${alias}, whose tags begin with tags.prefix, ${tags.prefix}; give another prefix`,
    });
  }
  return errors;
}

function toConfig({ nomad, haproxy, domain_map, ...rest }: Settings, nomadAddressGiven: boolean): Config {
  const maps = mapFiles(domain_map.file_path);
  return {
    nomad: {
      namespaces: nomad.namespaces.includes('*') ? ['*'] : nomad.namespaces,
      verifyAllocations: nomad.verify_allocations,
      skipVerify: nomad.skip_verify,
      ...nomadAccess(nomad, nomadAddressGiven),
      ...withoutMissing({
        token: nomad.token,
        tokenFile: nomad.token_file,
        region: nomad.region,
        caCert: nomad.ca_cert,
        caPath: nomad.ca_path,
        clientCert: nomad.client_cert,
        clientKey: nomad.client_key,
        tlsServerName: nomad.tls_server_name,
      }),
    },
    haproxy: {
      ...haproxyAccess(haproxy),
      owner: haproxy.owner,
      strategy: haproxy.backend_strategy,
      frontends: typeof haproxy.frontend === 'string' ? [haproxy.frontend] : (haproxy.frontend ?? []),
      drainMs: haproxy.drain_timeout_sec * 1000,
      retentionMs: haproxy.backend_retention_sec * 1000,
      removalMaxWaitMs: haproxy.removal_max_wait_sec * 1000,
      ...withoutMissing({
        defaults: haproxy.defaults,
        mapsDir: haproxy.maps_dir ?? maps.directory,
        allowedDomains: rest.policy.allowed_domains,
      }),
    },
    domainMap: { enabled: domain_map.enabled, stem: maps.stem ?? haproxy.owner },
    reload: { burst: rest.reload.burst, intervalMs: rest.reload.interval_ms },
    persist: { delayMs: rest.persist.delay_ms },
    drift: { intervalMs: rest.drift.interval_ms, respectManualMaint: rest.drift.respect_manual_maint },
    admission: {
      probe: rest.admission.probe,
      fallbackMs: rest.admission.fallback_ms,
      maxWaitMs: rest.admission.max_wait_ms,
    },
    guard: { maxLossPercent: rest.guard.max_loss_percent, confirmAfterMs: rest.guard.confirm_after_ms },
    tags: { prefix: rest.tags.prefix, aliases: rest.tags.aliases.filter(isAliasName) },
    log: { level: rest.log.level },
    recorder: { maxBytes: rest.recorder.max_bytes, ...withoutMissing({ file: rest.recorder.file }) },
    server: { host: rest.server.host, port: rest.server.port },
    admin: { host: rest.admin.host, ...withoutMissing({ port: rest.admin.port }) },
  };
}

/** Nomad's own order: an address that is given, the task API's socket where there is a token, the default. */
function nomadAccess(nomad: Settings['nomad'], addressGiven: boolean): { address: string; httpAuth?: string } {
  const hasToken = (nomad.token ?? nomad.token_file) !== undefined;
  const at = parseAddress(hasToken && !addressGiven && nomad.unix_addr ? nomad.unix_addr : nomad.address);
  const httpAuth = at?.auth ?? nomad.http_auth;
  return { address: at?.address ?? nomad.address, ...(httpAuth && { httpAuth }) };
}

/** The user part of the address wins, as it does for Nomad. */
function haproxyAccess(haproxy: Settings['haproxy']): { address: string; username: string; password: string } {
  const at = parseAddress(haproxy.address);
  const [, username = haproxy.username, password = haproxy.password] = /^([^:]*):(.*)$/s.exec(at?.auth ?? '') ?? [];
  return { address: at?.address ?? haproxy.address, username: username ?? '', password: password ?? '' };
}

function mapFiles(path: string | undefined): { readonly directory?: string; readonly stem?: string } {
  if (path === undefined) return {};
  const stem = posix.basename(path, '.map');
  return path.startsWith('/') ? { directory: posix.dirname(path), stem } : { stem };
}

function withoutMissing<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
