import fc from 'fast-check';
import { placeOf, type World } from './world.ts';
import {
  nameOf,
  namespaces,
  placeName,
  services,
  type Cluster,
  type JobText,
  type Place,
  type Whose,
} from './cluster.ts';

/** One thing that happens. Printed, a list of them reads as a story. */
export type Command = fc.Command<Cluster, World>;

/** A command that is possible always, or where `isPossible` of the cluster. 10 ms go by after it. */
export function command(
  story: string,
  run: (world: World) => void,
  isPossible: (cluster: Cluster) => boolean = () => true,
): Command {
  return {
    check: isPossible,
    run: (_, world) => {
      run(world);
      world.time.advance(10);
      for (const bug of world.bugs) throw bug;
    },
    toString: () => story,
  };
}

const whose: fc.Arbitrary<Whose> = fc.record({
  namespace: fc.constantFrom(...namespaces),
  service: fc.constantFrom(...services),
});
const place: fc.Arbitrary<Place> = fc.record({
  namespace: fc.constantFrom(...namespaces),
  service: fc.constantFrom(...services),
  n: fc.integer({ min: 1, max: 5 }),
});

const settings = [
  'domain=a.example.com',
  'domain=b.example.com,www.b.example.com',
  'domain=t-',
  'domain.type=prefix',
  'weight=10',
  'weight=0',
  'check.path=/up',
  'check.type=tcp',
  'balance=leastconn',
  'maxconn=5',
  'mode=tcp',
  'backend.name=shared',
  'backend.name=legacy',
  'backend.name=fixed',
  'backend=custom',
  'wieght=10',
] as const;

/** Mostly what a service wants of us, sometimes nothing at all. */
const tags: fc.Arbitrary<readonly string[]> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .subarray([...settings], { maxLength: 4 })
      .map((some) => ['enable=true', ...some].map((tag) => `haproxy.${tag}`)),
  },
  { weight: 1, arbitrary: fc.constantFrom([], ['haproxy.enable=false']) },
);
const told = (some: readonly string[]) => `[${some.map((tag) => tag.replace('haproxy.', '')).join(' ')}]`;

const deleteTypes = ['ServiceDeregistration', 'PlanResult', 'AllocationUpdated', 'NodeStreamEvent'] as const;

/** What people and schedulers do in a cluster. */
export const clusterCommands: readonly fc.Arbitrary<Command>[] = [
  fc.tuple(place, tags).map(([at, some]) => starts(at, some)),
  fc.tuple(place, tags).map(([at, some]) => starts(at, some)),
  fc.tuple(whose, tags, fc.integer({ min: 2, max: 5 })).map(([of, some, count]) => scalesOut(of, some, count)),
  fc.tuple(place, fc.constantFrom(...deleteTypes)).map(([at, type]) => stops(at, type)),
  fc.tuple(place, tags).map(([at, some]) => isRetagged(at, some)),
  fc.tuple(whose, tags).map(([of, some]) => areRetagged(of, some)),
  fc.tuple(place, fc.integer({ min: 20_000, max: 20_003 })).map(([at, port]) => movesTo(at, port)),
  fc.tuple(place, tags).map(([at, some]) => isReplaced(at, some)),
  fc.tuple(place, fc.integer({ min: 20_000, max: 20_002 })).map(([at, port]) => doesNotListen(at, port)),
  whose.map(allStop),
  whose.map(isPurged),
  place.map(isCollected),
  fc
    .record({
      count: fc.integer({ min: 1, max: 6 }),
      checkPath: fc.constantFrom(undefined, '/health'),
      stable: fc.boolean(),
    })
    .chain((text) => whose.map((of) => isSubmitted(of, text))),
];

export function starts(at: Place, some: readonly string[]): Command {
  return command(
    `${placeName(at)} starts with ${told(some)}`,
    ({ nomad }) => {
      nomad.cluster.start(at, some);
    },
    ({ find }) => find(at) === undefined,
  );
}

export function scalesOut(of: Whose, some: readonly string[], count: number): Command {
  return command(`${nameOf(of)} is scaled to ${count} with ${told(some)}`, ({ nomad: { cluster } }) => {
    for (let n = 1; n <= count; n += 1) if (cluster.find({ ...of, n }) === undefined) cluster.start({ ...of, n }, some);
  });
}

function stops(at: Place, type: string): Command {
  return command(
    `${placeName(at)} stops (${type})`,
    ({ nomad: { cluster } }) => {
      cluster.stop([cluster.find(at)!], type);
    },
    ({ find }) => find(at) !== undefined,
  );
}

export function isRetagged(at: Place, some: readonly string[]): Command {
  return command(
    `${placeName(at)} gets other tags: ${told(some)}`,
    ({ nomad }) => {
      nomad.cluster.amend(at, { Tags: some });
    },
    ({ find }) => find(at) !== undefined,
  );
}

export function areRetagged(of: Whose, some: readonly string[]): Command {
  return command(`${nameOf(of)} gets other tags: ${told(some)}`, ({ nomad: { cluster } }) => {
    for (let n = 1; n <= 5; n += 1) cluster.amend({ ...of, n }, { Tags: some });
  });
}

function movesTo(at: Place, port: number): Command {
  return command(
    `${placeName(at)} moves to port ${port}`,
    ({ nomad }) => {
      nomad.cluster.amend(at, { Port: port });
    },
    ({ find }) => find(at) !== undefined,
  );
}

function isReplaced(at: Place, some: readonly string[]): Command {
  return command(
    `${placeName(at)} is replaced by one with ${told(some)}`,
    ({ nomad: { cluster } }) => {
      cluster.stop([cluster.find(at)!], 'ServiceDeregistration');
      cluster.start(at, some);
    },
    ({ find }) => find(at) !== undefined,
  );
}

function doesNotListen(at: Place, port: number): Command {
  return command(`nobody listens at port ${port} of ${placeName(at)}`, ({ deaf }) => {
    deaf.add(
      placeOf({ address: `10.${namespaces.indexOf(at.namespace)}.${services.indexOf(at.service)}.${at.n}`, port }),
    );
  });
}

export function allStop(of: Whose): Command {
  return command(
    `${nameOf(of)} stops`,
    ({ nomad: { cluster } }) => {
      cluster.stop(cluster.instancesOf(of), 'ServiceDeregistration');
    },
    ({ instancesOf }) => instancesOf(of).length > 0,
  );
}

export function isPurged(of: Whose): Command {
  return command(
    `the job of ${nameOf(of)} is purged`,
    ({ nomad }) => {
      nomad.cluster.purge(of);
    },
    ({ jobOf }) => jobOf(of) !== undefined,
  );
}

export function isCollected(at: Place): Command {
  return command(
    `${placeName(at)} is garbage-collected, and no event says so`,
    ({ nomad: { cluster } }) => {
      cluster.silently(() => {
        cluster.stop([cluster.find(at)!], 'ServiceDeregistration');
      });
    },
    ({ find }) => find(at) !== undefined,
  );
}

/** Its job, as a whole. */
export function isSubmitted(of: Whose, text: JobText): Command {
  return command(`the job of ${nameOf(of)} is submitted: ${JSON.stringify(text)}`, ({ nomad }) => {
    nomad.cluster.submit(of, text);
  });
}
