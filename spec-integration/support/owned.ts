/**
 * The lines of a configuration that are the connector's, each with its section and its words in order, sorted: the API
 * moves both. It knows them by their marks alone, and not by the code that writes them.
 */
export function owned(text: string, owner = 'nomad'): readonly string[] {
  const sections = text.split(/^(?=\S)/m);
  const isOurs = (line: string) => line.includes(`"owner":"${owner}"`) || line.includes(`txn.${owner}_`);
  return sections
    .flatMap((section) => {
      const [header = '', ...lines] = section.split('\n');
      const whole = lines.some((line) => line.startsWith(`  description ${owner} `));
      return lines
        .filter((line) => line.trim() !== '' && (whole || isOurs(line)))
        .map((line) => `${header}: ${line.trim().split(/\s+/).sort().join(' ')}`);
    })
    .sort();
}
