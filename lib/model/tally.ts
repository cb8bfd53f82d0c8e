/** What passes the pipeline too often to be a notice. */
export type Tallied = 'events' | 'changes' | 'batches';

/** Counts one more of it. */
export type Count = (what: Tallied) => void;
