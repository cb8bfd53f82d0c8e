import { Ajv, type SchemaObject, type ValidateFunction } from 'ajv';

/** What a value of the wire has to look like. */
export interface Shape<T> {
  readonly fits: (value: unknown) => value is T;
  /** What was wrong with the value that was asked about last; `name` stands for it. */
  readonly why: (name: string) => string;
}

/**
 * Strict mode finds what is misspelt in a schema, so none is checked against the schema of schemas, which takes 20 ms; and
 * what ajv's optimiser takes of a start the code never earns back.
 */
const ajv = new Ajv({ validateSchema: false, meta: false, code: { optimize: false } });

/** Compiles the schema when the first value is there: to compile all takes 100 ms, and a start needs few. */
export function shapeOf<T>(schema: SchemaObject): Shape<T> {
  let compiled: ValidateFunction<T> | undefined;
  return {
    fits(value): value is T {
      compiled ??= ajv.compile<T>(schema);
      return compiled(value);
    },
    why: (name) => ajv.errorsText(compiled?.errors, { dataVar: name }).trim(),
  };
}
