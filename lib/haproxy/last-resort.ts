import type { Notice } from '../model/notice.ts';

/** What only a reload can mend. */
export interface LastResort {
  /** Has HAProxy reloaded with this text; where that was done already and has not helped, says so once. */
  readonly reload: (where: string, differs: string, text: string) => readonly Notice[];
  /** All is well there: should it be lost again, it is worth a reload again. */
  readonly helped: (where: string) => void;
}

/** `reloadSoon` makes the next reading begin with a reload. */
export function createLastResort(reloadSoon: () => void): LastResort {
  const tried = new Map<string, { readonly text: string; readonly said: boolean }>();
  return {
    reload: (where, differs, text) => {
      const earlier = tried.get(where);
      const isTried = earlier?.text === text;
      tried.set(where, { text, said: isTried });
      if (isTried && earlier.said) return [];
      if (isTried) {
        const hint = 'see whether this HAProxy runs with the file that the Data Plane API writes';
        return [{ kind: 'haproxy-warning', text: `${where}: ${differs}, also after a reload`, hint }];
      }
      reloadSoon();
      return [
        { kind: 'drift-found', where, what: 'not-loaded', differs, repair: 'reload' },
        { kind: 'haproxy-moved', what: 'HAProxy runs with something else than the configuration file' },
      ];
    },
    helped: (where) => tried.delete(where),
  };
}
