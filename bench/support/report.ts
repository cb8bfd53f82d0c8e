import { quantile } from './samples.ts';
import type { Machine } from './machine.ts';
import { renderTable } from './table.ts';

/** One figure, with the floor of the same run beside it and what it should be. */
export interface Row {
  readonly scenario: string;
  readonly what: string;
  readonly measured: number;
  readonly unit: string;
  readonly floor?: number;
  /** In words; absent: reported only. */
  readonly target?: string;
  readonly met?: boolean;
}

export interface Report {
  readonly machine: Machine & { readonly haproxy: string; readonly dataplane: string };
  readonly rows: readonly Row[];
}

/** p50 and p99 of ms beside those of the floor; `atMost`: times the floor's. */
export function beside(
  scenario: string,
  measured: readonly number[],
  floor: readonly number[],
  atMost: { readonly p50?: number; readonly p99?: number } = {},
): readonly Row[] {
  return (['p50', 'p99'] as const).map((name) => {
    const share = name === 'p50' ? 0.5 : 0.99;
    return againstFloor(
      { scenario, what: name, unit: 'ms', measured: quantile(measured, share) },
      quantile(floor, share),
      atMost[name],
    );
  });
}

/** A figure and `atMost` times the floor's. */
export function againstFloor(row: Row, floor: number, atMost?: number): Row {
  const target =
    atMost === undefined ? {} : { target: `at most ${atMost} x floor`, met: row.measured <= atMost * floor };
  return { ...row, floor, ...target };
}

/** A figure that has a limit of its own. */
export function limited(row: Row, atMost: number): Row {
  return { ...row, target: atMost === 0 ? 'zero' : `at most ${atMost}`, met: row.measured <= atMost };
}

export function renderReport({ machine, rows }: Report): string {
  const { cpu, cores, memoryGiB, node, haproxy, dataplane } = machine;
  const table = renderTable(
    rows.map(({ scenario, what, measured, unit, floor, target, met }) => ({
      scenario,
      what,
      measured,
      unit,
      floor,
      'x floor': floor === undefined || floor === 0 ? undefined : measured / floor,
      target,
      met,
    })),
  );
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, node ${node}, HAProxy ${haproxy}, Data Plane API ${dataplane}\n\n${table}\n`;
}
