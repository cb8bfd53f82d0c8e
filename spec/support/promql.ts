/** A metric that an expression selects, and the labels it is selected by. */
export interface Selector {
  readonly metric: string;
  readonly labels: readonly { readonly name: string; readonly value: string; readonly exact: boolean }[];
}

const words = new Set([
  'by',
  'or',
  'and',
  'unless',
  'sum',
  'rate',
  'increase',
  'changes',
  'absent',
  'histogram_quantile',
]);

/** The selectors of a PromQL expression. A word that is neither one of `words` nor a metric comes out as a metric. */
export function selectors(expression: string): readonly Selector[] {
  const text = expression.replaceAll(/\bby \([^)]*\)/g, '').replaceAll(/\[[^\]]*\]/g, '');
  return [...text.matchAll(/([a-z_]\w*)(?:\{([^}]*)\})?/g)]
    .map(([, metric = '', labels = '']) => ({
      metric,
      labels: [...labels.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)].map(([, name = '', operator, value = '']) => ({
        name,
        value,
        exact: operator === '=' || operator === '!=',
      })),
    }))
    .filter(({ metric }) => !words.has(metric));
}

/** The labels that an expression groups by. */
export function groupings(expression: string): readonly string[] {
  return [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(/,\s*/));
}
