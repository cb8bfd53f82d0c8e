/** What is kept in memory and grows with what others do; README's table of bounds says how far. */
export type Kept =
  | 'services'
  | 'registrations'
  | 'jobs'
  | 'probes'
  | 'nomad_events'
  | 'runtime_lane'
  | 'writer_lane'
  | 'unwritten_steps'
  | 'awaited'
  | 'status_rows'
  | 'status_clients';

/** Takes down how to find out how many entries there are at any moment; a later answer replaces an earlier one. */
export type Measure = (kept: Kept, entries: () => number) => void;
