import { visible } from '../../model/quoted.ts';
import { plural } from '../../model/plural.ts';
import type { Finding } from './finding.ts';

/** For people: a line a finding, below it what to type, and the sums. */
export function checkText(findings: readonly Finding[]): string {
  const width = Math.max(0, ...findings.map(({ check }) => check.length));
  const lines = findings.flatMap((finding) => {
    const { level, check, found } = finding;
    const line = `${level.padEnd(levelWidth)}  ${check.padEnd(width)}  ${oneLine(found)}`;
    const margin = ' '.repeat(levelWidth + width + 4);
    return level === 'ok' ? [line] : [line, `${margin}-> ${oneLine(finding.fix)}`];
  });
  const { ok, warnings, problems } = countLevels(findings);
  const sums = `${ok} ok, ${plural(warnings, 'warning')}, ${plural(problems, 'problem')}. Nothing was changed.`;
  return [...lines, '', sums, ''].join('\n');
}

const levelWidth = 'problem'.length;

/** One JSON object a line: every finding, and last the sums. */
export function checkJson(findings: readonly Finding[]): string {
  const lines = [
    ...findings.map((finding) => ({ kind: 'finding', ...finding })),
    { kind: 'check-finished', ...countLevels(findings) },
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

function countLevels(findings: readonly Finding[]) {
  const count = (level: Finding['level']) => findings.filter((one) => one.level === level).length;
  return { ok: count('ok'), warnings: count('warning'), problems: count('problem') };
}

/** HAProxy's words may be several. */
function oneLine(text: string): string {
  return visible(text.replaceAll(/\s*\n\s*/g, '; '));
}
