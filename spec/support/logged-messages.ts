import { globSync, readFileSync } from 'node:fs';
import ts from 'typescript';

/** Every constant message that the program logs above `info`, found in its source: as `{ level, message }` or `log.warn(...)`. */
export function messagesAboveInfo(): readonly string[] {
  return globSync('{lib,streams,operators}/**/*.ts').flatMap((path) => {
    const text = readFileSync(path, 'utf8');
    // Parsing them all takes seconds.
    if (!/level:|\.(warn|error|fatal)\(/.test(text)) return [];
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
    const found: string[] = [];
    const visit = (node: ts.Node) => {
      found.push(...fromLine(node), ...fromCall(node));
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  });
}

function fromLine(node: ts.Node): readonly string[] {
  if (!ts.isObjectLiteralExpression(node)) return [];
  const [level, message] = ['level', 'message'].map((name) => member(node, name));
  if (level === undefined || message === undefined || !ts.isStringLiteral(message)) return [];
  return ts.isStringLiteral(level) && ['debug', 'info'].includes(level.text) ? [] : [message.text];
}

function member(node: ts.ObjectLiteralExpression, name: string): ts.Expression | undefined {
  return node.properties
    .filter((property) => ts.isPropertyAssignment(property))
    .find((property) => ts.isIdentifier(property.name) && property.name.text === name)?.initializer;
}

function fromCall(node: ts.Node): readonly string[] {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return [];
  const { expression, name } = node.expression;
  if (!ts.isIdentifier(expression) || !/^log(ger)?$/.test(expression.text) || !/^(warn|error|fatal)$/.test(name.text))
    return [];
  return node.arguments.filter((argument) => ts.isStringLiteral(argument)).map(({ text }) => text);
}
