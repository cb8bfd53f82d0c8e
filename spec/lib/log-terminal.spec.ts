import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import fc from 'fast-check';
import { createLogger, noticeToLog } from '../../lib/log.ts';
import { terminalLine } from '../../lib/log-terminal.ts';

/** What a terminal would show of a line that is logged at 12:34:56.789. */
function show(log: (logger: ReturnType<typeof createLogger>) => void, colors = false): string {
  let text = '';
  const write = (line: string) => {
    const fixed = line.replace(/"time":\d+/, `"time":${Date.UTC(2026, 0, 1, 12, 34, 56, 789)}`);
    text += terminalLine(fixed, colors);
  };
  log(createLogger({ level: 'trace', destination: { write } }));
  return text;
}

describe('terminalLine', () => {
  it('shows time, level, message and short values in a line', () => {
    const text = show((logger) => {
      logger.info({ address: 'http://nomad:4646', services: ['a', 'b'], steps: { 'fill-slot': 2 } }, 'connected');
    });
    expect(text).to.equal('12:34:56.789Z INFO  connected address=http://nomad:4646 services=a,b steps.fill-slot=2\n');
  });

  it('shows a configuration below, section by section, in lines that a terminal has room for', () => {
    const haproxy = Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`setting${n}`, 'a-value-of-it']));
    const config = { tags: { prefix: 'haproxy', aliases: [] }, haproxy, log: { level: 'two words' } };
    const text = show((logger) => {
      logger.info({ config, version: '1' }, 'starting');
    });
    expect(text.split('\n')).to.deep.equal([
      '12:34:56.789Z INFO  starting version=1',
      '    tags:       prefix=haproxy aliases=',
      '    haproxy:    setting0=a-value-of-it setting1=a-value-of-it setting2=a-value-of-it',
      '                setting3=a-value-of-it setting4=a-value-of-it setting5=a-value-of-it',
      '                setting6=a-value-of-it setting7=a-value-of-it',
      '    log:        level="two words"',
      '',
    ]);
  });

  it('shows sentences below, a line each', () => {
    const { level, message, fields } = noticeToLog({
      kind: 'service-failed',
      service: 'default/web',
      failure: { kind: 'rejected', message: 'it has no frontend', where: 'frontend www', hint: 'write one' },
    });
    const text = show((logger) => {
      logger[level](fields, message);
    });
    expect(text.split('\n')).to.deep.equal([
      '12:34:56.789Z ERROR could not bring service to HAProxy service=default/web failure=rejected',
      '    what: it has no frontend',
      '    where: frontend www',
      '    hint: write one',
      '',
    ]);
  });

  it('shows each problem of a list in a line', () => {
    const text = show((logger) => {
      logger.warn(
        {
          problems: [
            { subject: 'haproxy.weight', text: 'is given twice' },
            { subject: 'domain', text: 'is empty' },
          ],
        },
        'bad',
      );
    });
    expect(text.split('\n').slice(1)).to.deep.equal([
      '    problems: haproxy.weight is given twice',
      '    problems: domain is empty',
      '',
    ]);
  });

  it('shows the stack of an error, and of what caused it', () => {
    const cause = new Error('refused');
    cause.stack = 'Error: refused\n    at there';
    const error = new Error('broken', { cause });
    error.stack = 'Error: broken\n    at here';
    const text = show((logger) => {
      logger.fatal({ err: error }, 'stopped by a bug');
    });
    expect(text.split('\n')).to.deep.equal([
      '12:34:56.789Z FATAL stopped by a bug',
      '    Error: broken',
      '        at here',
      '    caused by:',
      '    Error: refused',
      '        at there',
      '',
    ]);
  });

  it('has colors only where they are wanted, and the same words', () => {
    const log = (logger: ReturnType<typeof createLogger>) => {
      logger.warn({ a: 1, b: 'two words' }, 'colorful');
    };
    expect(show(log, true)).to.include('\u001b[33m');
    expect(stripVTControlCharacters(show(log, true))).to.equal(show(log));
  });

  it('ends no line and moves no cursor, whatever is logged', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\u001b[2J', 'a\nb', '\r', '\u202e', '\u009b1A'),
    );
    const value = fc.oneof(
      text,
      fc.array(text),
      fc.array(fc.record({ text })),
      fc.dictionary(text, text),
      fc.constant(null),
    );
    fc.assert(
      fc.property(fc.dictionary(text, value), text, (fields, message) => {
        const lines = show((logger) => {
          logger.info(fields, message);
        }).split('\n');
        expect(lines.pop()).to.equal('');
        expect(lines[0]).to.match(/^12:34:56\.789Z INFO {2}/);
        for (const line of lines) expect(line).to.not.match(/[\p{C}\p{Zl}\p{Zp}]/u);
        for (const line of lines.slice(1)) expect(line).to.match(/^ {4}/);
      }),
    );
  });
});
