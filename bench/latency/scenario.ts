import type { Apps } from '../support/apps.ts';
import type { Row } from '../support/report.ts';

export interface Surroundings {
  readonly apps: Apps['call'];
  /** Absent: as many as the scenario needs. */
  readonly repetitions?: number;
}

export type Scenario = (surroundings: Surroundings) => Promise<readonly Row[]>;
