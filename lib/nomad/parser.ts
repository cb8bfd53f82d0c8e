import type { JSONSchemaType } from 'ajv';
import { shapeOf } from '../shape.ts';

/** A value of the wire turned into one of the model, or why it could not be. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

/**
 * Makes the one way from `unknown` to the model. The type checker holds the schema against `Raw`; unknown properties
 * pass, because Nomad adds fields with every version.
 */
export function parserOf<Raw, T>(schema: JSONSchemaType<Raw>, reduce: (raw: Raw) => T): (raw: unknown) => Parsed<T> {
  const shape = shapeOf<Raw>(schema);
  return function parse(raw) {
    return shape.fits(raw) ? { ok: true, value: reduce(raw) } : { ok: false, why: shape.why('') };
  };
}

/** Parses an array whose elements are one kind of thing. One bad element spoils it: a part would look like a removal. */
export function arrayOf<T>(parse: (raw: unknown) => Parsed<T>): (raw: unknown) => Parsed<readonly T[]> {
  return function parseArray(raw) {
    if (!Array.isArray(raw)) return { ok: false, why: 'must be array' };
    const values: T[] = [];
    for (const [at, element] of raw.entries()) {
      const parsed = parse(element);
      if (!parsed.ok) return { ok: false, why: `/${at} ${parsed.why}` };
      values.push(parsed.value);
    }
    return { ok: true, value: values };
  };
}
