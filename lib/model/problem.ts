/** Something the owner of a service should mend: it cost one setting or one instance, never the service. */
export interface Problem {
  /** What it concerns: a tag, a domain, a registration. */
  readonly subject: string;
  readonly text: string;
}
