import { defer, filter, type MonoTypeOperatorFunction } from 'rxjs';
import type { Notice } from '../lib/model/notice.ts';

/**
 * Says once why HAProxy is lost, however many try it, until it answers again.
 *
 *     source:  -a-a-b-b-C-a--|    a, b: haproxy-lost, for two reasons   C: haproxy-connected
 *     result:  -a---b---C-a--|
 *
 * A reason is a failure's kind and message. Every other notice passes.
 */
export function sayLossOnce(): MonoTypeOperatorFunction<Notice> {
  return (source) =>
    defer(() => {
      let said: string | undefined;
      return source.pipe(
        filter((notice) => {
          if (notice.kind === 'haproxy-connected') said = undefined;
          if (notice.kind !== 'haproxy-lost') return true;
          const reason = `${notice.failure.kind} ${notice.failure.message}`;
          const isNews = reason !== said;
          said = reason;
          return isNews;
        }),
      );
    });
}
