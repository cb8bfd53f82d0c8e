/**
 * Whether a service, by this name, can be asked for and be read back from a mark. Nomad takes any name that a job's variables
 * make. Parts of a path that are empty, `.` or `..` would ask for something else, or be redirected.
 */
export function isUsableName(name: string): boolean {
  return isMarkable(name) && !/(^|\/)\.{0,2}(\/|$)/.test(name);
}

/** No control or format characters, unpaired surrogates or line separators, and not so long that it fills a line. */
export function isMarkable(text: string): boolean {
  return /^[^\p{C}\p{Zl}\p{Zp}]{0,512}$/u.test(text);
}
