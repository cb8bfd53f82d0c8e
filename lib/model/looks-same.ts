import type { Job, Registration } from './events.ts';
import type { Instance, Service } from './service.ts';

/** Nothing that HAProxy or a reader of the status would see differs. */
export function looksSame(before: Service, after: Service): boolean {
  return (
    before.instances.length === after.instances.length &&
    before.instances.every((one, n) => looksSameInstance(one, after.instances[n])) &&
    saysSame(before.wish, after.wish) &&
    saysSame(before.denials, after.denials) &&
    saysSame(before.problems, after.problems)
  );
}

/** To the last field, but the names that it is looked up by. */
export function isSameRegistration(a: Registration, b: Registration): boolean {
  return (
    a.id === b.id &&
    a.modifyIndex === b.modifyIndex &&
    a.createIndex === b.createIndex &&
    a.address === b.address &&
    a.port === b.port &&
    a.alloc === b.alloc &&
    a.job === b.job &&
    a.node === b.node &&
    isSameList(a.tags, b.tags)
  );
}

/** The same version, which says the same, and has replaced the same. */
export function isSameJob(a: Job, b: Job): boolean {
  return (
    a.modifyIndex === b.modifyIndex &&
    a.createIndex === b.createIndex &&
    a.stable === b.stable &&
    saysSame(a.services, b.services) &&
    saysSame(a.earlier, b.earlier)
  );
}

export function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, n) => text === b[n]);
}

function saysSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function looksSameInstance(a: Instance, b: Instance | undefined): boolean {
  return (
    b !== undefined &&
    a.registration.id === b.registration.id &&
    a.registration.address === b.registration.address &&
    a.registration.port === b.registration.port &&
    a.admitted === b.admitted &&
    a.managed === b.managed &&
    a.weight === b.weight
  );
}
