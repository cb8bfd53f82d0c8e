/** What Nomad names within a namespace: a registration, a job. */
export interface Name {
  readonly namespace: string;
  readonly id: string;
}

/** Values by name. A map for each namespace, so that no joined name is made for a look, or kept for a value. */
export interface ByName<V> {
  readonly get: (name: Name) => V | undefined;
  readonly set: (name: Name, value: V) => void;
  readonly delete: (name: Name) => void;
  readonly size: () => number;
  readonly entries: () => Iterable<readonly [Name, V]>;
}

export function createByName<V>(): ByName<V> {
  const namespaces = new Map<string, Map<string, V>>();

  return {
    get: ({ namespace, id }) => namespaces.get(namespace)?.get(id),
    set: ({ namespace, id }, value) => {
      const known = namespaces.get(namespace);
      if (known === undefined) namespaces.set(namespace, new Map([[id, value]]));
      else known.set(id, value);
    },
    delete: ({ namespace, id }) => {
      const known = namespaces.get(namespace);
      known?.delete(id);
      if (known?.size === 0) namespaces.delete(namespace);
    },
    size: () => [...namespaces.values()].reduce((sum, known) => sum + known.size, 0),
    *entries() {
      for (const [namespace, known] of namespaces) for (const [id, value] of known) yield [{ namespace, id }, value];
    },
  };
}
