import { expect } from 'chai';
import { defer, lastValueFrom, map, NEVER, type Observable, of, tap, throwError, timer, toArray } from 'rxjs';
import type { Job, Registration } from '../../lib/model/events.ts';
import { FailureError, type FailureKind } from '../../lib/model/failure.ts';
import type { NomadClient } from '../../lib/nomad/client.ts';
import type { AliasName } from '../../lib/model/tag-aliases.ts';
import { followSnapshot, takeSnapshot } from '../../streams/nomad-snapshot.ts';

const managed = ['haproxy.enable=true'];

function registration(namespace: string, service: string): Registration {
  return {
    id: `${service}-1`,
    namespace,
    service,
    address: '10.0.0.1',
    port: 80,
    tags: managed,
    alloc: '',
    job: service,
    node: '',
    createIndex: 1,
    modifyIndex: 1,
  };
}

function job(namespace: string, id: string): Job {
  return { namespace, id, createIndex: 1, modifyIndex: 1, stable: true, services: [] };
}

function failure(kind: FailureKind): Observable<never> {
  return throwError(() => new FailureError({ kind, message: 'it failed', where: 'GET /', hint: 'h' }));
}

/** A cluster at one index where each service has one instance of a job of its name. */
function clientOf(
  tagsOf: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>,
  override: Partial<NomadClient> = {},
): NomadClient {
  return {
    address: 'http://nomad',
    hide: (text) => text,
    tokenChanges: () => 0,
    openStream: () => NEVER,
    getServices: (namespace) => {
      const value = Object.entries(tagsOf[namespace] ?? {}).map(([name, tags]) => ({ namespace, name, tags }));
      return of({ index: namespace.length, value });
    },
    getService: (name, namespace) => of({ index: 9, value: [registration(namespace, name)] }),
    getJob: (id, namespace) => of({ index: 8, value: job(namespace, id) }),
    getJobVersions: (id, namespace) => of({ index: 8, value: [job(namespace, id)] }),
    getLivingAllocations: () => of({ index: 9, value: [] }),
    getNamespaces: () => of(['default']),
    readIndex: () => of(9),
    get: () => NEVER,
    getDated: () => NEVER,
    ...override,
  };
}

