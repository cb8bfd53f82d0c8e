import { assert, config } from 'chai';
import { TestScheduler, type RunHelpers } from 'rxjs/testing';

config.truncateThreshold = 0;

interface Frame {
  readonly notification?: { readonly kind: string; readonly error?: unknown };
}

/** Runs a marble test on virtual time (one character: 1 ms). Errors count by name and message, wherever they were made. */
export function marbles(test: (helpers: RunHelpers) => void): void {
  const scheduler = new TestScheduler((actual: readonly Frame[], expected: readonly Frame[]) => {
    assert.deepEqual(actual.map(withoutStack), expected.map(withoutStack));
  });
  scheduler.run(test);
}

function withoutStack(frame: Frame): Frame {
  const error = frame.notification?.error;
  if (frame.notification === undefined || !(error instanceof Error)) return frame;
  return { ...frame, notification: { ...frame.notification, error: { name: error.name, message: error.message } } };
}
