import type { RawJob, RawRegistration } from '../../spec/support/nomad-state.ts';

/** `svc-00007`, ...: so many names. */
export function serviceNames(count: number, from = 0): readonly string[] {
  return Array.from({ length: count }, (_, n) => `svc-${String(from + n).padStart(5, '0')}`);
}

/** The domain of a service. */
export function hostOf(service: string): string {
  return `${service}.example.com`;
}

/** The name that the connector gives the backend of a service. */
export function backendOf(service: string): string {
  return service.replaceAll('-', '_');
}

/** A job that runs one service. `count`: instances, which decides how many slots there are. */
export function jobOf(service: string, count: number): RawJob {
  const block = { Name: service, PortLabel: 'http', Provider: 'nomad', Checks: null };
  return {
    ID: service,
    Namespace: 'default',
    Stable: true,
    TaskGroups: [{ Name: service, Count: count, Services: [block] }],
  };
}

let made = 0;

/** A new instance, with a domain and unlike any other. */
export function instanceOf(
  service: string,
  address: string,
  port: number,
  tags: readonly string[] = [],
): RawRegistration {
  made += 1;
  const alloc = `00000000-0000-0000-0001-${String(made).padStart(12, '0')}`;
  return {
    ID: `_nomad-task-${alloc}-group-${service}-${service}-http`,
    ServiceName: service,
    Namespace: 'default',
    NodeID: '11111111-0000-0000-0000-000000000000',
    Datacenter: 'dc1',
    JobID: service,
    AllocID: alloc,
    Tags: ['haproxy.enable=true', `haproxy.domain=${hostOf(service)}`, ...tags],
    Address: address,
    Port: port,
    CreateIndex: made,
    ModifyIndex: made,
  };
}
