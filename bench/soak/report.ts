import type { Machine } from '../support/machine.ts';
import { renderTable } from '../support/table.ts';
import type { Claim } from './claims.ts';

export interface SoakResult {
  readonly seed: number;
  readonly seconds: number;
  readonly machine: Machine;
  readonly events: number;
  /** Faults by name, and when they began (s). */
  readonly faults: readonly { readonly name: string; readonly at: number }[];
  readonly claims: readonly Claim[];
}

/** A table, what was wrong, and last how many claims held and did not, in mocha's words so that `.ci/run` adds them up. */
export function renderSoak({ seed, seconds, machine, events, faults, claims }: SoakResult): string {
  const counts = Map.groupBy(faults, ({ name }) => name);
  const times = [...counts].map(([fault, all]) => ({ fault, times: all.length }));
  const wrong = claims.filter(({ holds }) => !holds);
  return [
    `seed ${seed}: ${events} events in ${seconds} s; ${machine.cpu}, ${machine.cores} cores, node ${machine.node}`,
    renderTable(times),
    renderTable(claims.map(({ claim, measured, holds }) => ({ claim, measured, holds }))),
    ...wrong.map(
      ({ claim, evidence = [] }) => `does not hold: ${claim}\n${evidence.map((line) => `  ${line}\n`).join('')}`,
    ),
    `  ${claims.length - wrong.length} passing (${seconds}s)${wrong.length > 0 ? `\n  ${wrong.length} failing` : ''}\n`,
  ].join('\n\n');
}
