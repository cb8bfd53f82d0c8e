import type { AliasConcern, AliasReading, AliasSet, AliasTag } from './alias-set.ts';
import type { Problem } from './problem.ts';
import { printable, quoted } from './quoted.ts';
import { tags as ourTags } from './tags.ts';
import { readRule } from './traefik-rule.ts';

const prefix = 'traefik';

/** What is done about a tag. */
type Treatment =
  | { readonly kind: 'rule' | 'service' }
  | { readonly kind: 'check'; readonly as: 'checkPath' | 'checkMethod' | 'checkHost' }
  /** Traefik's default, which is HAProxy's as well. */
  | { readonly kind: 'default'; readonly value: string }
  /** The service is served without it. */
  | { readonly kind: 'ignored'; readonly why: string }
  /** It refuses its whole concern. */
  | { readonly kind: 'refused'; readonly why: string };

interface Entry {
  /** `<name>` stands for one word, `*` at the end for all that follows. */
  readonly form: string;
  readonly concern: AliasConcern;
  readonly treatment: Treatment;
}

function refused(form: string, why: string, concern: AliasConcern = 'routing'): Entry {
  return { form, concern, treatment: { kind: 'refused', why } };
}

function ignored(form: string, why: string, concern: AliasConcern): Entry {
  return { form, concern, treatment: { kind: 'ignored', why } };
}

function check(form: string, as: 'checkPath' | 'checkMethod' | 'checkHost'): Entry {
  return { form: `${balancer}.healthcheck.${form}`, concern: 'check', treatment: { kind: 'check', as } };
}

const router = 'http.routers.<name>';
const balancer = 'http.services.<name>.loadbalancer';
const cadence = "the check of the job's service block says how often and how long";

/** Every tag of Traefik's, the first that fits; what is missing here is refused by the last. */
const entries: readonly Entry[] = [
  { form: `${router}.rule`, concern: 'routing', treatment: { kind: 'rule' } },
  { form: `${router}.service`, concern: 'routing', treatment: { kind: 'service' } },
  refused(`${router}.middlewares`, 'middlewares have to be rules of your frontend, or of a backend that you wrote'),
  refused(`${router}.entrypoints`, 'a domain is routed in every frontend of haproxy.frontend'),
  refused(`${router}.tls`, 'whether TLS is asked for is said by the bind lines of your frontend'),
  refused(`${router}.tls.*`, 'certificates and TLS options belong to the bind lines of your frontend'),
  refused(`${router}.priority`, 'an exact domain goes before a prefix, and that before a regex'),
  ignored(`${router}.observability.*`, 'HAProxy logs and counts as its own configuration says', 'routing'),
  ignored(`${balancer}.server.port`, 'requests go to the port that Nomad has registered', 'routing'),
  { form: `${balancer}.server.scheme`, concern: 'routing', treatment: { kind: 'default', value: 'http' } },
  { form: `${balancer}.passhostheader`, concern: 'routing', treatment: { kind: 'default', value: 'true' } },
  check('path', 'checkPath'),
  check('method', 'checkMethod'),
  check('hostname', 'checkHost'),
  ignored(`${balancer}.healthcheck.interval`, cadence, 'check'),
  ignored(`${balancer}.healthcheck.timeout`, cadence, 'check'),
  refused(`${balancer}.healthcheck.*`, "a check has a path, a method and a host; the job's own check is used", 'check'),
  refused(`${balancer}.sticky*`, 'there are no sticky sessions; a backend that you wrote can have them'),
  refused(
    'http.services.<name>.weighted.*',
    'a service is one of Nomad, and its instances are weighed by our tag weight',
  ),
  refused('http.middlewares.*', 'middlewares have to be rules of your frontend, or of a backend that you wrote'),
  refused('tcp.*', 'a service of our tag mode=tcp is led to by a frontend that you write'),
  refused('udp.*', 'HAProxy does not forward UDP'),
  refused('*', 'HAProxy is not told of it by tags'),
];

const patterns = entries.map((entry) => {
  const words = entry.form.replaceAll('.', '\\.').replaceAll('<name>', '([^.]+)').replaceAll('*', '.*');
  return { ...entry, pattern: new RegExp(`^${words}$`, 'is') };
});

interface Found {
  readonly tag: AliasTag;
  readonly concern: AliasConcern;
  readonly treatment: Treatment;
  /** The router or service that the tag belongs to. */
  readonly of: string;
}

