/** What went wrong at an end, by what helps against it. `where` is a request or an address, `hint` what to do. */
export interface Failure {
  readonly kind: FailureKind;
  readonly message: string;
  readonly where: string;
  readonly hint: string;
}

export type FailureKind =
  /** Nobody answered, or not now: network, socket, 5xx, 429. */
  | 'unreachable'
  /** 401 or 403. */
  | 'unauthorized'
  /** Somebody else wrote first, or holds what we need. */
  | 'conflict'
  /** HAProxy's validation or our own rules refuse the wish. */
  | 'rejected'
  /** A backend, frontend or file that has to be there is not. */
  | 'not-found'
  /** Validated, but HAProxy could not load it. */
  | 'reload-failed'
  /** A version, or a feature of a version, that we cannot work with. */
  | 'unsupported'
  /** An answer that is not what the interface promises. */
  | 'malformed';

/** Transient failures are tried again with backoff; the others wait until something changes. */
export function isTransient(failure: Failure): boolean {
  switch (failure.kind) {
    case 'unreachable':
    case 'unauthorized':
    case 'conflict':
    case 'reload-failed':
    case 'malformed':
      return true;
    case 'rejected':
    case 'not-found':
    case 'unsupported':
      return false;
    default:
      return failure.kind satisfies never;
  }
}

/** Carries a Failure through an Observable's error channel, from an end to the inner stream that catches it. */
export class FailureError extends Error {
  override readonly name = 'FailureError';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(`${failure.message} (${failure.where}): ${failure.hint}`);
    this.failure = failure;
  }
}
