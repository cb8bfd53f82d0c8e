import { aliasSets } from './model/tag-aliases.ts';

/** A JSON schema of one value, with three keywords of our own: `env`, `allowed` and `secret`. */
interface Setting {
  /** An object is one of lists; in texts it is `key=item,key=item`, where a key that comes again adds to its list. */
  readonly type: 'string' | 'integer' | 'boolean' | 'array' | 'object' | readonly ['string', 'array'];
  readonly description: string;
  /** The environment variable that sets it. */
  readonly env: string;
  readonly default?: string | number | boolean | readonly string[];
  /** What may be given, in words that follow "give"; needed where the schema's own keywords do not say it. */
  readonly allowed?: string;
  /** Never shown, logged or accepted on the command line. */
  readonly secret?: true;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly format?: 'address';
  readonly minLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly uniqueItems?: true;
  readonly items?: Items;
  readonly propertyNames?: { readonly pattern: string; readonly allowed: string };
  readonly additionalProperties?: { readonly type: 'array'; readonly items: Items; readonly allowed: string };
}

interface Items {
  readonly type: 'string';
  readonly pattern: string;
  readonly allowed: string;
}

const text = { type: 'string', minLength: 1 } as const;
const secret = { type: 'string', minLength: 1, secret: true } as const;
const address = { type: 'string', format: 'address' } as const;
const hosts = 'a list of host names such as example.com, *.example.com, or * for any';
const namespaceLists = 'namespaces, or * for all others, each with a list of host names';
const aliasNames = Object.keys(aliasSets);
const sectionName = '^[A-Za-z0-9_.:-]+$';

function integer<const D extends number>(low: number, high: number, fallback: D) {
  return { type: 'integer', minimum: low, maximum: high, default: fallback } as const;
}

