/** One request to the Data Plane API and what came of it; texts are bounded and without secrets. */
export interface Exchange {
  readonly method: string;
  /** Below the API's address, with its query. */
  readonly path: string;
  /** From sending to the end of the answer; ms. */
  readonly ms: number;
  /** HTTP status; absent: no answer, and `error` says why. */
  readonly status?: number;
  readonly error?: string;
  /** The body that was sent, or what of it concerns us. */
  readonly sent?: string;
  /** The same of the answer; of a read that succeeded only its length is of interest. */
  readonly got?: string;
}
