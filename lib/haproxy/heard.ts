import { Observable } from 'rxjs';
import type { Notice } from '../model/notice.ts';
import type { Applied } from './end.ts';

/**
 * Does work once it is subscribed to. It goes on to its end when the subscriber leaves, and what there is to say of it is
 * said elsewhere then.
 */
export function heard(work: () => Promise<Applied>, say: (notice: Notice) => void): Observable<Applied> {
  return new Observable((subscriber) => {
    work().then(
      (applied) => {
        if (subscriber.closed) for (const notice of applied.notices) say(notice);
        subscriber.next(applied);
        subscriber.complete();
      },
      (error: unknown) => {
        subscriber.error(error);
      },
    );
  });
}
