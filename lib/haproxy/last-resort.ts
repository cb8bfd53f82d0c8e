import type { Notice } from '../model/notice.ts';

/** What only a reload can mend. */
export interface LastResort {
  /** Has HAProxy reloaded; where that was done already and has not helped, says so, once for all that it has not helped. */
  readonly reload: (where: string, differs: string) => readonly Notice[];
  /** All is well there: should it be lost again, it is worth a reload again. */
  readonly helped: (where: string) => void;
  /** HAProxy's end is another one, with which a reload may help. */
  readonly forget: () => void;
}

/** `reloadSoon` makes the next reading begin with a reload; `isVain` where one is known to change nothing. */
export function createLastResort(reloadSoon: () => void, isVain: () => boolean): LastResort {
  const tried = new Set<string>();
  let said = false;
  return {
    reload: (where, differs) => {
      if (isVain() || (said && tried.has(where))) return [];
      if (tried.has(where)) {
        said = true;
        const hint = 'see whether this HAProxy runs with the file that the Data Plane API writes';
        return [{ kind: 'haproxy-warning', text: `${where}: ${differs}, also after a reload`, hint }];
      }
      tried.add(where);
      reloadSoon();
      return [
        { kind: 'drift-found', where, what: 'not-loaded', differs, repair: 'reload' },
        { kind: 'haproxy-moved', what: 'HAProxy runs with something else than the configuration file' },
      ];
    },
    helped: (where) => {
      if (tried.delete(where)) said = false;
    },
    forget: () => {
      tried.clear();
      said = false;
    },
  };
}
