/** Something the owner of a service should mend: it cost one setting or one instance, never the service. */
export interface Problem {
  /** What it concerns: a tag, a domain, a registration. */
  readonly subject: string;
  readonly text: string;
}

/** More problems of one service are counted, not told: nobody reads them, and tags cost their author nothing. */
export const maxProblems = 20;

export function sayProblem({ subject, text }: Problem): string {
  return `${subject} ${text}`;
}
