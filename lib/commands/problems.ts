import type { Notice } from '../model/notice.ts';

/** True for what somebody should see to, after a replay or before a plan is carried out. */
export function isProblem(notice: Notice): boolean {
  switch (notice.kind) {
    case 'service-problems':
      return notice.problems.length > 0;
    case 'ghosts-ignored':
      return notice.ghosts.length > 0;
    case 'service-failed':
    case 'nomad-input-skipped':
    case 'haproxy-warning':
    case 'losses-held':
      return true;
    default:
      return false;
  }
}