export const traefik: AliasSet = {
  prefix,
  read(list, concerns, ours) {
    // Of a tag that comes again, the last counts, in Traefik too.
    const found = [...new Map(list.map((tag) => [tag.name.toLowerCase(), tag])).values()].map(find);
    const services = new Set(found.flatMap(({ tag, of }) => (/^http\.services\./i.test(tag.name) ? [of] : [])));
    const readings = [...concerns].map((concern) => {
      const followed = found.filter((one) => one.concern === concern).map((one) => follow(one, services));
      return wholeOrNothing(concern, followed, services, ours);
    });
    return { tags: readings.flatMap(({ tags }) => tags), problems: readings.flatMap(({ problems }) => problems) };
  },
  rows: entries.map(({ form, treatment }) => ({ tag: `${prefix}.${form}`, reading: explain(treatment) })),
};

function find(tag: AliasTag): Found {
  for (const { pattern, concern, treatment } of patterns) {
    const matched = pattern.exec(tag.name);
    if (matched !== null) return { tag, concern, treatment, of: matched[1]?.toLowerCase() ?? '' };
  }
  throw new Error('the last pattern fits every tag');
}

/** `unsaid`: what it says is lost, and with it the rest of its concern. */
interface Followed {
  readonly tags: readonly AliasTag[];
  readonly problems: readonly Problem[];
  readonly unsaid: boolean;
}

function follow({ tag: { name, value }, treatment }: Found, services: ReadonlySet<string>): Followed {
  const says = (...tags: readonly AliasTag[]): Followed => ({ tags, problems: [], unsaid: false });
  const told = (text: string, unsaid = true): Followed => {
    return { tags: [], problems: [{ subject: printable(`${prefix}.${name}`), text }], unsaid };
  };
  switch (treatment.kind) {
    case 'rule': {
      const rule = readRule(value);
      if ('refused' in rule) return told(rule.refused);
      return says(domainType(rule.map), ...rule.domains.map((one) => ({ name: ourTags.domain.name, value: one })));
    }
    case 'service':
      return services.has(value.toLowerCase())
        ? says()
        : told(`${quoted(value)} is not a service of these tags, and no other can be routed to`);
    case 'check': {
      const our = ourTags[treatment.as];
      const parsed = our.parse(value);
      return 'refused' in parsed ? told(`${quoted(value)} ${parsed.refused}`) : says({ name: our.name, value });
    }
    case 'default':
      return value.toLowerCase() === treatment.value
        ? says()
        : told(`${quoted(value)} cannot be followed: only ${treatment.value} can`);
    case 'ignored':
      return told(`is ignored: ${treatment.why}`, false);
    case 'refused':
      return told(`cannot be followed: ${treatment.why}`);
    default:
      return treatment satisfies never;
  }
}

function domainType(map: string): AliasTag {
  return { name: ourTags.domainType.name, value: map };
}

/** All that the tags say about one concern, or nothing of it. */
function wholeOrNothing(
  concern: AliasConcern,
  followed: readonly Followed[],
  services: ReadonlySet<string>,
  ours: string,
): AliasReading {
  const tags = distinct(followed.flatMap((one) => one.tags));
  const types = tags.filter(({ name }) => name === ourTags.domainType.name);
  const problems = followed.flatMap((one) => one.problems);
  const told = (text: string) => problems.push({ subject: `${prefix} tags`, text });
  const together = followed.length > 0 && services.size > 1;
  if (together) told(`name ${services.size} services, but each of Nomad's is one`);
  if (types.length > 1) told('mix Host and HostRegexp, but the domains of a service are of one kind');
  if (!together && types.length < 2 && !followed.some(({ unsaid }) => unsaid)) return { tags, problems };
  const [lost, instead] = concern === 'routing' ? ['domain', ourTags.domain] : ['check', ourTags.checkPath];
  told(
    `cannot be followed as a whole: no ${lost} is taken from them; remove what is named, or give ${ours}.${instead.name}`,
  );
  return { tags: [], problems };
}

function distinct(tags: readonly AliasTag[]): readonly AliasTag[] {
  return [...new Map(tags.map((one) => [`${one.name}=${one.value}`, one])).values()];
}

function explain(treatment: Treatment): string {
  switch (treatment.kind) {
    case 'rule':
      return '`haproxy.domain`, where it is made of Host or of HostRegexp, and `||`; else refused';
    case 'service':
      return 'nothing, where it names the one service of these tags; else refused';
    case 'check':
      return `\`haproxy.${ourTags[treatment.as].name}\``;
    case 'default':
      return `nothing, where it is ${treatment.value}; else refused`;
    case 'ignored':
      return `ignored: ${treatment.why}`;
    case 'refused':
      return `refused: ${treatment.why}`;
    default:
      return treatment satisfies never;
  }
}
