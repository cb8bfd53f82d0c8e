import { Ajv } from 'ajv';
import { parseAddress } from './config-address.ts';
import { explainErrors, type ConfigError } from './config-errors.ts';
import { configSchema, settingPlaces, type SettingPlace } from './config-schema.ts';

/** What one source says: the usable values by path, and what is wrong with the others. */
export interface Layer {
  readonly values: ReadonlyMap<string, unknown>;
  readonly errors: readonly ConfigError[];
}

export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** A spec checks the schema against the schema of schemas; here that would take 20 ms of every start, as would optimising. */
const ajv = new Ajv({
  validateSchema: false,
  meta: false,
  code: { optimize: false },
  allErrors: true,
  verbose: true,
  allowUnionTypes: true,
  keywords: ['env', 'allowed', 'secret'],
  formats: { address: (text: string) => parseAddress(text) !== undefined },
});
const validate = ajv.compile(configSchema);

export function fileLayer({ path, text }: ConfigFile): Layer {
  const parsed = parseJson(text);
  if ('reason' in parsed) {
    return { values: new Map(), errors: [{ path: '', message: `${path}: is not JSON: ${parsed.reason}` }] };
  }
  return judge(parsed.value, (setting) => (setting ? `${path}: ${setting}` : path));
}

/** A variable that is set but empty counts as not set, as it does for Nomad's own command. */
export function environmentLayer(env: Readonly<Record<string, string | undefined>>): Layer {
  return textLayer(
    ({ schema }) => env[schema.env],
    ({ schema, path }) => `${schema.env} (${path})`,
  );
}

/** `flags` may hold other flags too. */
export function flagLayer(flags: Readonly<Record<string, unknown>>): Layer {
  return textLayer(
    ({ flag, schema }) => {
      const value = schema.secret ? undefined : flags[flag];
      return typeof value === 'string' ? value : undefined;
    },
    ({ flag, path }) => `--${flag} (${path})`,
  );
}

function textLayer(read: (place: SettingPlace) => string | undefined, where: (place: SettingPlace) => string): Layer {
  const document: Record<string, Record<string, unknown>> = {};
  for (const place of settingPlaces) {
    const text = read(place);
    if (text) (document[place.section] ??= {})[place.key] = fromText(text, place.schema.type);
  }
  return judge(document, (path) =>
    settingPlaces
      .filter((place) => place.path === path)
      .map(where)
      .join(),
  );
}

/** The value that a text stands for; a text that stands for none is left for the schema to refuse. */
function fromText(text: string, type: SettingPlace['schema']['type']): unknown {
  switch (type) {
    case 'string':
      return text;
    case 'integer':
      return /^-?\d+$/.test(text) ? Number(text) : text;
    case 'boolean':
      // What Go's strconv.ParseBool takes, since Nomad reads its own variables by it.
      if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
      return /^(0|f|F|FALSE|false|False)$/.test(text) ? false : text;
    case 'object':
      return listsFrom(itemsOf(text));
    default:
      return itemsOf(text);
  }
}

function itemsOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Lists by key of `key=item` pairs; an item without a key is left for the schema to refuse. */
function listsFrom(pairs: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const grouped = Map.groupBy(pairs, (pair) => (pair.includes('=') ? pair.slice(0, pair.indexOf('=')).trim() : ''));
  return Object.fromEntries(
    [...grouped].map(([key, found]) => [key, found.map((pair) => pair.slice(pair.indexOf('=') + 1).trim())]),
  );
}

function judge(document: unknown, where: (path: string) => string): Layer {
  const errors = validate(document) ? [] : explainErrors(validate.errors ?? [], where);
  const faulty = new Set(errors.map(({ path }) => path));
  const values = new Map<string, unknown>();
  for (const { section, key, path } of settingPlaces) {
    const value = member(member(document, section), key);
    if (value !== undefined && !faulty.has(path)) values.set(path, value);
  }
  return { values, errors };
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
}

function parseJson(text: string): { readonly value: unknown } | { readonly reason: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    // V8 quotes the text around some mistakes, which may hold a secret: only what stands before the quotation is kept.
    return {
      reason:
        String(error)
          .replace(/^SyntaxError: /, '')
          .split(/, (?:"|\.\.\.)/)[0] ?? '',
    };
  }
}
