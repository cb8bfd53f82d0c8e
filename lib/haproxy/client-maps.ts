import { concatMap, endWith, from, ignoreElements, map, throwError } from 'rxjs';
import type { Observable } from 'rxjs';
import { FailureError } from '../model/failure.ts';
import { isEntryKey } from '../model/entry-key.ts';
import type { Failure } from '../model/failure.ts';
import { uninterrupted } from './client-http.ts';
import type { Call, Send } from './client-http.ts';
import { entriesShape, mapFileShape, mapFilesShape, parseAnswer } from './client-shapes.ts';

export interface MapEntry {
  readonly key: string;
  readonly value: string;
}

export interface MapFile {
  readonly name: string;
  /** As the configuration has to name it: the API finds the loaded map by this very text. */
  readonly path: string;
}

/**
 * `forceSync`: the file too, rewritten whole and sorted by key; else the process only. Not for regex maps, whose order
 * counts.
 */
export interface EntryOptions {
  readonly forceSync: boolean;
}

/**
 * Calls on map files and on the maps that HAProxy has loaded; a name is the file's, `x.map`.
 * Entry calls fail with `not-found` while no configuration that names the file is loaded.
 */
export interface MapCalls {
  readonly listMaps: () => Observable<readonly MapFile[]>;
  /** Emits the path. `conflict` when the file is there already. */
  readonly createMap: (name: string, content: string) => Observable<string>;
  /** Replaces the file; the process keeps its rows until a reload. */
  readonly writeMapFile: (name: string, content: string) => Observable<void>;
  readonly readMapFile: (name: string) => Observable<string>;
  /** The process's rows; of a regex map in the order in which they are tried. */
  readonly getEntries: (name: string) => Observable<readonly MapEntry[]>;
  /** `conflict` when the key is there already; a key with `=` or `,` is then added a second time instead. */
  readonly addEntry: (name: string, key: string, value: string, options: EntryOptions) => Observable<void>;
  /** `unsupported` unless `isEntryKey`; a key with `=` or `,` is set, yet answered `not-found`. */
  readonly setEntry: (name: string, key: string, value: string, options: EntryOptions) => Observable<void>;
  /** `unsupported` unless `isEntryKey`. Of several entries with the key, 3.4 removes one. */
  readonly deleteEntry: (name: string, key: string, options: EntryOptions) => Observable<void>;
  /** Appends rows, whose keys must be new, to the process's map, last in its order. Any key is fine. Not in the file. */
  readonly addEntries: (name: string, rows: readonly MapEntry[]) => Observable<void>;
}

/** A key in a call for a single entry: HAProxy's command line, which it reaches, eats one level of backslashes. */
function escaped(key: string): string {
  return key.replaceAll('\\', '\\\\');
}

/** Bytes. One more and the API would replace the map instead of adding to it, and lose the last row on the way. */
const maxChunkBytes = 8192;

export function createMapCalls(send: Send): MapCalls {
  const files = '/services/haproxy/storage/maps';
  const fileOf = (name: string) => `${files}/${encodeURIComponent(name)}`;
  const loadedOf = (name: string) => `/services/haproxy/runtime/maps/${encodeURIComponent(name)}`;
  const nothing = map(() => undefined);

  function getEntries(name: string): Observable<readonly MapEntry[]> {
    return send({ method: 'GET', path: `${loadedOf(name)}/entries` }).pipe(
      map((answer) => parseAnswer(answer, entriesShape).map(({ key, value }) => ({ key, value }))),
    );
  }

  function toEntry(
    name: string,
    key: string,
    { forceSync }: EntryOptions,
    call: Pick<Call, 'method' | 'body'>,
  ): Observable<undefined> {
    const path = `${loadedOf(name)}/entries/${encodeURIComponent(escaped(key))}`;
    return isEntryKey(key)
      ? send({ ...call, path, query: { force_sync: forceSync } }).pipe(nothing)
      : throwError(() => new FailureError(unaddressable(name, key)));
  }

  function append(name: string, rows: readonly MapEntry[]): Observable<undefined> {
    return from(chunksOf(rows)).pipe(
      concatMap((chunk) => send({ method: 'PUT', path: loadedOf(name), body: chunk })),
      ignoreElements(),
      endWith(undefined),
    );
  }

  return {
    listMaps: () =>
      send({ method: 'GET', path: files }).pipe(
        map((answer) => parseAnswer(answer, mapFilesShape).map((one) => ({ name: one.storage_name, path: one.file }))),
      ),
    createMap: (name, content) =>
      send({ method: 'POST', path: files, body: upload(name, content) }).pipe(
        map((answer) => parseAnswer(answer, mapFileShape).file),
      ),
    writeMapFile: (name, content) =>
      // An empty body is refused; HAProxy skips an empty line.
      send({ method: 'PUT', path: fileOf(name), query: { skip_reload: true }, body: content || '\n' }).pipe(nothing),
    readMapFile: (name) => send({ method: 'GET', path: fileOf(name) }).pipe(map(({ text }) => text)),
    getEntries,
    addEntry: (name, key, value, { forceSync }) =>
      send({
        method: 'POST',
        path: `${loadedOf(name)}/entries`,
        query: { force_sync: forceSync },
        body: { key: escaped(key), value },
      }).pipe(nothing),
    setEntry: (name, key, value, options) => toEntry(name, key, options, { method: 'PUT', body: { value } }),
    deleteEntry: (name, key, options) => toEntry(name, key, options, { method: 'DELETE' }),
    addEntries: (name, rows) =>
      uninterrupted(
        append(name, rows).pipe(
          concatMap(() => getEntries(name)),
          concatMap((entries) => append(name, missingFrom(entries, rows))),
        ),
      ),
  };
}

function unaddressable(name: string, key: string): Failure {
  return {
    kind: 'unsupported',
    message: `the Data Plane API cannot address the row "${key}"`,
    where: name,
    hint: 'Write the file and reload.',
  };
}

function upload(name: string, content: string): FormData {
  const form = new FormData();
  form.append('file_upload', new Blob([content], { type: 'text/plain' }), name);
  return form;
}

function missingFrom(entries: readonly MapEntry[], rows: readonly MapEntry[]): readonly MapEntry[] {
  const present = new Set(entries.map(({ key }) => key));
  return rows.filter(({ key }) => !present.has(key));
}

/** Cuts rows so that each chunk, written `key value` a line, is of at most `maxChunkBytes`. */
function chunksOf(rows: readonly MapEntry[]): readonly (readonly MapEntry[])[] {
  const chunks: MapEntry[][] = [];
  let bytes = Infinity;
  for (const row of rows) {
    const size = Buffer.byteLength(`${row.key} ${row.value}\n`);
    if (bytes + size > maxChunkBytes) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)?.push(row);
    bytes += size;
  }
  return chunks;
}
