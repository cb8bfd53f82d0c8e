import { burst } from './latency/burst.ts';
import { canary } from './latency/canary.ts';
import { coldStart } from './latency/cold-start.ts';
import { identicalEvents } from './latency/identical-events.ts';
import { idle } from './latency/idle.ts';
import { newService } from './latency/new-service.ts';
import { scaleIn } from './latency/scale-in.ts';
import { scaleOut } from './latency/scale-out.ts';
import { runScenarios } from './support/run-scenarios.ts';

/** How long a change takes from Nomad's event to a user of a real HAProxy, beside the least it could take. */
await runScenarios({
  'scale-out-10': scaleOut(10),
  'scale-out-500': scaleOut(500),
  'scale-in': scaleIn,
  'new-service': newService,
  burst,
  'cold-start-100': coldStart(100),
  'cold-start-500': coldStart(500, 2),
  'cold-start-2000': coldStart(2000, 3),
  idle,
  'identical-events': identicalEvents,
  canary,
});