/** Every setting there is, by section. This table is schema, defaults, environment, flags and README's reference at once. */
const sections = {
  nomad: {
    address: {
      ...address,
      env: 'NOMAD_ADDR',
      default: 'http://127.0.0.1:4646',
      allowed: 'an address such as http://host:4646, https://host:4646 or unix:///path',
      description: "Nomad's HTTP API.",
    },
    unix_addr: {
      ...address,
      pattern: '^unix:///',
      env: 'NOMAD_UNIX_ADDR',
      allowed: 'an address such as unix:///secrets/api.sock',
      description: "Socket of Nomad's task API; used when a token is given and `nomad.address` is not.",
    },
    token: { ...secret, env: 'NOMAD_TOKEN', description: 'ACL token or workload identity.' },
    token_file: {
      ...text,
      env: 'NOMAD_TOKEN_FILE',
      description: 'File with the token, read again when it changes or the token is refused; wins over `nomad.token`.',
    },
    namespaces: {
      type: 'array',
      items: {
        type: 'string',
        pattern: '^(\\*|[A-Za-z0-9-]{1,128})$',
        allowed: 'namespaces of up to 128 letters, digits and -, or * for all',
      },
      minItems: 1,
      uniqueItems: true,
      env: 'NOMAD_NAMESPACE',
      default: ['default'],
      allowed: 'a list of different namespaces, or * for all',
      description: 'Namespaces whose services are followed; `*` for all. In the environment separated by commas.',
    },
    region: { ...text, env: 'NOMAD_REGION', description: "Region; the agent's own if not given." },
    http_auth: { ...secret, env: 'NOMAD_HTTP_AUTH', description: '`user:password` for a proxy in front of Nomad.' },
    ca_cert: { ...text, env: 'NOMAD_CACERT', description: 'PEM file of the certificate authority.' },
    ca_path: { ...text, env: 'NOMAD_CAPATH', description: 'Directory of PEM files of certificate authorities.' },
    client_cert: {
      ...text,
      env: 'NOMAD_CLIENT_CERT',
      description: 'PEM file of the client certificate; needs `nomad.client_key`.',
    },
    client_key: {
      ...text,
      env: 'NOMAD_CLIENT_KEY',
      description: 'PEM file of the client key; needs `nomad.client_cert`.',
    },
    tls_server_name: {
      ...text,
      env: 'NOMAD_TLS_SERVER_NAME',
      description: "Name expected in the server's certificate, such as `server.global.nomad`.",
    },
    verify_allocations: {
      type: 'boolean',
      env: 'NOMAD_VERIFY_ALLOCATIONS',
      default: false,
      description:
        'Ignores registrations whose allocation is missing or has ended; one request more with each snapshot and audit.',
    },
    skip_verify: {
      type: 'boolean',
      env: 'NOMAD_SKIP_VERIFY',
      default: false,
      description: "Does not verify the server's certificate.",
    },
  },
  haproxy: {
    address: {
      ...address,
      env: 'HAPROXY_DATAPLANE_URL',
      default: 'http://127.0.0.1:5555',
      allowed: 'an address such as http://host:5555, https://host:5555 or unix:///path',
      description: 'Data Plane API.',
    },
    username: { ...text, env: 'HAPROXY_USERNAME', description: 'User of the Data Plane API; needed by `run`.' },
    password: { ...secret, env: 'HAPROXY_PASSWORD', description: 'Password of that user; needed by `run`.' },
    owner: {
      type: 'string',
      pattern: '^[a-z][a-z0-9]{0,15}$',
      env: 'HAPROXY_OWNER',
      default: 'nomad',
      allowed: '1 to 16 lower-case letters and digits, a letter first',
      description: 'Marks what this connector owns in HAProxy. Two connectors on one HAProxy need two owners.',
    },
    backend_strategy: {
      type: 'string',
      enum: ['use_existing', 'create_new', 'fail_on_conflict'],
      env: 'HAPROXY_BACKEND_STRATEGY',
      default: 'use_existing',
      description: 'What to do when somebody else has a backend of the name that a service wants.',
    },
    frontend: {
      type: ['string', 'array'],
      pattern: sectionName,
      items: { type: 'string', pattern: sectionName, allowed: 'names of letters, digits and - _ . :' },
      env: 'HAPROXY_FRONTEND',
      allowed: "a frontend's name or a list of them",
      description: 'Frontends that get the routing rule for domains. In the environment separated by commas.',
    },
    defaults: {
      type: 'string',
      pattern: sectionName,
      env: 'HAPROXY_DEFAULTS',
      allowed: "a section's name of letters, digits and - _ . :",
      description: 'Defaults section of new backends; that of the frontend if not given.',
    },
    drain_timeout_sec: {
      ...integer(0, 86_400, 30),
      env: 'HAPROXY_DRAIN_TIMEOUT_SEC',
      description: 'Seconds that a server drains after its instance left Nomad.',
    },
    backend_retention_sec: {
      ...integer(0, 604_800, 300),
      env: 'HAPROXY_BACKEND_RETENTION_SEC',
      description: 'Seconds that a backend without instances stays and answers 503.',
    },
    removal_max_wait_sec: {
      ...integer(0, 604_800, 600),
      env: 'HAPROXY_REMOVAL_MAX_WAIT_SEC',
      description: 'Seconds that a removal waits at most for another reload to go along with.',
    },
    maps_dir: {
      type: 'string',
      pattern: '^/',
      env: 'HAPROXY_MAPS_DIR',
      allowed: 'an absolute path',
      description: "Directory of the map files as HAProxy sees it; the Data Plane API's map storage if not given.",
    },
  },
  domain_map: {
    enabled: {
      type: 'boolean',
      env: 'DOMAIN_MAP_ENABLED',
      default: true,
      description: 'Keeps the domain maps.',
    },
    file_path: {
      type: 'string',
      pattern: '^(/(.*/)?)?[A-Za-z0-9_][A-Za-z0-9_.-]*$',
      env: 'DOMAIN_MAP_FILE_PATH',
      allowed: 'an absolute path that ends in a name, such as /etc/haproxy/maps/nomad',
      description:
        'Directory and stem of the maps: `<stem>-exact.map`, `<stem>-prefix.map`, `<stem>-regex.map`. ' +
        'The stem is `haproxy.owner` if not given; an ending `.map` is ignored.',
    },
  },
  reload: {
    burst: { ...integer(1, 100, 3), env: 'RELOAD_BURST', description: 'Reloads that may follow each other at once.' },
    interval_ms: {
      ...integer(0, 3_600_000, 2000),
      env: 'RELOAD_INTERVAL_MS',
      description: 'Milliseconds until one more reload is allowed.',
    },
  },
  persist: {
    delay_ms: {
      ...integer(0, 5000, 1000),
      env: 'PERSIST_DELAY_MS',
      description:
        'Milliseconds from a change at runtime to the write that makes the configuration file say it too; at most 5000 under constant change.',
    },
  },
  drift: {
    interval_ms: {
      ...integer(1000, 60_000, 60_000),
      env: 'DRIFT_INTERVAL_MS',
      description:
        'Milliseconds in which every backend and map of the running HAProxy is compared with what it should be.',
    },
    respect_manual_maint: {
      type: 'boolean',
      env: 'DRIFT_RESPECT_MANUAL_MAINT',
      default: false,
      description: 'Leaves a server in maintenance that somebody put there by hand, although it should serve.',
    },
  },
  admission: {
    probe: {
      type: 'boolean',
      env: 'ADMISSION_PROBE',
      default: true,
      description: 'Probes a new instance before HAProxy sends it requests.',
    },
    fallback_ms: {
      ...integer(0, 3_600_000, 2000),
      env: 'ADMISSION_FALLBACK_MS',
      description:
        'Milliseconds after which HAProxy decides about an instance that gives the connector no answer at all.',
    },
    max_wait_ms: {
      ...integer(0, 86_400_000, 60_000),
      env: 'ADMISSION_MAX_WAIT_MS',
      description: 'Milliseconds after which HAProxy decides about an instance, whatever it answers.',
    },
  },
  guard: {
    max_loss_percent: {
      ...integer(0, 100, 50),
      env: 'GUARD_MAX_LOSS_PERCENT',
      description:
        'More than this share of all managed services (at least 3), missing from a snapshot at once, is held, and so is ' +
        'a namespace that is missing whole.',
    },
    confirm_after_ms: {
      ...integer(0, 3_600_000, 15_000),
      env: 'GUARD_CONFIRM_AFTER_MS',
      description: 'Milliseconds until a second snapshot is taken; what it misses too is removed.',
    },
  },
  policy: {
    allowed_domains: {
      type: 'object',
      propertyNames: { pattern: '^(\\*|[A-Za-z0-9-]{1,128})$', allowed: namespaceLists },
      additionalProperties: {
        type: 'array',
        items: {
          type: 'string',
          pattern: '^(\\*|(\\*\\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?)$',
          allowed: hosts,
        },
        allowed: hosts,
      },
      env: 'POLICY_ALLOWED_DOMAINS',
      allowed: namespaceLists,
      description:
        'Host names that the services of a namespace may claim: `example.com`, `*.example.com` for all below it, `*` for any. ' +
        'The namespace `*` stands for all that are not named; without it they may claim anything. ' +
        'In the environment `shop=shop.example.com,shop=*.shop.example.com,*=*.apps.example.com`.',
    },
  },
  tags: {
    prefix: {
      type: 'string',
      pattern: '^[A-Za-z][A-Za-z0-9_-]*$',
      env: 'TAGS_PREFIX',
      default: 'haproxy',
      allowed: 'letters, digits, - and _, a letter first',
      description: 'First word of the tags that the connector reads: `<prefix>.enable=true`.',
    },
    aliases: {
      type: 'array',
      items: { type: 'string', pattern: `^(${aliasNames.join('|')})$`, allowed: aliasNames.join(', ') },
      uniqueItems: true,
      env: 'TAGS_ALIASES',
      default: [],
      allowed: `a list of ${aliasNames.join(', ')}`,
      description:
        'Products whose tags are read as ours, where ours do not say otherwise: `traefik`. docs/tags.md says which of them can be.',
    },
  },
  log: {
    level: {
      type: 'string',
      enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
      env: 'LOG_LEVEL',
      default: 'info',
      description: 'Least level that is logged.',
    },
  },
  recorder: {
    file: {
      ...text,
      env: 'RECORDER_FILE',
      description:
        'File that keeps the last events, snapshots and requests to HAProxy, for `replay`; the half before it is in `<file>.1`. Off if not given.',
    },
    max_bytes: {
      ...integer(1_048_576, 1_099_511_627_776, 67_108_864),
      env: 'RECORDER_MAX_BYTES',
      description: 'Bytes that both files take at most. Half of it has to hold a snapshot of all services.',
    },
  },
  server: {
    host: {
      ...text,
      env: 'HEALTH_HOST',
      default: '0.0.0.0',
      description: 'Address of `/health`, `/ready`, `/metrics` and the status page.',
    },
    port: { ...integer(0, 65_535, 8080), env: 'HEALTH_PORT', description: 'Their port; 0 takes any free one.' },
  },
  admin: {
    host: {
      type: 'string',
      pattern: '^(127(\\.\\d{1,3}){3}|::1|localhost)$',
      env: 'ADMIN_HOST',
      default: '127.0.0.1',
      allowed: 'a loopback address: 127.0.0.1, ::1 or localhost',
      description: 'Address of `POST /release`; loopback only.',
    },
    port: {
      type: 'integer',
      minimum: 0,
      maximum: 65_535,
      env: 'ADMIN_PORT',
      description: 'Its port; 0 takes any free one. Off if not given.',
    },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Setting>>>>;

type Sections = typeof sections;
type Value<S> = S extends { readonly enum: readonly (infer E)[] }
  ? E
  : S extends { readonly type: 'integer' }
    ? number
    : S extends { readonly type: 'boolean' }
      ? boolean
      : S extends { readonly type: 'array' }
        ? readonly string[]
        : S extends { readonly type: 'object' }
          ? Readonly<Record<string, readonly string[]>>
          : S extends { readonly type: readonly string[] }
            ? string | readonly string[]
            : string;

/** A configuration as the file spells it, defaults filled in. */
export type Settings = {
  readonly [S in keyof Sections]: {
    readonly [K in keyof Sections[S]]:
      Value<Sections[S][K]> | (Sections[S][K] extends { readonly default: unknown } ? never : undefined);
  };
};

/** JSON schema of a configuration file, for ajv with the keywords `env`, `allowed` and `secret` and the format `address`. */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(
    Object.entries(sections).map(([name, properties]) => [
      name,
      { type: 'object', additionalProperties: false, properties },
    ]),
  ),
};

/** One setting and where it is found: `path` in the file, its flag without dashes, its environment variable in the schema. */
export interface SettingPlace {
  readonly section: string;
  readonly key: string;
  readonly path: string;
  readonly flag: string;
  readonly schema: Setting;
}

export const settingPlaces: readonly SettingPlace[] = Object.entries(sections).flatMap(([section, settings]) =>
  Object.entries<Setting>(settings).map(([key, schema]) => {
    const path = `${section}.${key}`;
    return { section, key, path, flag: path.replaceAll(/[._]/g, '-'), schema };
  }),
);

export interface ConfigRow {
  readonly path: string;
  readonly env: string;
  readonly type: string;
  /** Empty where there is none. */
  readonly default: string;
  readonly description: string;
}

/** The rows of README's configuration table. */
export function configRows(): readonly ConfigRow[] {
  return settingPlaces.map(({ path, schema }) => ({
    path,
    env: schema.env,
    type: typeName(schema),
    default: schema.default?.toString() ?? '',
    description: schema.description,
  }));
}

/**
 * The command line's flags in the form `parseArgs` takes: `--haproxy-owner` for `haproxy.owner`.
 * Secrets have none, since everybody on a machine can read its command lines.
 */
export function configFlags(): Readonly<Record<string, { readonly type: 'string' }>> {
  return Object.fromEntries(
    settingPlaces.filter(({ schema }) => !schema.secret).map(({ flag }) => [flag, { type: 'string' }]),
  );
}

/** The environment variable of a setting that has no flag because it is secret. */
export function envOfSecret(flag: string): string | undefined {
  return settingPlaces.find((place) => place.schema.secret && place.flag === flag)?.schema.env;
}

function typeName(schema: Setting): string {
  if (schema.enum) return schema.enum.join(', ');
  if (schema.type === 'array') return 'string[]';
  if (schema.type === 'object') return 'object of string[]';
  return typeof schema.type === 'string' ? schema.type : 'string or string[]';
}
