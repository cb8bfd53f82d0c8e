import type { Notice } from '../model/notice.ts';
import { describeNotice } from './describe.ts';
import type { Planned } from './planned.ts';
import { plural } from '../model/plural.ts';

/** What a plan comes to. */
export interface Result {
  readonly planned: readonly Planned[];
  readonly reloads: number;
  /** Problems of services, services that cannot be brought to HAProxy, and removals that wait to be confirmed. */
  readonly problems: readonly Notice[];
}

/** For people: what it takes for granted, the lines of each service, what is wrong, and the sums. */
export function planText({ planned, reloads, problems }: Result, notes: readonly string[] = []): string {
  const services = Map.groupBy(planned, ({ service }) => service);
  const head = notes.length > 0 ? [...notes.map((note) => `# ${note}`), ''] : [];
  const lines = [...services].flatMap(([service, its]) => [service, ...its.map(lineOf), '']);
  const said = problems.flatMap(describeNotice).map((line) => `! ${line}`);
  const { add, change, remove } = countActions(planned);
  const sums = `Plan: ${add} to add, ${change} to change, ${remove} to remove; ${plural(reloads, 'reload')}.`;
  const nothing = said.length > 0 ? 'No changes, and what is said above.' : allIsWell;
  const end = planned.length === 0 ? nothing : sums;
  return [...head, ...lines, ...said, ...(said.length > 0 ? [''] : []), end, ''].join('\n');
}

const allIsWell = 'No changes. HAProxy is as the services want it.';

/** One JSON object a line: what it takes for granted, every planned step, every problem, and last the sums. */
export function planJson({ planned, reloads, problems }: Result, notes: readonly string[] = []): string {
  const lines = [
    ...(notes.length > 0 ? [{ kind: 'plan-assumes', notes }] : []),
    ...planned.map((line) => ({ kind: 'planned', ...line })),
    ...problems,
    { kind: 'plan-finished', ...countActions(planned), reloads, problems: problems.length },
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** One step, indented. */
export function lineOf({ action, object, why, reload, reloadWhy, afterMs }: Planned): string {
  const seconds = Math.floor(afterMs / 1000);
  const later = seconds > 0 ? `, after ${seconds} s` : '';
  return `  ${signs[action]} ${object}${later}  (${why}; reload: ${reload ? 'yes' : 'no'}, ${reloadWhy})`;
}

const signs = { add: '+', change: '~', remove: '-' } as const;

function countActions(planned: readonly Planned[]): Record<Planned['action'], number> {
  const counts = { add: 0, change: 0, remove: 0 };
  for (const { action } of planned) counts[action] += 1;
  return counts;
}
