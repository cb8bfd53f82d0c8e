/** A stranger's text, such as a tag, in messages for people: short, and with nothing in it that ends a line or moves a cursor. */

const maxLength = 80;

/** Control and format characters, unpaired surrogates, and line separators. */
const invisible = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** In quotes, cut to a length that a log line can bear. */
export function quoted(text: string): string {
  return visible(JSON.stringify(excerpt(text)));
}

/** As it is where it is printable ASCII without blanks, else in quotes. */
export function printable(text: string): string {
  return /^[\x21-\x7e]+$/.test(text) ? excerpt(text) : quoted(text);
}

/** Whole, with what nobody would see written out. */
export function visible(text: string): string {
  return text.replace(invisible, (found) => `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`);
}

export function excerpt(text: string): string {
  return text.length > maxLength ? `${text.slice(0, maxLength)}...` : text;
}
