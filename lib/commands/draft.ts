import { catchError, forkJoin, map, of, throwError, type Observable } from 'rxjs';
import { nomadNow } from '../../streams/nomad-now.ts';
import type { Config } from '../config.ts';
import { FailureError } from '../model/failure.ts';
import { isUsableName } from '../model/service-name.ts';
import type { NomadClient } from '../nomad/client.ts';
import { parseJobFile, type DraftJob } from '../nomad/job-file.ts';
import { assumeJob, type Assumed } from './assume-job.ts';
import { nomadOptions } from './ends.ts';
import { addRegistrations } from './facts.ts';
import { InputError, readInput } from './input.ts';

/** Reads a job that is to be registered, as `nomad job run -output` prints it; throws an InputError. */
export function readDraft(path: string, { nomad }: Config): DraftJob {
  const text = readInput(path, `--job ${path}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // V8's own words quote the text, and jobs hold secrets.
    throw new InputError(`${path}: is not JSON; print the job by nomad job run -output`);
  }
  const [only = 'default', ...others] = nomad.namespaces;
  const parsed = parseJobFile(value, only === '*' || others.length > 0 ? 'default' : only);
  if (!parsed.ok) throw new InputError(`${path}: is not a job: ${parsed.why}; print the job by nomad job run -output`);
  return parsed.value;
}

/** What Nomad says now, and would say with the job. Errors with a FailureError. */
export function factsWith(client: NomadClient, draft: DraftJob, config: Config): Observable<Assumed> {
  const { namespace, id, services } = draft.job;
  const now = nomadNow(client, nomadOptions(config));
  const { namespaces } = config.nomad;
  if (!namespaces.includes('*') && !namespaces.includes(namespace)) {
    const note = `job ${id} is in namespace ${namespace}, which nomad.namespaces (${namespaces.join(', ')}) leaves out: it changes nothing`;
    return now.pipe(map((facts) => ({ facts, notes: [note] })));
  }
  const known = client.getJob(id, namespace).pipe(
    map(({ value }) => value),
    catchError((error: unknown) => {
      const isNew = error instanceof FailureError && error.failure.kind === 'not-found';
      return isNew ? of(undefined) : throwError(() => error as Error);
    }),
  );
  const names = [...new Set(services.map(({ name }) => name))].filter(isUsableName);
  const running = names.length === 0 ? of([]) : forkJoin(names.map((name) => client.getService(name, namespace)));
  return forkJoin([now, known, running]).pipe(
    map(([facts, job, lists]) =>
      assumeJob(
        addRegistrations(
          facts,
          lists.flatMap(({ value }) => value),
        ),
        draft,
        job,
      ),
    ),
  );
}
