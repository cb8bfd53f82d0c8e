import type { NomadServer } from '../../spec/support/nomad-server.ts';
import type { RawJob, RawRegistration } from '../../spec/support/nomad-state.ts';
import { hostOf, instanceOf, jobOf, serviceNames } from '../support/services.ts';
import type { Random } from './random.ts';

/** What runs in Nomad: services that nothing happens to, and services that hardly rest. */
export interface Cluster {
  readonly stable: readonly string[];
  /** Events so far. */
  readonly events: () => number;
  /** Does one thing that happens in a cluster; a few events at most. */
  readonly stir: () => void;
  /** So many services at once that nobody has heard of. */
  readonly burst: (count: number) => void;
  /** So many services go at once, all of their instances. */
  readonly massStop: (count: number) => void;
  /** Takes an instance away that no stream tells of, as Nomad's garbage collection does. */
  readonly collectGarbage: () => void;
  /** Takes away what will never answer a probe. */
  readonly bury: () => void;
  readonly wanted: () => Wanted;
}

/** What HAProxy should serve, by service: `address:port weight` of each instance, sorted, and the hosts that lead there. */
export type Wanted = ReadonlyMap<string, { readonly serving: readonly string[]; readonly hosts: readonly string[] }>;

export interface ClusterOptions {
  readonly services: number;
  readonly stable: number;
  /** IP literal of the apps, as HAProxy sees them. */
  readonly address: string;
  readonly ports: readonly number[];
  /** One on which nobody listens. */
  readonly deadPort: number;
  readonly random: Random;
}

const mostInstances = 6;
const weightTag = 'haproxy.weight=';
/** Nanoseconds; slow, because the checks are not what is put to the test. */
const checkEvery = 15e9;

export function createCluster(nomad: NomadServer, options: ClusterOptions): Cluster {
  const { address, ports, deadPort, random } = options;
  const names = [...serviceNames(options.services)];
  const stable = names.splice(0, options.stable);
  const instances = new Map<string, RawRegistration[]>();
  /** What all instances of a service say, beside what every service says. */
  const settings = new Map<string, readonly string[]>();
  let events = 0;

  function instancesOf(service: string): RawRegistration[] {
    const found = instances.get(service) ?? [];
    instances.set(service, found);
    return found;
  }

  function setJob(service: string, count: number): void {
    nomad.setJob(checkedJob(service, count));
    events += 1;
  }

  function register(service: string, port: number): void {
    instancesOf(service).push(nomad.register(instanceOf(service, address, port, settings.get(service))));
    events += 1;
  }

  function change(one: RawRegistration, given: Partial<RawRegistration>): void {
    const all = instancesOf(one.ServiceName);
    all[all.indexOf(one)] = nomad.register({ ...one, ...given });
    events += 1;
  }

  function leave(one: RawRegistration): void {
    const all = instancesOf(one.ServiceName);
    all.splice(all.indexOf(one), 1);
    nomad.deregister(one.ID);
    events += 1;
  }

  function grow(service: string): void {
    const taken = new Set(instancesOf(service).map(({ Port }) => Port));
    const free = ports.filter((port) => !taken.has(port));
    if (taken.size < mostInstances) register(service, random.pick(free));
  }

  function shrink(service: string): void {
    if (instancesOf(service).length > 1) leave(random.pick(instancesOf(service)));
  }

  function enter(service: string): void {
    const count = random.between(1, 3);
    setJob(service, count);
    for (let n = 0; n < count; n += 1) grow(service);
  }

  function goAway(service: string): void {
    for (const one of [...instancesOf(service)]) leave(one);
  }

  function retag(service: string): void {
    const balance = `haproxy.balance=${random.pick(['roundrobin', 'leastconn', 'random'])}`;
    const domain = `haproxy.domain=${random.pick(['a', 'b'])}.${hostOf(service)}`;
    settings.set(service, random.pick([[balance], [domain], []]));
    for (const one of [...instancesOf(service)]) {
      change(one, { Tags: instanceOf(service, address, one.Port, settings.get(service)).Tags });
    }
  }

  function reweigh(service: string): void {
    const one = random.pick(instancesOf(service));
    const tags = one.Tags.filter((tag) => !tag.startsWith(weightTag));
    change(one, { Tags: [...tags, `${weightTag}${random.between(1, 256)}`] });
  }

  function move(service: string): void {
    const one = random.pick(instancesOf(service));
    const taken = new Set(instancesOf(service).map(({ Port }) => Port));
    change(one, { Port: random.pick(ports.filter((port) => !taken.has(port))) });
  }

  function die(service: string): void {
    if (!instancesOf(service).some(isDead)) register(service, deadPort);
  }

  /** A service that is none of ours, and its job. */
  function stray(): void {
    const service = `other-${random.between(0, 99)}`;
    const registration = nomad.register({ ServiceName: service, Tags: ['urlprefix-/'] });
    nomad.setJob(jobOf(service, 1));
    nomad.deregister(registration.ID);
    events += 3;
  }

  function isDead({ Port }: RawRegistration): boolean {
    return Port === deadPort;
  }

  /** With how often they happen. */
  const happenings: readonly (readonly [number, (service: string) => void])[] = [
    [28, grow],
    [28, shrink],
    [
      14,
      (service) => {
        grow(service);
        shrink(service);
      },
    ],
    [16, reweigh],
    [4, move],
    [3, die],
    [2, stray],
    [
      2,
      (service) => {
        setJob(service, random.between(1, 4));
      },
    ],
    [2, retag],
    [1, goAway],
  ];
  const urn = happenings.flatMap(([often, happen]) => Array.from({ length: often }, () => happen));

  function stir(): void {
    const service = random.pick(names);
    if (instancesOf(service).length > 0) random.pick(urn)(service);
    else enter(service);
  }

  for (const service of stable) {
    setJob(service, 3);
    for (let n = 0; n < 3; n += 1) grow(service);
  }
  for (const service of names) enter(service);
  events = 0;

  return {
    stable,
    events: () => events,
    stir,
    burst: (count) => {
      const fresh = serviceNames(count, options.stable + names.length);
      for (const service of fresh) enter(service);
      names.push(...fresh);
    },
    massStop: (count) => {
      for (const service of random.shuffle(names).slice(0, count)) goAway(service);
    },
    collectGarbage: () => {
      nomad.silently(() => {
        shrink(random.pick(names));
      });
    },
    bury: () => {
      for (const one of [...instances.values()].flat().filter(isDead)) leave(one);
    },
    wanted: () =>
      new Map(
        [...instances]
          .filter(([, all]) => all.length > 0)
          .map(([service, all]) => [service, { serving: all.map(describe).toSorted(), hosts: hostsOf(all[0]!) }]),
      ),
  };
}

function checkedJob(service: string, count: number): RawJob {
  const check = { Type: 'tcp', Interval: checkEvery, Timeout: 1e9 };
  const block = { Name: service, PortLabel: 'http', Provider: 'nomad', Checks: [check] };
  return { ...jobOf(service, count), TaskGroups: [{ Name: service, Count: count, Services: [block] }] };
}

function describe({ Address, Port, Tags }: RawRegistration): string {
  return `${Address}:${Port} ${valuesOf(weightTag, Tags)[0] ?? 100}`;
}

function hostsOf({ Tags }: RawRegistration): readonly string[] {
  return valuesOf('haproxy.domain=', Tags);
}

function valuesOf(tag: string, tags: readonly string[]): readonly string[] {
  return tags.filter((one) => one.startsWith(tag)).map((one) => one.slice(tag.length));
}
