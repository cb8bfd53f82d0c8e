import type { Place, Whose } from './cluster.ts';
import * as cluster from './commands.ts';
import { isRestored, passes, restarts, rowLeadsElsewhere, writeFails, writeIsRefused } from './faults.ts';
import { tell } from './story.ts';
import type { Circumstances } from './world.ts';

const usual: Circumstances = { namespaces: ['default', 'prod'], strategy: 'use_existing', runtime: 'nothing' };
const web: Whose = { namespace: 'default', service: 'web' };
const api: Whose = { namespace: 'default', service: 'api' };
const shop: Whose = { namespace: 'default', service: 'shop-api' };
const legacy: Whose = { namespace: 'default', service: 'legacy' };
const old: Whose = { namespace: 'prod', service: 'legacy' };
const first = (of: Whose): Place => ({ ...of, n: 1 });
const second = (of: Whose): Place => ({ ...of, n: 2 });
const tags = (...some: readonly string[]) => ['enable=true', ...some].map((tag) => `haproxy.${tag}`);
const { starts, scalesOut, isRetagged, areRetagged, allStop, isPurged, isCollected, isSubmitted } = cluster;

/** Stories that once ended badly, as short as they could be made. */
const stories: readonly (readonly [
  what: string,
  circumstances: Partial<Circumstances>,
  story: readonly cluster.Command[],
])[] = [
  [
    'a delete without an event is found although another event came behind it',
    {},
    [scalesOut(api, tags(), 2), isCollected(first(api)), isRetagged(second(api), tags('weight=10'))],
  ],
  [
    'a restored backup is found although its index is one that the stream has just told',
    {},
    [starts(first(web), tags()), starts(first(api), tags()), isRestored(2)],
  ],
  [
    'a job made anew behind a restored backup counts, although the one of before had a higher index',
    {},
    [
      starts(first(web), tags()),
      isSubmitted(api, { count: 5, checkPath: '/health', stable: false }),
      isRestored(3),
      starts(first(api), tags()),
    ],
  ],
  [
    'what a service leaves behind is taken away although HAProxy refused that once',
    {},
    [starts(first(web), tags()), writeFails('rejected'), allStop(web), passes(2000)],
  ],
  [
    'a service that is refused follows its instances once the write that said so is through',
    {},
    [starts(first(web), tags()), writeIsRefused('rejected'), starts(second(web), tags())],
  ],
  [
    'a row goes although the tags that asked for it were there only between two others',
    {},
    [
      starts(first(shop), tags()),
      passes(30_000),
      starts(second(shop), tags('domain=a.example.com', 'backend.name=legacy')),
      isPurged(shop),
    ],
  ],
  [
    'a row does not lead to a backend before its service has slots there',
    {},
    [
      scalesOut(web, tags(), 2),
      scalesOut(web, tags('backend.name=shared'), 5),
      starts(first(old), tags('domain=b.example.com', 'backend.name=legacy')),
      isPurged(old),
    ],
  ],
  [
    'a row does not lead to the service that takes a section over',
    {},
    [
      isSubmitted(api, { count: 1, checkPath: undefined, stable: true }),
      scalesOut(web, tags('domain=a.example.com', 'backend.name=shared'), 2),
      starts(first(api), tags('backend.name=shared')),
    ],
  ],
  [
    'a row that was kept through a refusal and a restart goes when its service does',
    {},
    [
      isSubmitted(api, { count: 1, checkPath: undefined, stable: true }),
      scalesOut(web, tags('domain=a.example.com', 'backend.name=legacy'), 2),
      starts(first(api), tags('backend.name=legacy')),
      restarts(),
      areRetagged(web, tags()),
    ],
  ],
  [
    "no slot is filled at runtime in a section that is still another service's",
    { strategy: 'create_new', runtime: 'address' },
    [starts(first(shop), tags('backend.name=legacy')), starts(first(legacy), tags()), isPurged(shop)],
  ],
  [
    'a section is left to the service that has the better right to its name',
    { strategy: 'create_new' },
    [starts(first(web), tags()), starts(first(legacy), tags()), areRetagged(web, tags('backend.name=legacy'))],
  ],
  [
    'a row that somebody led to nowhere goes although its service has gone before a restart',
    {},
    [starts(first(web), tags('domain=a.example.com')), allStop(web), rowLeadsElsewhere(), restarts()],
  ],
  [
    'a row that somebody led to nowhere goes although its service is refused since',
    {},
    [
      starts(second(web), tags('domain=a.example.com')),
      rowLeadsElsewhere(),
      starts(first(web), tags('backend.name=fixed')),
    ],
  ],
];

describe('stories that once ended badly', () => {
  for (const [what, circumstances, story] of stories) {
    it(what, () => {
      tell({ ...usual, ...circumstances }, story);
    });
  }
});
