/**
 * The lines of a configuration that are not the connector's, with what is marked as its own left out. It knows the marks
 * by their text alone, and not by the code that writes them.
 */
export function handWritten(text: string, owner = 'nomad'): string {
  const paragraphs = text
    .replace(/^# (_.*|Dataplaneapi managed File|changing file directly .*)\n/gm, '')
    .split('\n')
    .reduce<string[][]>((sections, line) => {
      if (/^\S/.test(line)) sections.push([]);
      sections.at(-1)?.push(line);
      return sections;
    }, []);
  const isOurs = (line: string) => line.includes(`"owner":"${owner}"`) || line.includes(`txn.${owner}_`);
  return paragraphs
    .filter((lines) => !lines.some((line) => line.startsWith(`  description ${owner} `)))
    .flatMap((lines) => lines.filter((line) => line.trim() !== '' && !isOurs(line)))
    .join('\n');
}
