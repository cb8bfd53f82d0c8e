import type { ErrorObject } from 'ajv';
import { closest, distance } from 'fastest-levenshtein';

/** One thing wrong with the configuration; `message` is complete: where, what was given, what may be given. */
export interface ConfigError {
  /** `section.key`; empty when the file as a whole is concerned. */
  readonly path: string;
  readonly message: string;
}

/** What the error messages need of a schema; ajv hands it out untyped. */
interface SchemaPart {
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly allowed?: string;
  readonly secret?: true;
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** Says in a user's words what ajv found, one error for each path. `where` names the origin of a path's value. */
export function explainErrors(found: readonly ErrorObject[], where: (path: string) => string): readonly ConfigError[] {
  const errors = new Map<string, ConfigError>();
  for (const error of found) {
    const { path, text } = explain(error);
    if (!errors.has(path)) errors.set(path, { path, message: `${where(path)}: ${text}` });
  }
  return [...errors.values()];
}

function explain(error: ErrorObject): { readonly path: string; readonly text: string } {
  const schema = error.parentSchema as SchemaPart;
  const segments = error.instancePath.split('/').slice(1);
  if (error.keyword === 'additionalProperties') {
    const { additionalProperty: key } = error.params as { readonly additionalProperty: string };
    const known = Object.keys(schema.properties ?? {});
    return {
      path: [...segments, key].join('.'),
      text: `is not a setting${didYouMean(key, known)}; known here: ${known.join(', ')}`,
    };
  }
  const suggestion = schema.enum && typeof error.data === 'string' ? didYouMean(error.data, schema.enum) : '';
  return {
    // An item of a list is reported for the list.
    path: segments.slice(0, 2).join('.'),
    text: `${shown(error.data, schema)} is not allowed${suggestion}; give ${allowedBy(schema)}`,
  };
}

/** Nothing where none of the known is near. */
export function didYouMean(given: string, known: readonly string[]): string {
  const excerpt = given.slice(0, 40);
  const best = closest(excerpt, known);
  return distance(excerpt, best) * 2 <= Math.max(excerpt.length, best.length) ? `; did you mean ${best}?` : '';
}

/** Secrets, whole sections (which may hold secrets) and what stands before an @ (the user part of an address) are not shown. */
function shown(value: unknown, schema: SchemaPart): string {
  if (schema.secret) return 'the value (not shown)';
  if (Array.isArray(value)) return 'this list';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (schema.type === 'object') return 'a single value';
  const text = JSON.stringify(value).replace(/^".*@/, '"[redacted]@');
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

function allowedBy(schema: SchemaPart): string {
  if (schema.allowed) return schema.allowed;
  if (schema.enum) return `one of ${schema.enum.join(', ')}`;
  switch (schema.type) {
    case 'integer':
      return `a whole number from ${schema.minimum ?? 0} to ${schema.maximum ?? Infinity}`;
    case 'boolean':
      return 'true or false';
    case 'object':
      return 'an object';
    default:
      return 'text that is not empty';
  }
}
