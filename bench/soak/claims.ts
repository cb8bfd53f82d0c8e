/** Something that the connector promises, and whether it held. */
export interface Claim {
  readonly claim: string;
  readonly measured: string;
  readonly holds: boolean;
  /** What was wrong, where it did not hold; the first of it. */
  readonly evidence?: readonly string[];
}

const mostEvidence = 10;

/** Holds when nothing is wrong. */
export function claimNothing(claim: string, measured: string, wrong: readonly string[]): Claim {
  if (wrong.length === 0) return { claim, measured, holds: true };
  const more = wrong.length > mostEvidence ? [`and ${wrong.length - mostEvidence} more`] : [];
  return { claim, measured, holds: false, evidence: [...wrong.slice(0, mostEvidence), ...more] };
}
