import { lateApp } from './rolling/late-app.ts';
import { rollingUpdate } from './rolling/rolling-update.ts';
import { runScenarios } from './support/run-scenarios.ts';

/** Whether a user of a real HAProxy notices that instances come and go. */
await runScenarios({
  'late-app': lateApp,
  'rolling-update': rollingUpdate(300),
  'rolling-update-no-delay': rollingUpdate(0),
});
