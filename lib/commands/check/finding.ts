import type { Failure } from '../../model/failure.ts';

/** One line of the doctor: what was looked at, how it is, what was found, and what to type where it is not well. */
export type Finding = { readonly check: string; readonly found: string } & (
  | { readonly level: 'ok' }
  /** It works, and may not tomorrow. */
  | { readonly level: 'warning'; readonly fix: string }
  /** The connector cannot do its work. */
  | { readonly level: 'problem'; readonly fix: string }
);

export function ok(check: string, found: string): Finding {
  return { check, level: 'ok', found };
}

export function warning(check: string, found: string, fix: string): Finding {
  return { check, level: 'warning', found, fix };
}

export function problem(check: string, found: string, fix: string): Finding {
  return { check, level: 'problem', found, fix };
}

export function failed(check: string, { message, where, hint }: Failure): Finding {
  return problem(check, `${message} (${where})`, hint);
}
