import { filter, type MonoTypeOperatorFunction } from 'rxjs';
import { isManaged, type ServiceChange } from '../lib/model/service.ts';

/**
 * Keeps the changes of services that are managed before or after. A removed tag must pass too, which is why this comes
 * behind the fold. `snapshot-probed` passes.
 *
 *     source:  -a--b--c--|    a: tag added, b: never managed, c: tag removed
 *     result:  -a-----c--|
 */
export function filterManaged<
  T extends ServiceChange | { readonly kind: 'snapshot-probed' },
>(): MonoTypeOperatorFunction<T> {
  return filter((value) => 'kind' in value || isManaged(value));
}
