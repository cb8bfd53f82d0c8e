import type { ServiceKey } from '../model/events.ts';
import type { Step, StepOf } from '../model/step.ts';
import type { View } from '../model/view.ts';
import type { RouteStep } from './map-writer.ts';

/** The rows of a turn by when they change: before everything else, before its drains, behind its write. */
export interface RowOrder {
  readonly atOnce: readonly StepOf<'set-route'>[];
  readonly before: readonly StepOf<'delete-route'>[];
  readonly after: readonly RouteStep[];
}

/**
 * A domain that changes its type, its backend or its service is never without a row: what leads to a backend that stands and
 * that this turn does not touch is set at once, what goes comes after that. Rows of a service go behind the write where one of
 * its own has to wait for it, or where HAProxy may refuse what the service wants: then they stay.
 */
export function orderRows(
  entering: readonly StepOf<'set-route'>[],
  leaving: readonly StepOf<'delete-route'>[],
  configured: readonly Step[],
  view: View,
): RowOrder {
  const touched = new Set(
    configured.flatMap((step) => ('backend' in step && step.kind !== 'drain-slot' ? step.backend : [])),
  );
  const isAtOnce = ({ backend }: StepOf<'set-route'>) => view.backends.has(backend) && !touched.has(backend);
  const waiting = new Set<ServiceKey>(entering.filter((step) => !isAtOnce(step)).map(({ service }) => service));
  for (const { kind, service } of configured) {
    if (kind !== 'remove-backend' && kind !== 'remove-slots' && kind !== 'drain-slot') waiting.add(service);
  }
  return {
    atOnce: entering.filter(isAtOnce),
    before: leaving.filter(({ service }) => !waiting.has(service)),
    after: [...entering.filter((step) => !isAtOnce(step)), ...leaving.filter(({ service }) => waiting.has(service))],
  };
}

export function isEntering(step: RouteStep): step is StepOf<'set-route'> {
  return step.kind === 'set-route';
}
