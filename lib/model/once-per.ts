/**
 * Derives something from a value that never changes, once; it is kept as long as the value is, and goes with it. For what
 * every event would derive again from the same settings or the same wish.
 */
export function oncePer<K extends object, V>(derive: (from: K) => V): (from: K) => V {
  const derived = new WeakMap<K, { readonly value: V }>();
  return (from) => {
    const known = derived.get(from);
    if (known !== undefined) return known.value;
    const value = derive(from);
    derived.set(from, { value });
    return value;
  };
}
