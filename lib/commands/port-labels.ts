import { shapeOf } from '../shape.ts';

/** A service of a job that is to be registered, whose port label no network of its group has. */
export interface Unported {
  readonly name: string;
  readonly label: string;
}

interface RawService {
  readonly Name?: string | null;
  readonly PortLabel?: string | null;
  readonly Provider?: string | null;
}
interface RawNetwork {
  readonly DynamicPorts?: readonly { readonly Label: string }[] | null;
  readonly ReservedPorts?: readonly { readonly Label: string }[] | null;
}
interface RawTask {
  readonly Name: string;
  readonly Services?: readonly RawService[] | null;
  readonly Resources?: { readonly Networks?: readonly RawNetwork[] | null } | null;
}
interface RawGroup {
  readonly Name: string;
  readonly Networks?: readonly RawNetwork[] | null;
  readonly Services?: readonly RawService[] | null;
  readonly Tasks?: readonly RawTask[] | null;
}
interface RawJob {
  readonly TaskGroups?: readonly RawGroup[] | null;
}

const ports = {
  type: 'array',
  nullable: true,
  items: { type: 'object', required: ['Label'], properties: { Label: { type: 'string' } } },
};
const networks = {
  type: 'array',
  nullable: true,
  items: { type: 'object', properties: { DynamicPorts: ports, ReservedPorts: ports } },
};

/** As far as ports go; the rest was judged when the job was parsed. */
const jobShape = shapeOf<RawJob>({
  type: 'object',
  properties: {
    TaskGroups: {
      type: 'array',
      nullable: true,
      items: {
        type: 'object',
        properties: {
          Networks: networks,
          Tasks: {
            type: 'array',
            nullable: true,
            items: {
              type: 'object',
              properties: {
                Resources: { type: 'object', nullable: true, properties: { Networks: networks } },
              },
            },
          },
        },
      },
    },
  },
});

/**
 * Of a job as `nomad job run -output` prints it. Nomad 2.0 takes such a job, and registers its instances without an address.
 * A number is a port by itself, and what a client fills in is not known.
 */
export function findUnported(value: unknown): readonly Unported[] {
  const job = typeof value === 'object' && value !== null && 'Job' in value ? value.Job : value;
  if (!jobShape.fits(job)) return [];
  return (job.TaskGroups ?? []).flatMap((group) => {
    const tasks = group.Tasks ?? [];
    const given = [...(group.Networks ?? []), ...tasks.flatMap(({ Resources }) => Resources?.Networks ?? [])];
    const labels = new Set(
      given
        .flatMap(({ DynamicPorts, ReservedPorts }) => [...(DynamicPorts ?? []), ...(ReservedPorts ?? [])])
        .map(({ Label }) => Label),
    );
    return [...(group.Services ?? []), ...tasks.flatMap(({ Services }) => Services ?? [])].flatMap(
      ({ Name, PortLabel, Provider }) => {
        const label = PortLabel ?? '';
        const isLabel = label !== '' && !/^\d+$|\$\{/.test(label);
        return Provider === 'nomad' && isLabel && !labels.has(label) ? [{ name: Name || group.Name, label }] : [];
      },
    );
  });
}
