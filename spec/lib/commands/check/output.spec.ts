import { expect } from 'chai';
import { ok, problem, warning } from '../../../../lib/commands/check/finding.ts';
import { checkJson, checkText } from '../../../../lib/commands/check/output.ts';
import { linesOf } from '../../../support/command-line.ts';

const findings = [
  ok('nomad', '2.0.5 at http://nomad:4646'),
  warning('clock of Nomad', '9 s ahead of ours', 'timedatectl set-ntp true'),
  problem('maps', 'line 3: this\n  and that\u001b[2J', 'mend it'),
];

describe('checkText', () => {
  it('has a line a finding, what to type below it, and the sums', () => {
    expect(linesOf(checkText(findings))).to.deep.equal([
      'ok       nomad           2.0.5 at http://nomad:4646',
      'warning  clock of Nomad  9 s ahead of ours',
      '                         -> timedatectl set-ntp true',
      'problem  maps            line 3: this; and that\\u{1b}[2J',
      '                         -> mend it',
      '1 ok, 1 warning, 1 problem. Nothing was changed.',
    ]);
  });
});

describe('checkJson', () => {
  it('has an object a line, and last the sums', () => {
    const lines = linesOf(checkJson(findings)).map((line) => JSON.parse(line) as object);
    expect(lines).to.have.length(4);
    expect(lines[1]).to.deep.equal({
      ...{ kind: 'finding', check: 'clock of Nomad', level: 'warning' },
      ...{ found: '9 s ahead of ours', fix: 'timedatectl set-ntp true' },
    });
    expect(lines[3]).to.deep.equal({ kind: 'check-finished', ok: 1, warnings: 1, problems: 1 });
  });
});
