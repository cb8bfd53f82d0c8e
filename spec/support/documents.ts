import { globSync, readFileSync } from 'node:fs';

/** What operators read. */
export const documents: readonly string[] = ['README.md', ...globSync('docs/*.md').sort()];

/** A fenced block of a document. */
export interface Block {
  /** `docs/faq.md:12`, where it begins. */
  readonly at: string;
  /** What stands behind the fence: `sh`, `json answer`. */
  readonly info: string;
  readonly text: string;
}

export function blocksOf(path: string): readonly Block[] {
  const text = readFileSync(path, 'utf8');
  return [...text.matchAll(/^```(.*)\n([^]*?)^```$/gm)].map(({ 1: info = '', 2: body = '', index }) => ({
    at: `${path}:${text.slice(0, index).split('\n').length}`,
    info,
    text: body,
  }));
}

/** The commands of a block of shell, one each, without comments. */
export function commandsOf({ text }: Block): readonly string[] {
  return text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*/, '').trim())
    .flatMap((line) => line.split('&&'))
    .map((command) => command.trim())
    .filter((command) => command !== '');
}

/** Anchors of the headings of a document, as they are made where it is shown. */
export function anchorsOf(path: string): readonly string[] {
  return [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
