/** `npm run test:model` sets it: every run and every byte, where `npm test` takes samples. */
export const isThorough = process.env['THOROUGH'] !== undefined;

/** Of each kind of story; the thorough ones are 10,000 together. */
export const runs = Number(process.env['MODEL_RUNS'] ?? (isThorough ? 2000 : 10));