describe('takeSnapshot', () => {
  it('skips services that cannot be asked for by their names, and tells of them', async () => {
    const asked: string[] = [];
    const names = ['..', '.', 'a/../b', 'a//b', '/', 'a\nb', '\ud800', 'x'.repeat(513), 'a/b', '...', 'web'];
    const client = clientOf(
      { default: Object.fromEntries(names.map((name) => [name, managed])) },
      {
        getService: (name, namespace) => {
          asked.push(name);
          return of({ index: 9, value: [registration(namespace, name)] });
        },
      },
    );
    const { skipped } = await lastValueFrom(takeSnapshot(client, { namespaces: ['default'], prefix: 'haproxy' }));
    expect(asked).to.deep.equal(['a/b', '...', 'web']);
    expect(skipped).to.have.length(8);
    expect(skipped[0]).to.deep.equal({ what: 'service default/..', why: 'it cannot be asked for by such a name' });
    expect(skipped[5]?.what).to.equal('service "default/a\\nb"');
  });

  it('reads each namespace, services with our tags only, and their jobs', async () => {
    const client = clientOf({ prod: { web: managed, db: ['other'] }, stage: { web: managed } });
    expect(
      await lastValueFrom(takeSnapshot(client, { namespaces: ['prod', 'stage'], prefix: 'haproxy' })),
    ).to.deep.equal({
      snapshot: {
        index: 4,
        services: [
          { key: 'prod/web', index: 9, registrations: [registration('prod', 'web')] },
          { key: 'stage/web', index: 9, registrations: [registration('stage', 'web')] },
        ],
        jobs: [
          { index: 8, value: job('prod', 'web') },
          { index: 8, value: job('stage', 'web') },
        ],
      },
      skipped: [],
    });
  });

  for (const [tag, read] of [
    [' haproxy.enable = true ', 1],
    ['haproxy.enabel=true', 1],
    ['haproxyx.enable=true', 0],
    ['x haproxy.enable=true', 0],
  ] as const) {
    it(`${read === 1 ? 'reads' : 'leaves out'} a service with the tag "${tag}"`, async () => {
      const client = clientOf({ prod: { web: [tag] } });
      const { snapshot } = await lastValueFrom(takeSnapshot(client, { namespaces: ['prod'], prefix: 'haproxy' }));
      expect(snapshot.services).to.have.length(read);
    });
  }

  it('reads a service with the tags of an alias, where one is asked for', async () => {
    const read = async (aliases: readonly AliasName[]) => {
      const client = clientOf({ prod: { web: ['traefik.enable=true'], db: ['other'] } });
      const options = { namespaces: ['prod'], prefix: 'haproxy', aliases };
      return (await lastValueFrom(takeSnapshot(client, options))).snapshot.services.map(({ key }) => key);
    };
    expect(await read([])).to.deep.equal([]);
    expect(await read(['traefik'])).to.deep.equal(['prod/web']);
  });

  it('fails as a whole when one service cannot be read', async () => {
    const client = clientOf(
      { prod: { web: managed, api: managed } },
      { getService: (name) => (name === 'api' ? failure('unreachable') : of({ index: 9, value: [] })) },
    );
    const taken = lastValueFrom(takeSnapshot(client, { namespaces: ['prod'], prefix: 'haproxy' }));
    expect(await taken.catch((error: unknown) => error)).to.be.instanceOf(FailureError);
  });

  it('goes on without a job, and says which are gone and which could not be read', async () => {
    const client = clientOf(
      { prod: { gone: managed, bad: managed, web: managed } },
      {
        getJob: (id, namespace) => {
          if (id === 'web') return of({ index: 8, value: job(namespace, id) });
          return failure(id === 'gone' ? 'not-found' : 'malformed');
        },
      },
    );
    const { snapshot, skipped } = await lastValueFrom(
      takeSnapshot(client, { namespaces: ['prod'], prefix: 'haproxy' }),
    );
    expect(snapshot.jobs.map(({ value }) => value.id)).to.deep.equal(['web']);
    expect(snapshot.gone).to.deep.equal([{ namespace: 'prod', id: 'gone' }]);
    expect(skipped).to.deep.equal([{ what: 'job prod/bad', why: 'it failed (GET /): h' }]);
  });

  describe('reads the versions before', () => {
    const versions = (...all: readonly Job[]) => of({ index: 9, value: all });
    const [v1, v2, v3, v4] = [10, 20, 30, 40].map((modifyIndex) => ({
      ...job('prod', 'web'),
      ...{ modifyIndex, stable: modifyIndex === 10 },
    })) as [Job, Job, Job, Job];
    const read = async (override: Partial<NomadClient>) => {
      const client = clientOf({ prod: { web: managed } }, override);
      const taken = await lastValueFrom(takeSnapshot(client, { namespaces: ['prod'], prefix: 'haproxy' }));
      return { jobs: taken.snapshot.jobs.map(({ value }) => value), skipped: taken.skipped };
    };

    it('of a job that is not stable, and none that is newer than it', async () => {
      const { jobs } = await read({
        getJob: () => of({ index: 8, value: v3 }),
        getJobVersions: () => versions(v4, v3, v2, v1),
      });
      expect(jobs).to.deep.equal([{ ...v3, earlier: [v2, v1] }]);
    });

    it('of no other', async () => {
      const { jobs } = await read({
        getJob: () => of({ index: 8, value: v1 }),
        getJobVersions: () => failure('malformed'),
      });
      expect(jobs).to.deep.equal([v1]);
    });

    it('and does without where the job was purged meanwhile', async () => {
      const { jobs } = await read({
        getJob: () => of({ index: 8, value: v2 }),
        getJobVersions: () => failure('not-found'),
      });
      expect(jobs).to.deep.equal([v2]);
    });

    it('or not the job either', async () => {
      const { jobs, skipped } = await read({
        getJob: () => of({ index: 8, value: v2 }),
        getJobVersions: () => failure('unreachable'),
      });
      expect(jobs).to.deep.equal([]);
      expect(skipped).to.deep.equal([{ what: 'job prod/web', why: 'it failed (GET /): h' }]);
    });
  });

  it('asks for other jobs too, but for none twice', async () => {
    const asked: string[] = [];
    const client = clientOf(
      { prod: { web: managed } },
      {
        getJob: (id, namespace) => {
          asked.push(id);
          return id === 'idle' ? of({ index: 8, value: job(namespace, id) }) : failure('not-found');
        },
      },
    );
    const { snapshot } = await lastValueFrom(
      takeSnapshot(client, {
        namespaces: ['prod'],
        prefix: 'haproxy',
        jobs: ['web', 'idle', 'collected'].map((id) => ({ namespace: 'prod', id })),
      }),
    );
    expect(asked).to.deep.equal(['web', 'idle', 'collected']);
    expect(snapshot.jobs.map(({ value }) => value.id)).to.deep.equal(['idle']);
    expect(snapshot.gone?.map(({ id }) => id)).to.deep.equal(['web', 'collected']);
  });

  it('asks for a job as soon as its service is read, and once', async () => {
    const asked: string[] = [];
    const client = clientOf(
      { prod: { web: managed, api: managed } },
      {
        getService: (name, namespace) => {
          asked.push(name);
          const value = [{ ...registration(namespace, name), job: 'shared' }];
          return name === 'api' ? timer(5).pipe(map(() => ({ index: 9, value }))) : of({ index: 9, value });
        },
        getJob: (id, namespace) => {
          asked.push(`job ${id}`);
          return of({ index: 8, value: job(namespace, id) });
        },
      },
    );
    const { snapshot } = await lastValueFrom(takeSnapshot(client, { namespaces: ['prod'], prefix: 'haproxy' }));
    expect(asked).to.deep.equal(['web', 'job shared', 'api']);
    expect(snapshot.jobs).to.have.length(1);
  });

  it('makes 16 requests at a time', async () => {
    let running = 0;
    let most = 0;
    const names = Array.from({ length: 40 }, (_, at) => `s${at}`);
    const slowly = <T>(value: T) =>
      defer(() => {
        most = Math.max(most, ++running);
        return timer(1).pipe(
          tap(() => running--),
          map(() => ({ index: 9, value })),
        );
      });
    const client = clientOf(
      { prod: Object.fromEntries(names.map((name) => [name, managed])) },
      {
        getService: (name, namespace) => slowly([registration(namespace, name)]),
        getJob: (id, namespace) => slowly(job(namespace, id)),
      },
    );
    const { snapshot } = await lastValueFrom(takeSnapshot(client, { namespaces: ['prod'], prefix: 'haproxy' }));
    expect(snapshot.services).to.have.length(40);
    expect(snapshot.jobs).to.have.length(40);
    expect(most).to.equal(16);
  });
});

describe('followSnapshot', () => {
  it('says at every service how many of all have been read, then what was read', async () => {
    const client = clientOf({ prod: { web: managed, '..': managed, db: managed, other: ['other'] } });
    const said = await lastValueFrom(
      followSnapshot(client, { namespaces: ['prod'], prefix: 'haproxy' }).pipe(toArray()),
    );
    expect(said.slice(0, -1)).to.deep.equal([
      { read: 1, of: 2 },
      { read: 2, of: 2 },
    ]);
    expect(said.at(-1)).to.deep.equal(
      await lastValueFrom(takeSnapshot(client, { namespaces: ['prod'], prefix: 'haproxy' })),
    );
  });
});
